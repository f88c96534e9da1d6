"""The two numbers of every layer (operations, bytes) and the time that the cost model predicts on an H100 SXM.

    python benchmarks/gpu_model.py [cfg/yolov2.cfg] [--size 416] [--batch 1] [--precision tf32]

Convolutions are predicted by the model that chooses their algorithm (csrc/cuda/conv/plan.cu), so the extension for
CUDA or its emulator must be built; no GPU is needed. Other layers read their input and write their output once.
"""

from __future__ import annotations

import argparse
import importlib
from dataclasses import dataclass
from typing import Any

from pydarknet.graph.graph import Graph
from pydarknet.layers.base import Layer
from pydarknet.layers.common import budgets
from pydarknet.layers.convolutional import MAX_PLAIN_CHANNELS, Convolution

MEMORY = 3.35e12  # bytes a second
LAUNCH = 3e-6  # seconds


@dataclass(frozen=True)
class Row:
    """A layer's kernel, multiplications and additions, bytes that memory must move at least, and seconds."""

    name: str
    kernel: str
    operations: float
    bytes: float
    seconds: float


def extension() -> Any:
    for name in ("_emu", "_cuda"):
        try:
            return importlib.import_module(f"pydarknet.{name}")
        except ImportError:
            continue
    raise SystemExit("neither pydarknet._cuda nor pydarknet._emu is built: PYDARKNET_EMU=1 make")


def convolution(ops: Any, layer: Convolution, batch: int, precision: str) -> Row:
    k, s, p = layer.kernel, layer.strides, layer.padding
    shape = ops.ConvShape(batch, *layer.inputs, layer.out.c, *k, *s, p, p, layer.groups, precision)
    weights = layer.out.c * layer.inputs.c // layer.groups * k[0] * k[1]
    budget = budgets.packed(4 * weights)
    kernel = shape.algorithms(budget, layer.inputs.c <= MAX_PLAIN_CHANNELS)[0]
    width = 2 if precision in {"fp16", "bf16"} else 4
    moved = 4 * batch * (layer.inputs.size + layer.out.size) + width * weights
    return Row(f"{k[0]}x{k[1]}/{s[0]} {layer.inputs.c} -> {layer.out.c}, {layer.out.h}x{layer.out.w}", kernel,
               shape.flops, moved, ops.Conv(shape, kernel).cost())  # fmt: skip


def other(layer: Layer, batch: int) -> Row:
    moved = 4 * batch * (layer.inputs.size + layer.out.size)
    name = f"{layer.out.c} channels, {layer.out.h}x{layer.out.w}"
    return Row(name, layer.type, batch * layer.flops, moved, LAUNCH + moved / MEMORY)


def rows(ops: Any, graph: Graph, batch: int, precision: str) -> list[Row]:
    """One for each layer. Routes of one layer are views."""
    return [
        convolution(ops, layer, batch, precision) if isinstance(layer, Convolution) else other(layer, batch)
        for layer in graph.layers
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cfg", nargs="?", default="cfg/yolov2.cfg")
    parser.add_argument("--size", type=int, default=416)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--precision", default="tf32", choices=["fp32", "tf32", "fp16", "bf16"])
    args = parser.parse_args()
    graph = Graph(args.cfg)
    graph.reshape(args.size, args.size)
    table = rows(extension(), graph, args.batch, args.precision)
    print("| layer | kernel | GFLOP | MB | predicted us |")
    print("|---|---|---|---|---|")
    for index, row in enumerate(table):
        print(f"| {index} {row.name} | {row.kernel} | {row.operations / 1e9:.3f} | {row.bytes / 1e6:.2f} "
              f"| {row.seconds * 1e6:.1f} |")  # fmt: skip
    operations, moved, seconds = (
        sum(getattr(r, field) for r in table) for field in ("operations", "bytes", "seconds")
    )
    print(f"| all | | {operations / 1e9:.2f} | {moved / 1e6:.1f} | {seconds * 1e6:.0f} |")


if __name__ == "__main__":
    main()
