"""[dropout]: nothing at inference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ..backends.ops import Array
from ..formats.cfg import Section
from ..plan.plan import Builder, Value
from ..plan.tape import State, Tape
from .base import MAX_EXTENT, Layer, register

USUAL_BLOCK = 7


@register("dropout")
class Dropout(Layer):
    """Drops inputs with `probability` in training only. With AlexeyAB's `dropblock` these are squares of a channel's
    pixels, whose side is so many `pixels`, or else a `part` of the image's."""

    block = False

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.given = section.float_("probability", 0.5, low=0.0, high=1.0) if section.has("probability") else None
        self.block = section.bool_("dropblock", False)
        self.part = section.float_("dropblock_size_rel", 0.0, low=0.0, high=1.0)
        pixels = section.int_("dropblock_size_abs", 0, low=0, high=MAX_EXTENT)
        self.pixels = pixels if pixels or self.part else USUAL_BLOCK

    @property
    def probability(self) -> float:
        """What the section says, or the dialect."""
        return self.dialect.dropout if self.given is None else self.given

    def plan(self, p: Builder, x: Value) -> Value:
        return x

    def train(self, p: Tape, x: Value) -> Value:
        blocked = not self.block
        source, y = p.blocked(x) if blocked else p.plain(x), p.new(self.out, blocked)
        mask = p.saved[self.path] = p.backend.empty(y.dims, "uint8")
        draw = p.drawn(partial(self.drawn_blocks if self.block else self.drawn, p.state, mask.shape))
        p.emit(partial(self.drop_blocks if self.block else self.drop, p, mask, draw), source, y)
        return y

    def drawn(self, state: State, shape: tuple[int, ...]) -> Array:
        """What stays, each input by itself."""
        return state.random.random(shape, dtype="float32") >= self.probability

    def drop(self, p: Tape, mask: Array, draw: Callable[[], Array], x: Array, y: Array) -> None:
        """Each input by itself."""
        p.backend.write(mask, draw())
        p.ops.dropout_forward(x, y, mask, self.probability)

    def drawn_blocks(self, state: State, shape: tuple[int, ...]) -> Array:
        """At most a square of each channel; larger ones, and more often, up to 85 % of the training's updates."""
        grown = min(state.done / 0.85, 1.0)
        side = self.side(grown)
        return np.stack([self.draw(state.random, self.probability * grown, side) for _ in range(shape[0])])

    def drop_blocks(self, p: Tape, mask: Array, draw: Callable[[], Array], x: Array, y: Array) -> None:
        """What stays of an image is scaled by what was dropped of it."""
        kept = draw()
        p.backend.write(mask, kept)
        dropped = p.saved[self.key("dropped")] = [1 - float(each.mean()) for each in kept]
        for image, part in enumerate(dropped):
            p.ops.dropout_forward(x[image], y[image], mask[image], part)

    def side(self, grown: float) -> int:
        """Of the squares, in pixels."""
        _, h, w = self.out
        side = self.pixels or self.part * min(h, w)
        return min(max(1, int(side * grown)), h, w)

    def draw(self, random: np.random.Generator, probability: float, side: int) -> Array:
        """What stays of an image (C, H, W). Any of a channel's pixels may begin its square; one that would reach
        beyond the image begins as far from the other end."""
        c, h, w = self.out
        hit = random.random(c) < 1 - (1 - probability / side**2) ** (h * w)
        rows, columns = np.divmod(random.integers(h * w, size=c), w)
        kept = np.ones((c, h, w), np.bool_)
        for channel in np.flatnonzero(hit):
            top, left = begin(rows[channel], h - side), begin(columns[channel], w - side)
            kept[channel, top : top + side, left : left + side] = False
        return kept

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        dy, dx = p.delta(y), p.new(self.inputs, blocked=not self.block)
        if dy is None:
            return
        if self.block:
            p.emit(partial(self.back_through_blocks, p), dy, dx)
        else:
            p.emit(p.ops.dropout_backward, dy, p.saved[self.path], dx, self.probability, False)
        p.add_delta(x, dx)

    def back_through_blocks(self, p: Tape, dy: Array, dx: Array) -> None:
        """Image by image, as forward."""
        mask, dropped = p.saved[self.path], p.saved[self.key("dropped")]
        for image, part in enumerate(dropped):
            p.ops.dropout_backward(dy[image], mask[image], dx[image], part, False)


def begin(at: int, most: int) -> int:
    """Where a square begins that was to begin at this place, and can't later than `most`."""
    return min(at - most if at > most else at, most)
