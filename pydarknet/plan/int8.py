"""Plans in which values may be bytes: q of a value is scale * (q - zero)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, cast

from ..backends.base import Backend
from ..backends.int8_ops import Int8Ops
from .plan import Builder, Constants, Value, Workspace
from .shapes import Shape


class Quantisation(NamedTuple):
    """What a byte q of a value stands for: scale * (q - zero)."""

    scale: float
    zero: int


@dataclass(eq=False)
class ByteValue(Value):
    """A value in bytes; who doesn't know them gets it in floats."""

    quantisation: Quantisation = field(default=Quantisation(1.0, 0))


class Int8Builder(Builder):
    """Collects the steps of a plan in which layers may hand bytes on. For backends whose ops are `Int8Ops`."""

    def __init__(self, backend: Backend, batch: int, inputs: Shape, constants: Constants, steps: int = 1) -> None:
        self._bytes: dict[tuple[Value, Quantisation], ByteValue] = {}
        self._floats: dict[Value, Value] = {}
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

    def blocked(self, value: Value) -> Value:
        """The value in floats, in the kernels' layout."""
        if not isinstance(value, ByteValue):
            return super().blocked(value)
        if value not in self._floats:
            result = self._floats[value] = self.new(value.shape)
            self.emit(self.int8.int8_dequantize, value, result, *value.quantisation)
        return self._floats[value]

    def plain(self, value: Value) -> Value:
        """The value in floats, in NCHW."""
        return super().plain(self.blocked(value) if isinstance(value, ByteValue) else value)
