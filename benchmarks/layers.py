"""A network layer by layer: algorithm, operations, bytes, the machine's floor, time, share of the whole.

    python benchmarks/layers.py [yolov2 [--size 416]] [--weights FILE] [--threads 1] [--precision fp32] [--runs 20]

The floor is the larger of the multiplications of the best algorithm's arithmetic at the measured peak, and of the
weights at the memory's speed (conv.py has both). That is F(4x4) at the peak of FMA; in pairs of BF16 F(3x3) at twice
that, by matrix registers the direct sum at sixteen times that; in 8 bits (a FILE by `pydarknet quantize`) the direct
sum at four times that. Steps are timed one by one here: what a network does in one pass, such as pooling in the
convolution before, is less.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from conv import STREAM
from workers import ROOT, measured_peak

from pydarknet import Network
from pydarknet.layers import Layer
from pydarknet.layers.convolutional import Convolution

WINOGRAD = {"fp32": 4.0, "bf16_pairs": 2 * 3.24}  # multiplications that are saved, and how many fewer steps they take
DIRECT = {"fp32": 1.0, "bf16_pairs": 2.0, "bf16_blocks": 16.0, "int8": 4.0}


@dataclass
class Cost:
    """A layer, the algorithm of its convolution, and its seconds in each run."""

    layer: Layer
    algorithm: str
    packed: int
    seconds: list[float]


def timed_layers(net: Network, runs: int) -> list[Cost]:
    """Every layer's steps of one plan, timed one after another."""
    current = [0]

    class Stepwise(net._builder()):  # type: ignore[misc]
        def emit(self, op, *args):  # type: ignore[no-untyped-def]
            super().emit(lambda *given, index=current[0]: timed(index, op, given), *args)

    def timed(index: int, op: object, given: Sequence[object]) -> None:
        start = time.perf_counter()
        op(*given)  # type: ignore[operator]
        spent[index] += time.perf_counter() - start

    spent = np.zeros(len(net.layers))
    builder = Stepwise(net.backend, 1, net.inputs, net._constant)
    x = builder.input
    for layer in net.layers:
        current[0] = layer.index
        x = builder.outputs[layer.index] = net._plan_layer(builder, layer, x)
    plan = builder.finish({len(net.layers) - 1: builder.plain(x)}, False)
    plan.input[...] = np.random.default_rng(0).random(plan.input.shape, np.float32)
    plan.run()
    table = []
    for _ in range(runs):
        spent[:] = 0
        plan.run()
        table.append(spent.copy())
    columns = np.array(table).T
    return [Cost(layer, *packed_of(net, layer), columns[layer.index].tolist()) for layer in net.layers]


def packed_of(net: Network, layer: Layer) -> tuple[str, int]:
    """The algorithm of a convolution, and the bytes of its packed weights."""
    if isinstance(layer, Convolution):
        for name in (
            "packed",
            "packed_plain",
            "packed_bf16",
            "packed_bf16_image",
            "int8",
            "int8_tiles",
            "int8_image",
        ):
            found = net._constants.get(layer.key(name))
            if found is not None:
                return (str(found[0]), int(found[1].nbytes)) if isinstance(found, tuple) else (name, found.nbytes)
    return "", 0


def floor_of(cost: Cost, peak: float, stream: float) -> float:
    """Seconds."""
    layer = cost.layer
    kind = next((each for each in DIRECT if each in cost.algorithm), "fp32")
    tiles = isinstance(layer, Convolution) and layer.kernel == (3, 3) and layer.strides == (1, 1)
    tiles = tiles and layer.inputs.c > 4 and kind in WINOGRAD
    weights = cost.packed if kind == "int8" else sum(array.nbytes for array in layer.parameters.values())
    return max(layer.flops / (WINOGRAD if tiles else DIRECT)[kind] / peak, weights / stream)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", default="yolov2")
    parser.add_argument("--size", type=int)
    parser.add_argument("--weights", help="default: random ones")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision")
    parser.add_argument("--runs", type=int, default=20)
    args = parser.parse_args()
    cfg = ROOT / "cfg" / f"{args.network}.cfg"
    net = Network(cfg, args.weights, threads=args.threads, precision=args.precision)
    if args.size:
        net.resize(args.size, args.size)
    peak = measured_peak() * 1e9 * args.threads
    costs = timed_layers(net, args.runs)
    whole = sum(statistics.median(cost.seconds) for cost in costs)
    print(f"{'layer':28} {'algorithm':20} {'GFLOP':>7} {'MB':>7} {'floor ms':>8} {'ms':>8} {'share':>6}")
    for cost in costs:
        layer, median = cost.layer, statistics.median(cost.seconds)
        floor = floor_of(cost, peak, STREAM * args.threads)
        name = f"{layer.index} {layer.type} {layer.out}"
        print(f"{name:28} {cost.algorithm:20} {layer.flops / 1e9:7.2f} {cost.packed / 1e6:7.1f} {1000 * floor:8.2f} "
              f"{1000 * median:8.2f} {median / whole:6.1%}")  # fmt: skip
    print(f"sum: {1000 * whole:.1f} ms, {net.flops / 1e9:.2f} GFLOP, {net.flops / 1e9 / whole:.0f} GFLOP/s")


if __name__ == "__main__":
    main()
