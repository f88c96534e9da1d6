"""What follows a convolution, done in the pass that writes its output: adding a layer, 2x2 max-pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..backends.ops import Ops

if TYPE_CHECKING:
    from .plan import Value

Call: TypeAlias = tuple[Callable[..., None], tuple[Any, ...]]
Tail: TypeAlias = "tuple[Value, Value | None, bool]"  # what is written, what is added, whether pixels are pooled


def fused(calls: Sequence[Call], ops: Ops) -> list[Call]:
    """The calls, those pairs as one; the bits stay. Values in between are no longer used."""
    result: list[Call] = []
    for step, call in enumerate(calls):
        whole = together(result[-1], call, step, ops) if result else None
        if whole is None:
            result.append(call)
        else:
            result[-1] = whole
    return result


def together(before: Call, call: Call, step: int, ops: Ops) -> Call | None:
    """A convolution and call number `step`, which alone reads what it wrote, as one call; None if that can't be."""
    forward, args = before
    conv = getattr(forward, "__self__", None)
    if getattr(forward, "__name__", "") != "forward":
        return None
    if hasattr(conv, "forward_then"):
        return of_floats(conv, args, call, step, ops)
    return of_bytes(conv, before, call, step, ops) if hasattr(conv, "pools") else None


def of_floats(conv: Any, args: tuple[Any, ...], call: Call, step: int, ops: Ops) -> Call | None:
    """The same of a convolution of floats."""
    source, packed, bias, y, activation, workspace = args
    tail = tail_of(y, call, ops) if (y.first, y.last) == (step - 1, step) else None
    if tail is None:
        return None
    written, added, pooled = tail
    if not conv.does(added is not None, pooled):
        return None
    source.owner.last = max(source.owner.last, step)
    y.first = -1
    return conv.forward_then, (source, packed, bias, written, activation, workspace, added, pooled)


def of_bytes(conv: Any, before: Call, call: Call, step: int, ops: Any) -> Call | None:
    """The same of a convolution of bytes."""
    forward, (source, zero, packed, start, scale, slope, y, zero_y, workspace, *pooled) = before
    alone = not pooled and (y.first, y.last) == (step - 1, step)
    if not (alone and conv.pools and call[0] is ops.narrow_maxpool and halves(y, *call[1])):
        return None
    source.owner.last = max(source.owner.last, step)
    y.first = -1
    return forward, (source, zero, packed, start, scale, slope, call[1][1], zero_y, workspace, True)


def halves(y: Value, x: Value, z: Value, size: int, strides: tuple[int, int], padding: int) -> bool:
    """Whether pooling makes z of y, by whole windows of 2 x 2."""
    halved = (2 * z.shape.h, 2 * z.shape.w) == (y.shape.h, y.shape.w)
    return x is y and halved and size == 2 and strides == (2, 2) and padding < 2


def tail_of(y: Value, call: Call, ops: Any) -> Tail | None:
    """What the call does to y, if it is something that a convolution may do itself."""
    op, args = call
    if op in (ops.maxpool_forward, getattr(ops, "narrow_maxpool", None)):
        return (args[1], None, True) if halves(y, *args) else None
    if op is ops.shortcut_forward:
        x, add, z, channels, others, alpha, beta = args
        alike = x is y and add is not y and add.dims == y.dims and channels == others
        return (z, add, False) if alike and alpha == beta == 1 else None
    if op is getattr(ops, "bf16_add", None):
        x, add, z = args
        return (z, add, False) if x is y and add is not y else None
    return None
