"""Concatenations of one image whose parts are written where they belong: nothing is copied."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..backends.ops import Ops
from .fuse import Call

if TYPE_CHECKING:
    from .plan import Value

Copy: TypeAlias = "tuple[Value, Value, int, int]"  # from, to, the first channel there, how many


def joined(calls: Sequence[Call], wholes: Collection[Value], end: int, ops: Ops) -> tuple[list[Call], list[Value]]:
    """The calls without such copies into `wholes`, and the values that have become parts of these. Values that
    outlive step `end` keep memory of their own."""
    sources: dict[Value, list[Value]] = {}
    copies = [copied if (copied := copy_of(call, ops)) and copied[1] in wholes else None for call in calls]
    for x, y, *_ in filter(None, copies):
        sources.setdefault(y, []).append(x)
    kept: list[Call] = []
    parts: list[Value] = []
    for call, copied in zip(calls, copies, strict=True):
        if copied is not None and becomes_part(*copied, sources[copied[1]], end):
            parts.append(copied[0])
        else:
            kept.append(call)
    return kept, parts


def copy_of(call: Call, ops: Any) -> Copy | None:
    """What the call copies, if it copies all channels of something."""
    op, args = call
    if op is ops.copy_channels:
        x, y, offset, channels = args
        return x, y, offset, channels
    if op is getattr(ops, "narrow_copy_channels", None):
        x, y, start, offset, channels = args
        return None if start else (x, y, offset, channels)
    return None


def becomes_part(x: Value, y: Value, offset: int, channels: int, sources: Sequence[Value], end: int) -> bool:
    """Let x be y's channels from `offset` on, if these are whole channel blocks of x, which then lie together, and
    nothing else of x is copied to y."""
    block = y.dims[-1]
    if x.dims[0] != 1 or offset % block or channels % block or channels != x.shape.c:
        return False
    if x.owner is not x or x.last >= end or sum(source.owner is x for source in sources) != 1:
        return False
    y.first, y.last = min(x.first, y.first), max(x.last, y.last)
    x.whole, x.start, x.first = y, offset * x.shape.h * x.shape.w, -1
    return True
