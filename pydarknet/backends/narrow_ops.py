"""Layers that move or compare bytes, or BF16, as types (`csrc/ops/cpu/narrow.h`)."""

from __future__ import annotations

from typing import Protocol

from .ops import Array, Pair


class NarrowOps(Protocol):
    """The table of ops that know an array's type by its elements."""

    def narrow_maxpool(self, x: Array, y: Array, size: int, stride: Pair, padding: int) -> None: ...
    def narrow_copy_channels(self, x: Array, y: Array, from_channel: int, to_channel: int, channels: int) -> None: ...
    def narrow_reorg(self, x: Array, y: Array, channels: int, stride: int) -> None: ...
    def narrow_upsample(self, x: Array, y: Array, stride: int) -> None: ...
