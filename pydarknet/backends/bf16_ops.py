"""Ops on activations in BF16, as types (`csrc/ops/cpu/bf16.h`). They are (N, ceil(C / 32), H, W, 32) of uint16,
whatever the instruction set, 0 in lanes past C."""

from __future__ import annotations

from typing import Protocol

from .ops import ActivationHandle, Array, Geometry


class Bf16ConvPrimitive(Protocol):
    """A convolution of one shape. Memory is counted in floats, as that of others; y is of BF16 or of floats."""

    shape: Geometry
    algorithm: str
    packed_size: int

    def workspace(self) -> int: ...
    def pack(self, weights: Array, packed: Array) -> None: ...
    def forward(
        self, x: Array, packed: Array, bias: Array | None, y: Array, activation: ActivationHandle, workspace: Array
    ) -> None: ...
    def does(self, add: bool = False, pool: bool = False) -> bool: ...
    def forward_then(
        self, x: Array, packed: Array, bias: Array | None, y: Array, activation: ActivationHandle, workspace: Array,
        add: Array | None = None, pool: bool = False,
    ) -> None: ...  # fmt: skip


class Bf16Ops(Protocol):
    """The table of ops on BF16, and on images (N, C, H, W) in floats; without matrix registers no algorithms."""

    bf16_block: int

    def bf16_algorithms(self, shape: Geometry) -> list[str]: ...
    def Bf16Conv(self, shape: Geometry, algorithm: str) -> Bf16ConvPrimitive: ...  # noqa: N802
    def bf16_image_algorithms(self, shape: Geometry) -> list[str]: ...
    def Bf16ImageConv(self, shape: Geometry, algorithm: str) -> Bf16ConvPrimitive: ...  # noqa: N802
    def bf16_from_blocked(self, x: Array, y: Array, channels: int) -> None: ...
    def bf16_to_blocked(self, x: Array, y: Array) -> None: ...
    def bf16_add(self, a: Array, b: Array, y: Array) -> None: ...
