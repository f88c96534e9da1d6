"""Bytes that a convolution's packed weights may take: Winograd's larger tiles are worth their memory only where the
weights are few. (All of yolov2's at three times their size would need 700 MB.)"""

from __future__ import annotations

from collections.abc import Sequence

from ...plan.tape import Tape

SMALL, SMALL_BF16, LARGE = 24 << 20, 16 << 20, 64 << 20
GROWTH, INFERENCE, LEARNT = 2, 3, 4  # times the bytes of the weights
LARGE_IMAGE = 24  # pixels of a side, from which on F(6x6) saves time enough to be worth its roundings


def packed(weights: int) -> int:
    """Twice `weights` bytes; SMALL is always allowed."""
    return max(SMALL, GROWTH * weights)


def training(weights: int, p: Tape) -> int:
    """More where all layers pack into the same memory; for few images packing more takes longer than larger tiles
    save."""
    return max(SMALL, min(LEARNT, 1 + p.batch) * weights) if p.once else packed(weights)


def inference(weights: int, halves: str = "") -> int:
    """Where they are packed once, up to LARGE. In 16 bits on a CPU (`halves`: "fp16" or "bf16") it is three times
    what they take in those, whatever that is: 280 MB of yolov2, where F(4x4) would have 400. BF16 has no F(4x4) of
    its own: what passes SMALL_BF16 would be FP32, for a few hundredths of the time of the same transformed lazily."""
    if halves:
        return max(SMALL_BF16 if halves == "bf16" else SMALL, INFERENCE * weights // 2)
    return max(packed(weights), min(LARGE, INFERENCE * weights))


def chosen(algorithms: Sequence[str], *, close: bool) -> str:
    """The first; `close`: but for F(6x6), whose roundings grow four times as much as those of F(4x4)."""
    return next(name for name in algorithms if not (close and name == "winograd6"))
