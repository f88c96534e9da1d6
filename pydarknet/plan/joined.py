"""Concatenations of one image whose parts are written where they belong: nothing is copied."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from ..backends.ops import Ops
from .fuse import Call

if TYPE_CHECKING:
    from .plan import Value


def joined(calls: Sequence[Call], wholes: Collection[Value], end: int, ops: Ops) -> tuple[list[Call], list[Value]]:
    """The calls without such copies into `wholes`, and the values that have become parts of these. Values that
    outlive step `end` keep memory of their own."""
    sources: dict[Value, list[Value]] = {}
    for op, args in calls:
        if op is ops.copy_channels and args[1] in wholes:
            sources.setdefault(args[1], []).append(args[0])
    kept: list[Call] = []
    parts: list[Value] = []
    for op, args in calls:
        if op is ops.copy_channels and args[1] in wholes:
            x, y, offset, channels = args
            if becomes_part(x, y, offset, channels, sources[y], end, ops.block):
                parts.append(x)
                continue
        kept.append((op, args))
    return kept, parts


def becomes_part(
    x: Value, y: Value, offset: int, channels: int, sources: Sequence[Value], end: int, block: int
) -> bool:
    """Let x be y's channels from `offset` on, if these are whole channel blocks of x, which then lie together, and
    nothing else of x is copied to y."""
    if x.dims[0] != 1 or offset % block or channels % block or channels != x.shape.c:
        return False
    if x.owner is not x or x.last >= end or sum(source.owner is x for source in sources) != 1:
        return False
    y.first, y.last = min(x.first, y.first), max(x.last, y.last)
    x.whole, x.start, x.first = y, offset * x.shape.h * x.shape.w, -1
    return True
