"""A network layer by layer: algorithm, operations, bytes, the machine's floor, time, share of the whole.

    python benchmarks/layers.py [yolov2 [--size 416]] [--threads 1] [--precision fp32] [--runs 20]

The floor is the larger of the multiplications of the best algorithm's arithmetic at the measured peak, and of the
weights at the memory's speed (conv.py has both).
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
from pydarknet.plan.plan import Builder

WINOGRAD = 4.0  # multiplications that F(4x4) saves


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

    class Stepwise(Builder):
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
        x = builder.outputs[layer.index] = layer.plan(builder, x)
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
        for name in ("packed", "packed_plain"):
            found = net._constants.get(layer.key(name))
            if isinstance(found, tuple):
                return str(found[0]), int(found[1].nbytes)
    return "", 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", default="yolov2")
    parser.add_argument("--size", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision")
    parser.add_argument("--runs", type=int, default=20)
    args = parser.parse_args()
    net = Network(ROOT / "cfg" / f"{args.network}.cfg", threads=args.threads, precision=args.precision)
    if args.size:
        net.resize(args.size, args.size)
    peak = measured_peak() * 1e9 * args.threads
    costs = timed_layers(net, args.runs)
    whole = sum(statistics.median(cost.seconds) for cost in costs)
    print(f"{'layer':28} {'algorithm':14} {'GFLOP':>7} {'MB':>7} {'floor ms':>8} {'ms':>8} {'share':>6}")
    for cost in costs:
        layer, median = cost.layer, statistics.median(cost.seconds)
        saved = WINOGRAD if isinstance(layer, Convolution) and layer.kernel == (3, 3) and layer.inputs.c > 4 else 1
        weights = sum(array.nbytes for array in layer.parameters.values())
        floor = max(layer.flops / saved / peak, weights / (STREAM * args.threads))
        name = f"{layer.index} {layer.type} {layer.out}"
        print(f"{name:28} {cost.algorithm:14} {layer.flops / 1e9:7.2f} {cost.packed / 1e6:7.1f} {1000 * floor:8.2f} "
              f"{1000 * median:8.2f} {median / whole:6.1%}")  # fmt: skip
    print(f"sum: {1000 * whole:.1f} ms, {net.flops / 1e9:.2f} GFLOP, {net.flops / 1e9 / whole:.0f} GFLOP/s")


if __name__ == "__main__":
    main()
