"""What recurrent layers share: the layers they own, their state from run to run, and the walk over time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import TypeAlias

from ...backends.ops import Array
from ...dialects import Dialect
from ...formats.layouts import Record
from ...plan.plan import Builder, Value
from ...plan.shapes import Shape
from ...plan.tape import Tape
from ..base import Layer
from ..connected import Connected
from ..convolutional import Convolution
from .unroll import Unroll

Options: TypeAlias = Mapping[str, object]
States: TypeAlias = Sequence[Value]


class Below(MutableMapping[str, "Array"]):
    """The parameters of a layer that is part of another: among the owner's, under names below its own."""

    def __init__(self, owner: Layer, name: str) -> None:
        self._owner, self._prefix = owner, f"{name}."

    def __getitem__(self, name: str) -> Array:
        return self._owner.parameters[self._prefix + name]

    def __setitem__(self, name: str, value: Array) -> None:
        self._owner.parameters[self._prefix + name] = value

    def __delitem__(self, name: str) -> None:
        del self._owner.parameters[self._prefix + name]

    def __iter__(self) -> Iterator[str]:
        return (key.removeprefix(self._prefix) for key in self._owner.parameters if key.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Recurrent(Layer):
    """A layer with a memory. The images of a run are those of its times, all streams of one time after the other's.

    `inner` are the layers it is made of, in the order of the weights file; `states` the shapes of what it carries
    from time to time and, in the caller's session, from run to run, zeros at first.
    """

    inner: dict[str, Convolution]
    states: Mapping[str, Shape]

    def adopt(self, dialect: Dialect) -> None:
        super().adopt(dialect)
        for layer in self.inner.values():
            layer.adopt(dialect)

    def own(self, name: str, kind: type[Convolution], inputs: Shape, options: Options) -> Convolution:
        """An inner layer of these options. Its errors are told of this section, its parameters are this layer's."""
        texts = {key: str(int(value) if isinstance(value, bool) else value) for key, value in options.items()}
        layer = kind(self.section.part(texts), self.index, inputs, [])
        layer.path, layer.parameters = self.key(name), Below(self, name)
        layer.type = "connected" if kind is Connected else "convolutional"
        layer.learning_rate = self.learning_rate
        layer.adopt(self.dialect)
        return layer

    def dense(self, inputs: Mapping[str, Shape], outputs: int, activation: str = "linear") -> dict[str, Convolution]:
        """Connected inner layers by name, of these inputs."""
        options = {"output": outputs, "activation": activation, "batch_normalize": self.batch_normalize}
        return {name: self.own(name, Connected, shape, options) for name, shape in inputs.items()}

    def compose(self, inner: dict[str, Convolution], states: Mapping[str, Shape], out: Shape) -> None:
        """Be made of these layers, with these states and this output."""
        self.inner, self.states, self.out = inner, states, out
        self.records = stored(inner, inner)
        self.flops = sum(layer.flops for layer in inner.values())

    @property
    def batch_normalize(self) -> bool:
        """Whether its inner layers normalise; in training over the streams of one time."""
        return self.section.bool_("batch_normalize", False)

    def plan(self, p: Builder, x: Value) -> Value:
        return self.unroll(Unroll(p), p.blocked(x))

    def train(self, p: Tape, x: Value) -> Value:
        if self.batch_normalize and p.streams * self.out.h * self.out.w == 1:
            raise self.section.error(
                "batch_normalize=1 can't be trained with one stream, whose variance is 0; expected a batch of at "
                "least 2 for each subdivision",
                "batch_normalize",
            )
        work = Unroll(p)
        y = self.unroll(work, p.blocked(x))
        p.saved[self.path] = work  # y may be an inner layer's
        return y

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        work: Unroll = p.saved[self.path]
        work.backward(p)

    def unroll(self, work: Unroll, x: Value) -> Value:
        """All times of the output, from all times of x."""
        p = work.p
        carried = {name: p.carried(self, name, shape) for name, shape in self.states.items()}
        states: States = [p.blocked(value) for value in carried.values()]
        outputs = []
        for inputs in zip(*self.inputs_of(work, x), strict=True):
            y, states = self.step(work, inputs, states)
            outputs.append(y)
        for value, state in zip(carried.values(), states, strict=True):
            p.emit(p.ops.from_blocked, state, value)
        return work.join(outputs)

    @abstractmethod
    def inputs_of(self, work: Unroll, x: Value) -> Sequence[Sequence[Value]]:
        """What `step` takes of x: rows with a value for each time."""

    @abstractmethod
    def step(self, work: Unroll, inputs: Sequence[Value], states: States) -> tuple[Value, States]:
        """The output of one time and the states after it, from the states before it."""


def stored(inner: Mapping[str, Layer], order: Iterator[str] | Sequence[str] | Mapping[str, Layer]) -> list[Record]:
    """The records of inner layers in this order."""
    return [Record(f"{name}.{record.name}", record.shape) for name in order for record in inner[name].records]
