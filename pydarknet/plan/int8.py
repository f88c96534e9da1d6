"""Plans in which values may be bytes: q of a value is scale * (q - zero)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, cast

from ..backends.base import Backend
from ..backends.int8_ops import Int8Ops
from .narrow import NarrowBuilder, NarrowValue
from .plan import Constants, Value, Workspace
from .shapes import Shape


class Quantisation(NamedTuple):
    """What a byte q of a value stands for: scale * (q - zero)."""

    scale: float
    zero: int


@dataclass(eq=False)
class ByteValue(NarrowValue):
    """A value in bytes."""

    quantisation: Quantisation = field(default=Quantisation(1.0, 0))


class Int8Builder(NarrowBuilder):
    """Collects the steps of a plan in which layers may hand bytes on. For backends whose ops are `Int8Ops`."""

    def __init__(self, backend: Backend, batch: int, inputs: Shape, constants: Constants, steps: int = 1) -> None:
        self._bytes: dict[tuple[Value, Quantisation], ByteValue] = {}
        super().__init__(backend, batch, inputs, constants, steps)

    @property
    def int8(self) -> Int8Ops:
        return cast(Int8Ops, self.ops)

    def new_bytes(self, shape: Shape, quantisation: Quantisation, *, image: bool = False) -> ByteValue:
        """A value in bytes that some step will write; of an image, if its channels are to be one narrow block."""
        block = self.int8.int8_image_block if image else self.int8.int8_block
        dims = self.batch, -(-shape.c // block), shape.h, shape.w, block
        value = ByteValue(shape, True, dims, dtype="uint8", quantisation=quantisation)
        self._values.append(value)
        return value

    def as_bytes(self, value: Value, quantisation: Quantisation) -> ByteValue:
        """The value in bytes: as it is if it has some already, whatever their quantisation. An image's few channels
        become bytes of an image."""
        if isinstance(value, ByteValue):
            return value
        key = value, quantisation
        if key not in self._bytes:
            image = not value.blocked and value.shape.c <= self.int8.int8_image_block
            result = self._bytes[key] = self.new_bytes(value.shape, quantisation, image=image)
            op = self.int8.int8_quantize_image if image else self.int8.int8_quantize
            source = value if image else self.blocked(value)
            self.emit(op, source, result, 1 / quantisation.scale, quantisation.zero)
        return self._bytes[key]

    def byte_workspace(self, size: int) -> Workspace:
        """Scratch memory in bytes for the step it is an argument of."""
        return Workspace(size, "uint8")

    def like(self, x: NarrowValue, shape: Shape, times: float = 1.0) -> ByteValue | None:
        scale, zero = cast(ByteValue, x).quantisation
        return self.new_bytes(shape, Quantisation(scale * times, zero)) if times > 0 else None

    def widened(self, value: NarrowValue) -> Value:
        result = self.new(value.shape)
        self.emit(self.int8.int8_dequantize, value, result, *cast(ByteValue, value).quantisation)
        return result
