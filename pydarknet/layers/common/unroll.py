"""A recurrent layer's work, step after step; on a tape each piece of it remembers its way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...plan.activations import SLOPE_OF_INPUT
from ...plan.plan import Builder, Value
from ...plan.tape import Tape
from ..convolutional import Convolution


class Unroll:
    """The words in which `Recurrent.step` is written. Values are blocked, of one time unless said otherwise.

    `backward`, on a tape, appends the ways back, in reverse order.
    """

    def __init__(self, p: Builder) -> None:
        self.p = p
        self._tape = p if isinstance(p, Tape) else None
        self._ways: list[Callable[[Tape], None]] = []

    def backward(self, tape: Tape) -> None:
        """Append the steps from the deltas of what was put together to those of what it came from."""
        for way in reversed(self._ways):
            way(tape)

    def layer(self, layer: Convolution, x: Value) -> Value:
        """What an inner layer makes of x; of all times at once, if x has them."""
        if self._tape is None:
            return layer.plan(self.p, x)
        y = layer.train(self._tape, x)
        self._ways.append(lambda tape: layer.backward(tape, x, y))
        return y

    def ahead(self, layer: Convolution, x: Value) -> list[Value]:
        """What an inner layer makes of the input of each time. That of all times at once is one large product, but
        in training each time has its own batch norm."""
        if self._tape is not None and layer.batch_normalize:
            return [self.layer(layer, each) for each in self.split(x)]
        return self.split(self.layer(layer, x))

    def split(self, x: Value) -> list[Value]:
        """The times of x."""
        p = self.p
        parts = [p.part(x, time) for time in range(p.steps)]

        def back(tape: Tape) -> None:
            deltas = [tape.delta(part) for part in parts]
            if any(delta is not None for delta in deltas):
                tape.add_delta(x, self._joined(x, deltas))

        if p.steps > 1:
            self._ways.append(back)
        return parts

    def join(self, parts: Sequence[Value]) -> Value:
        """All times in one value."""
        if len(parts) == 1:
            return parts[0]
        y = self._joined(self.p.new(parts[0].shape), parts)

        def back(tape: Tape) -> None:
            dy = tape.delta(y)
            for time, part in enumerate(parts if dy is not None else ()):
                tape.add_delta(part, tape.part(dy, time))  # type: ignore[arg-type]

        self._ways.append(back)
        return y

    def sum(self, a: Value, b: Value, sign: float = 1.0) -> Value:
        """a + sign * b."""
        y = self._new(a)
        self.p.emit(self.p.ops.shortcut_forward, a, b, y, a.shape.c, a.shape.c, 1.0, sign)

        def back(tape: Tape, dy: Value) -> None:
            tape.share_delta(a, dy)
            if sign != 1.0:
                tape.emit(tape.ops.scale, dy, sign)
            tape.add_delta(b, dy)

        return self._with_way(y, back)

    def product(self, a: Value, b: Value) -> Value:
        """a * b, number by number."""
        y = self._new(a)
        self.p.emit(self.p.ops.multiply_forward, a, b, y, "number")

        def back(tape: Tape, dy: Value) -> None:
            for value, other in ((a, b), (b, a)):
                if tape.wants_delta(value):
                    delta = self._new(value)
                    tape.emit(tape.ops.multiply_forward, dy, other, delta, "number")
                    tape.add_delta(value, delta)

        return self._with_way(y, back)

    def activate(self, x: Value, name: str) -> Value:
        """f(x)."""
        y, f = self._new(x), self.p.ops.Activation(name)
        self.p.emit(self.p.ops.activate_to, x, y, f)

        def back(tape: Tape, dy: Value) -> None:
            tape.emit(tape.ops.activate_backward, x if name in SLOPE_OF_INPUT else y, dy, f)
            tape.add_delta(x, dy)

        return self._with_way(y, back)

    def stack(self, a: Value, b: Value, count: int) -> Value:
        """The channels of a, and behind them the first `count` of b."""
        p, channels = self.p, a.shape.c
        y = p.new(a.shape._replace(c=channels + count), images=a.dims[0])
        p.emit(p.ops.copy_channels, a, y, 0, channels)
        p.emit(p.ops.add_channels, b, y, 0, channels, count, False)

        def back(tape: Tape, dy: Value) -> None:
            for value, start, length in ((a, 0, channels), (b, channels, count)):
                if tape.wants_delta(value):
                    tape.add_delta(value, self._channels(dy, start, value, length))

        return self._with_way(y, back)

    def first(self, x: Value, count: int) -> Value:
        """The first so many channels, zeros behind them."""
        y = self._channels(x, 0, x, count)
        return self._with_way(y, lambda tape, dy: tape.add_delta(x, self._channels(dy, 0, x, count)))

    def limit(self, x: Value, bound: float) -> Value:
        """x within -bound..bound, through which deltas go as they are."""
        y = self._new(x)
        self.p.emit(self.p.ops.copy_channels, x, y, 0, x.shape.c)
        self.p.emit(self.p.ops.scale, y, 1 / bound)
        self.p.emit(self.p.ops.activate, y, self.p.ops.Activation("hardtan"))
        self.p.emit(self.p.ops.scale, y, bound)
        return self._with_way(y, lambda tape, dy: tape.add_delta(x, dy))

    def _channels(self, x: Value, start: int, like: Value, count: int) -> Value:
        """So many channels of x from `start` on, and zeros to make up the shape of another value."""
        y = self._new(like)
        self.p.emit(self.p.ops.fill, y, 0.0)
        self.p.emit(self.p.ops.add_channels, x, y, start, 0, count, False)
        return y

    def _new(self, like: Value) -> Value:
        return self.p.new(like.shape, images=like.dims[0])

    def _joined(self, like: Value, parts: Sequence[Value | None]) -> Value:
        """The parts of all times copied into one value, zeros where there is none."""
        y = self.p.new(like.shape)
        for time, part in enumerate(parts):
            target = self.p.part(y, time)
            if part is None:
                self.p.emit(self.p.ops.fill, target, 0.0)
            else:
                self.p.emit(self.p.ops.copy_channels, part, target, 0, part.shape.c)
        return y

    def _with_way(self, y: Value, back: Callable[[Tape, Value], None]) -> Value:
        def way(tape: Tape) -> None:
            dy = tape.delta(y)
            if dy is not None:
                back(tape, dy)

        self._ways.append(way)
        return y
