"""How the work on many images is spread over the cores: each image on one of them, or one after another on all."""

from __future__ import annotations

from functools import partial

from ..backends.machine import default_threads, free_bytes
from ..system.pipeline import Lanes
from .engine import PLANS_KEPT, Engine

FEW = 4  # items a core; with fewer, the last ones would leave too many cores without any
DEVICE_LANES = 8  # read and write beside a device; more hardly find work

NONE_AHEAD = Lanes(0)


def lanes_of(net: Engine, items: int | None, batch: int = 1, *, lazy: bool = False, in_order: bool = False) -> Lanes:
    """Lanes for a network and so many items (None: not known) of `batch` images.

    On the CPU each core gets an item of its own: none waits for others within a layer. With few items, without memory
    for as many plans, and if the network has to see the items `in_order`, all cores compute one item after another,
    while others are read and written. So does a device.
    """
    if items is not None and items <= 1:
        return NONE_AHEAD
    if net.backend.name != "cpu":
        return Lanes(min(DEVICE_LANES, default_threads()) + 1)
    threads = net.backend.ops.num_threads()
    few = in_order or (items is not None and items < FEW * threads and threads > 1)
    if few or threads * net.plan_bytes(batch, lazy=lazy) > free_bytes() // 2:
        return Lanes(2)
    net.plans_kept = max(net.plans_kept, threads + PLANS_KEPT)
    return Lanes(threads, True, partial(net.backend.ops.limit_threads, 1))
