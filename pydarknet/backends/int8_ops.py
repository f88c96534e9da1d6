"""What the CPU's extensions export besides `Ops`, as types: inference in 8 bits, of which `csrc/ops/cpu/int8.h` has
the meaning, checksums, and what multiplies BF16 and bytes (`csrc/ops/precision.h`).

Bytes are (N, ceil(C / 16), H, W, 16) of uint8 whatever the instruction set, an image (N, 1, H, W, 4).
"""

from __future__ import annotations

from typing import Protocol

from .ops import Array, Geometry


class Int8ConvPrimitive(Protocol):
    """A convolution of one shape, of bytes or of an image's."""

    body: str
    packed_bytes: int
    pools: bool

    def workspace(self) -> int: ...
    def pack(self, weights: Array, packed: Array) -> None: ...
    def units(self, packed: Array) -> Array: ...
    def forward(
        self, x: Array, zero_x: int, packed: Array, start: Array, scale: Array, slope: float, y: Array, zero_y: int,
        workspace: Array, pooled: bool = False,
    ) -> None: ...  # fmt: skip


class ChecksumOps(Protocol):
    """`csrc/shared/checksum.h`."""

    def checksum(self, data: Array) -> int: ...


class MatrixOps(Protocol):
    """What multiplies pairs of BF16, and bytes: "amx", "vectors" or "plain"; empty in builds that know no AMX."""

    def use_matrices(self, name: str) -> str: ...


class Int8Ops(Protocol):
    """The table of ops on bytes."""

    int8_block: int
    int8_image_block: int

    def int8_bodies(self, tiles: bool = False) -> list[str]: ...
    def int8_supports(self, shape: Geometry) -> bool: ...
    def int8_tiles(self, shape: Geometry) -> bool: ...
    def Int8Conv(  # noqa: N802
        self, shape: Geometry, image: bool = False, body: str = "", tiles: bool = False
    ) -> Int8ConvPrimitive: ...
    def int8_quantize(self, x: Array, y: Array, per_unit: float, zero: int) -> None: ...
    def int8_quantize_image(self, x: Array, y: Array, per_unit: float, zero: int) -> None: ...
    def int8_dequantize(self, x: Array, y: Array, scale: float, zero: int) -> None: ...
    def int8_copy_channels(
        self, x: Array, y: Array, from_channel: int, to_channel: int, channels: int, ratio: float, zero_x: int,
        zero_y: int,
    ) -> None: ...  # fmt: skip
    def int8_add(
        self, a: Array, zero_a: int, factor_a: int, b: Array, zero_b: int, factor_b: int, y: Array, shift: int,
        zero: int,
    ) -> None: ...  # fmt: skip
