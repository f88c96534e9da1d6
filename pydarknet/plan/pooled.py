"""Batch normalisation that 2x2 max-pooling alone reads: pooled in the pass that makes it, never stored. On the way
back its gradient finds the maxima again, and is written where the convolution's output was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from ..backends.ops import Ops
from .fuse import Call, halves

if TYPE_CHECKING:
    from .plan import Value

Users: TypeAlias = "Mapping[Value, Sequence[int]]"  # by the owner of the memory: the calls that have it


def pooled(calls: Sequence[Call], ops: Ops) -> tuple[list[Call], list[Value]]:
    """The calls, two of such a layer as one, forward and backward, and the deltas without memory of their own; the
    bits stay."""
    users: dict[Value, list[int]] = {}
    for i, (_, args) in enumerate(calls):
        for owner in {a.owner for a in args if hasattr(a, "owner")}:
            users.setdefault(owner, []).append(i)
    changes: dict[int, Call | None] = {}
    for i, (op, _) in enumerate(calls):
        if op is ops.batchnorm_train:
            changes |= pooling(calls, i, users, ops)
    now = (changes.get(i, call) for i, call in enumerate(calls))
    deltas = [call[1][6] for call in changes.values() if call is not None and call[0] is ops.batchnorm_backward]
    return [call for call in now if call is not None], deltas


def pooling(calls: Sequence[Call], norm: int, users: Users, ops: Ops) -> dict[int, Call | None]:
    """What calls become if the normalisation `norm` pools: nothing where that can't be."""
    train, (x, y, *rest) = calls[norm]
    after = users[y.owner][1:]
    if len(after) not in (1, 2) or calls[after[0]][0] is not ops.maxpool_forward:
        return {}
    _, z, *windows = pool = calls[after[0]][1]
    if z.owner is not z or not halves(y, *pool):
        return {}
    changes: dict[int, Call | None] = {norm: (train, (x, z, *rest)), after[0]: None}
    if len(after) == 2:
        back = unpooling(calls, after[1], (x, y, *windows), users, ops)
        if not back:
            return {}
        changes |= back
    z.first, y.first = y.first, -1
    return changes


def unpooling(
    calls: Sequence[Call], pool: int, forward: tuple[object, ...], users: Users, ops: Ops
) -> dict[int, Call | None]:
    """The same of the way back, whose pooling is `pool`; `forward`: what was normalised, what was pooled, how."""
    op, args = calls[pool]
    if op is not ops.maxpool_backward:
        return {}
    y, dz, dy, *windows, accumulate = args
    if accumulate or forward[1:] != (y, *windows) or dy.owner is not dy:
        return {}
    norm = next(iter(users[dy][1:]), pool)
    backward, numbers = calls[norm]
    x = numbers[0]
    if backward is not ops.batchnorm_backward or (x, *numbers[5:7]) != (forward[0], dy, dy):
        return {}
    if x.owner is not x or users[x][-1] != norm:
        return {}
    dz.owner.last = max(dz.owner.last, x.last)
    x.last, dy.whole, dy.first = max(x.last, dy.last), x, -1
    return {pool: None, norm: (backward, (*numbers[:5], dz, *numbers[6:]))}
