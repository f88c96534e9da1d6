"""Plans in which values may have fewer bits than floats."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import cast

from ..backends.base import Backend
from ..backends.narrow_ops import NarrowOps
from .plan import Builder, Constants, Value
from .shapes import Shape


@dataclass(eq=False)
class NarrowValue(Value):
    """A value in bytes or in BF16; who doesn't know them gets it in floats."""


class NarrowBuilder(Builder):
    """Collects the steps of a plan in which layers may hand narrow values on. For backends whose ops are
    `NarrowOps`."""

    def __init__(self, backend: Backend, batch: int, inputs: Shape, constants: Constants, steps: int = 1) -> None:
        self._floats: dict[Value, Value] = {}
        super().__init__(backend, batch, inputs, constants, steps)

    @property
    def narrow(self) -> NarrowOps:
        return cast(NarrowOps, self.ops)

    @abstractmethod
    def like(self, x: NarrowValue, shape: Shape, times: float = 1.0) -> NarrowValue | None:
        """A value of this shape that some step will write, of numbers as x has them, which it is told to stand for
        so many `times` as much; None if they can't."""

    @abstractmethod
    def widened(self, value: NarrowValue) -> Value:
        """The value in floats, by steps that make them."""

    def written(self, value: NarrowValue) -> NarrowValue:
        """The value, which steps can read as it is."""
        return value

    def blocked(self, value: Value) -> Value:
        """The value in floats, in the kernels' layout."""
        if not isinstance(value, NarrowValue):
            return super().blocked(value)
        if value not in self._floats:
            self._floats[value] = self.widened(value)
        return self._floats[value]

    def plain(self, value: Value) -> Value:
        """The value in floats, in NCHW."""
        return super().plain(self.blocked(value) if isinstance(value, NarrowValue) else value)
