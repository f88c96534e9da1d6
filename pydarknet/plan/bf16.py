"""Plans in which values may be BF16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from ..backends.base import Backend
from ..backends.bf16_ops import Bf16Ops
from .narrow import NarrowBuilder, NarrowValue
from .plan import Constants, Value
from .shapes import Shape


@dataclass(eq=False)
class HalfValue(NarrowValue):
    """A value in BF16."""


class Bf16Builder(NarrowBuilder):
    """Collects the steps of a plan in which layers may hand BF16 on. For backends whose ops are `Bf16Ops`."""

    def __init__(self, backend: Backend, batch: int, inputs: Shape, constants: Constants, steps: int = 1) -> None:
        self._halves: dict[Value, HalfValue] = {}
        super().__init__(backend, batch, inputs, constants, steps)

    @property
    def bf16(self) -> Bf16Ops:
        return cast(Bf16Ops, self.ops)

    def new_halves(self, shape: Shape, images: int | None = None) -> HalfValue:
        """A value in BF16 that some step will write, of the batch's images or of so many."""
        block = self.bf16.bf16_block
        dims = images or self.batch, -(-shape.c // block), shape.h, shape.w, block
        value = HalfValue(shape, True, dims, dtype="uint16")
        self._values.append(value)
        return value

    def like(self, x: NarrowValue, shape: Shape, times: float = 1.0) -> HalfValue | None:
        return self.new_halves(shape, x.dims[0]) if times == 1 else None

    def as_halves(self, value: Value) -> HalfValue:
        """The value in BF16."""
        if not isinstance(value, HalfValue):
            if value not in self._halves:
                self._halves[value] = self.new_halves(value.shape, value.dims[0])
                self._round(self.blocked(value), self._halves[value])
            return self._halves[value]
        return self.written(value)

    def written(self, value: NarrowValue) -> HalfValue:
        half = cast(HalfValue, value)
        if half.first < 0:  # it has been written as floats
            self._round(self._floats[half], half)
        return half

    def widened(self, value: NarrowValue) -> Value:
        """As floats from the beginning, if a convolution writes it and nobody has read it yet."""
        y = self.new(value.shape, images=value.dims[0])
        op, args = self._calls[value.first]
        convolutions: Any = self.bf16.Bf16Conv, self.bf16.Bf16ImageConv
        if value.first == value.last and isinstance(getattr(op, "__self__", None), convolutions):
            self._calls[value.first] = op, tuple(y if each is value else each for each in args)
            y.first = y.last = value.first
            value.first = value.last = -1
        else:
            self.emit(self.bf16.bf16_to_blocked, value, y)
        return y

    def _round(self, x: Value, y: HalfValue) -> None:
        self.emit(self.bf16.bf16_from_blocked, x, y, x.shape.c)
