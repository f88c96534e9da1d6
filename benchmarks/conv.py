"""Convolutions of a network, one by one: what the machine allows, and what each algorithm takes.

    python benchmarks/conv.py [yolov2|yolov2-tiny|darknet19] [--size 416] [--threads 1] [--isa avx512]

The floor is the larger of the multiplications of the best algorithm's arithmetic at peak and of the
weights at the memory's speed; the columns are milliseconds (median of several runs) and, in brackets,
GFLOP/s as if computed directly.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pydarknet.layers.common import budgets

PEAK = {"avx512": 200e9, "avx2": 100e9, "baseline": 25e9}  # multiply-adds of one core here, float32
STREAM = 15e9  # bytes a second of one core, from memory

CLOCKS = {"wall": time.perf_counter, "cpu": time.thread_time}

# (filters, kernel) of a convolution, "M" for a 2x2/2 max-pool, ("C", channels) where a route sets them.
YOLOV2 = [(32, 3), "M", (64, 3), "M", (128, 3), (64, 1), (128, 3), "M", (256, 3), (128, 1), (256, 3), "M",
          (512, 3), (256, 1), (512, 3), (256, 1), (512, 3), "M", (1024, 3), (512, 1), (1024, 3), (512, 1),
          (1024, 3), (1024, 3), (1024, 3), ("C", 1280), (1024, 3), (425, 1)]  # fmt: skip
TINY = [(16, 3), "M", (32, 3), "M", (64, 3), "M", (128, 3), "M", (256, 3), "M", (512, 3), "S", (1024, 3),
        (512, 3), (425, 1)]  # fmt: skip
DARKNET19 = [*YOLOV2[:23], (1000, 1)]
NETWORKS: dict[str, list[Any]] = {"yolov2": YOLOV2, "yolov2-tiny": TINY, "darknet19": DARKNET19}


@dataclass(frozen=True)
class Layer:
    c: int
    size: int
    k: int
    kernel: int


def layers_of(network: str, size: int) -> Iterator[Layer]:
    channels = 3
    for item in NETWORKS[network]:
        if item == "M":
            size //= 2
        elif item == "S":
            pass
        elif item[0] == "C":
            channels = item[1]
        else:
            yield Layer(channels, size, item[0], item[1])
            channels = item[0]


def aligned(*shape: int) -> NDArray[np.float32]:
    count = int(np.prod(shape))
    raw = np.zeros(count + 16, np.float32)
    start = -raw.ctypes.data // 4 % 16
    return raw[start : start + count].reshape(shape)


def median_ms(run: Callable[[], None], repeats: int, clock: Callable[[], float]) -> float:
    run()
    times = []
    for _ in range(repeats):
        start = clock()
        run()
        times.append(clock() - start)
    return statistics.median(times) * 1e3


class Case:
    """One layer with one algorithm: arrays, packed weights, and a call."""

    def __init__(self, ops: Any, shape: Any, algorithm: str, plain: bool) -> None:
        rng = np.random.default_rng(0)
        block = ops.block
        x_shape = (shape.n, shape.c, shape.h, shape.w) if plain else (
            shape.n, -(-shape.c // block), shape.h, shape.w, block)  # fmt: skip
        x = aligned(*x_shape)
        x[...] = rng.standard_normal(x_shape, np.float32)
        weights = rng.standard_normal((shape.k, shape.c, shape.kernel_h, shape.kernel_w), np.float32)
        conv, leaky = ops.Conv(shape, algorithm), ops.Activation("leaky")
        self.packed = aligned(conv.packed_size)
        conv.pack(weights, self.packed)
        y = aligned(shape.n, -(-shape.k // block), shape.out_h, shape.out_w, block)
        workspace = aligned(max(1, conv.workspace()))
        bias = np.zeros(shape.k, np.float32)
        self.run = lambda: conv.forward(x, self.packed, bias, y, leaky, workspace)


def floor_ms(shape: Any, isa: str, threads: int) -> float:
    saving = 4.0 if shape.kernel_h == 3 and shape.c > 4 else 1.0
    weights = 4.0 * shape.k * shape.c * shape.kernel_h * shape.kernel_w
    compute = shape.flops / saving / (PEAK[isa] * threads)
    reading = weights / (STREAM * threads) if weights > 1.5e6 else 0.0
    return float(1e3 * max(compute, reading))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", default="yolov2", choices=sorted(NETWORKS))
    parser.add_argument("--size", type=int, default=416)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--isa", default="avx512", choices=sorted(PEAK))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--clock", default="wall", choices=sorted(CLOCKS),
                        help="cpu: the calling thread's time, for one thread on a busy machine")  # fmt: skip
    parser.add_argument("--batch", type=int, default=1)
    args = parser.parse_args()
    ops = importlib.import_module(f"pydarknet._cpu_{args.isa}")
    ops.set_num_threads(args.threads)
    total: dict[str, float] = {"floor": 0.0, "chosen": 0.0, "best": 0.0, "megabytes": 0.0}
    known: dict[str, Any] = {}
    print(f"{'layer':28} {'GFLOP':>6} {'floor':>6}  algorithms in the order of the cost model, * in budget")
    for layer in layers_of(args.network, args.size):
        pad = layer.kernel // 2
        shape = ops.ConvShape(args.batch, layer.c, layer.size, layer.size, layer.k, layer.kernel, layer.kernel,
                              1, 1, pad, pad, 1)  # fmt: skip
        plain = layer.c <= 4
        key = repr(shape)
        if key not in known:
            weights = 4 * layer.c * layer.k * layer.kernel**2
            budget = budgets.inference(weights)
            usable = shape.algorithms(1 << 62, plain)
            chosen = shape.algorithms(budget, plain)
            times = {a: median_ms(Case(ops, shape, a, plain).run, args.repeats, CLOCKS[args.clock]) for a in usable}
            known[key] = (times, chosen)
        times, chosen = known[key]
        floor = floor_ms(shape, args.isa, args.threads)
        cells = [f"{a}{'*' if a in chosen else ''} {t:.2f} ({shape.flops / t / 1e6:.0f})" for a, t in times.items()]
        name = f"{layer.c}x{layer.size}x{layer.size} -> {layer.k}, {layer.kernel}x{layer.kernel}"
        print(f"{name:28} {shape.flops / 1e9:6.2f} {floor:6.2f}  {'   '.join(cells)}")
        total["floor"] += floor
        total["chosen"] += times[chosen[0]]
        total["best"] += min(times[a] for a in chosen)
        total["megabytes"] += ops.Conv(shape, chosen[0]).packed_size * 4e-6
    print(
        f"sum: floor {total['floor']:.1f} ms, chosen {total['chosen']:.1f} ms, best in budget"
        f" {total['best']:.1f} ms, packed weights {total['megabytes']:.0f} MB"
    )


if __name__ == "__main__":
    main()
