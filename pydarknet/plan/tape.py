"""Builds a training plan: the forward steps, then the layers' backward steps in reverse order.

Deltas are Darknet's: minus the gradient of the loss, so that updates are added. A value's delta is complete when
the layer that made it is asked to go backward, because all its readers stand behind it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np

from ..backends.base import Backend, Step
from ..backends.ops import Array
from ..dialects import Dialect
from ..formats.cfg import Section
from .activations import ACROSS_CHANNELS, SLOPE_OF_INPUT
from .plan import Builder, Constants, Parametrised, Value, bind
from .shapes import Shape

Drawn = TypeVar("Drawn")


class Learner(Parametrised, Protocol):
    """What a tape needs of a layer."""

    @property
    def section(self) -> Section: ...


class Activated(Learner, Protocol):
    """A layer that ends in an activation."""

    activation: str


class Learnt(Protocol):
    """Where the parameters and their updates are, on the device."""

    def value_of(self, layer: Parametrised, name: str) -> Array: ...
    def update_of(self, layer: Parametrised, name: str) -> Array: ...


@dataclass
class State:
    """What changes from step to step and layers look at while they run. `done`: that part of all updates. `watch` is
    told of each layer that has been passed on the way back: nothing is added any more to its parameters' updates."""

    seen: int = 0
    done: float = 1.0
    random: np.random.Generator = field(default_factory=lambda: np.random.Generator(np.random.PCG64(0)))
    statistics: dict[int, Any] = field(default_factory=dict)
    watch: Callable[[int], None] | None = None

    def passed(self, index: int) -> None:
        """Tell whoever watches."""
        if self.watch is not None:
            self.watch(index)


class Tape(Builder):
    """A Builder that also knows deltas, updates and the truth. `once`: every run is followed by an update, so that
    nothing made of the weights serves a second run."""

    repeated = False  # random numbers go in, statistics come out

    def __init__(
        self,
        backend: Backend,
        batch: int,
        inputs: Shape,
        learnt: Learnt,
        dialect: Dialect,
        state: State,
        steps: int = 1,
        once: bool = False,
    ) -> None:
        self.once = once
        self.update_of = learnt.update_of  # where a layer adds the deltas of one of its parameters
        self._value_of = learnt.value_of
        self.dialect = dialect
        self.state = state
        self.saved: dict[Value | str, Any] = {}  # what a layer's forward keeps for its backward, by output or path
        self.refresh_steps: list[Step] = []
        self.draws: list[Callable[[], Any]] = []
        self.truth: Array = None
        self._labels: int | None = None  # how many classes the truth may name
        self._deltas: dict[Value, Value] = {}
        self._origins: dict[Value, Value] = {}
        self._inputs: dict[Value, Value] = {}  # of the activations whose slope needs it, by their output
        super().__init__(backend, batch, inputs, once_each(), steps)

    def parameter(self, layer: Parametrised, name: str) -> Array:
        """A layer's parameter as it is learnt, where a constant would stay as it was."""
        return self._value_of(layer, name)

    def refresh(self, op: Callable[..., None], *args: object) -> None:
        """A call to make now and after every update: weights into a kernel's layout."""
        self.refresh_steps.append(bind(op, args, None))

    def drawn(self, draw: Callable[[], Drawn]) -> Callable[[], Drawn]:
        """What draws a layer's random numbers for a mini-batch: processes that leave it to another one draw too."""
        self.draws.append(draw)
        return draw

    def want_truth(self, layer: Learner, shape: tuple[int, ...], labels: int | None = None) -> Array:
        """The array that holds the truth of a mini-batch, whose `labels` are below that number; all losses of a
        network read the same. CfgError if another layer wants another size or number."""
        if self.truth is None:
            self.truth = self.backend.empty(shape)
        if self.truth.size != math.prod(shape):
            raise layer.section.error(
                f"expects {math.prod(shape)} numbers of truth, an earlier loss {self.truth.size}"
            )
        self._labels = labels if self._labels is None else self._labels
        if labels is not None and labels != self._labels:
            raise layer.section.error(
                f"knows {labels} classes, an earlier loss {self._labels}; they share their labels"
            )
        return self.truth.reshape(shape)

    def wants_delta(self, value: Value) -> bool:
        """Whether anything before the value learns (the network's input and what was carried here do not)."""
        origin = self._origin(value.owner)
        return origin is not self.input and origin not in self._carried.values()

    def delta(self, value: Value) -> Value | None:
        """The delta of a value, in its layout, for its maker to read and to overwrite. None: nothing came back."""
        return self._deltas.get(value)

    def add_delta(self, value: Value, delta: Value) -> None:
        """Add a contribution to a value's delta. The contribution must be the caller's own."""
        origin = self._origin(value)
        if delta.blocked != origin.blocked:
            delta = self._relaid(delta)
        if origin in self._deltas:
            self.emit(self.ops.add, delta, self._deltas[origin])
        else:
            self._deltas[origin] = delta

    def share_delta(self, value: Value, delta: Value) -> None:
        """`add_delta` of one that the caller goes on to use, in the value's layout."""
        if self._origin(value) in self._deltas:
            self.add_delta(value, delta)
        elif self.wants_delta(value):
            own = self.new(delta.shape, delta.blocked, delta.dims[0])
            self.emit(self.ops.copy_channels, delta, own, 0, delta.shape.c)
            self.add_delta(value, own)

    def activate(self, layer: Activated, x: Value) -> Value:
        """f(x), in place where the slope follows from it."""
        y = x
        if layer.activation in ACROSS_CHANNELS:
            y = self.normalize_channels(x, ACROSS_CHANNELS[layer.activation])
        elif layer.activation in SLOPE_OF_INPUT:
            y = self.new(x.shape, x.blocked, x.dims[0])
            self._inputs[y] = x
            self.emit(self.ops.activate_to, x, y, self.ops.Activation(layer.activation))
        elif layer.activation != "linear":
            self.emit(self.ops.activate, x, self.ops.Activation(layer.activation))
        return y

    def activate_backward(self, layer: Activated, y: Value, dy: Value) -> None:
        """The delta of y = f(x) becomes that of x, in place."""
        if layer.activation in ACROSS_CHANNELS:
            self.emit(self.ops.normalize_channels_backward, y, dy, ACROSS_CHANNELS[layer.activation])
        elif layer.activation != "linear":
            at = self._inputs.get(y, y)
            self.emit(self.ops.activate_backward, at, dy, self.ops.Activation(layer.activation))

    def _origin(self, value: Value) -> Value:
        while value in self._origins:
            value = self._origins[value]
        return value

    def _relaid(self, value: Value) -> Value:
        other = self.new(value.shape, not value.blocked, value.dims[0])
        self.emit(self.ops.from_blocked if value.blocked else self.ops.to_blocked, value, other)
        return other

    def _convert(self, value: Value, op: Callable[..., None]) -> Value:
        converted = super()._convert(value, op)
        self._origins[converted] = value
        return converted


def once_each() -> Constants:
    """Constants of one tape, which they don't hold: a cycle would keep a size's arrays after the next one came."""
    made: dict[str, Array] = {}

    def constant(key: str, make: Callable[[], Array]) -> Array:
        if key not in made:
            made[key] = make()
        return made[key]

    return constant
