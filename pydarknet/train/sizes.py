"""Multi-scale training (section 2 of the paper): which size the network has in which iteration, and, with AlexeyAB's
`dynamic_minibatch`, how many images a mini-batch has."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..dialects import Dialect
from ..formats.cfg import Section
from ..graph.engine import Engine
from ..plan.shapes import Shape
from .augment import Size


@dataclass(frozen=True)
class Rule:
    """Darknet's multi-scale: bounds of the longer side, iterations of one size, and of the largest at the end."""

    low: int
    high: int
    every: int
    last: int


DETECTOR = Rule(320, 608, 10, 200)
CLASSIFIER = Rule(128, 448, 40, 0)
ROOM = 0.8  # of what memory has room for, by which a mini-batch grows


@dataclass(frozen=True)
class Sizes:
    """The size (width, height) of each iteration: a function of the seed, so that a resumed run has the same.

    `low` and `high` bound the longer side, both multiples of `step`; the shorter one follows the aspect of the
    cfg. Drawn anew every `every` iterations; the largest in the `last` ones before `end`. `dynamic`: a mini-batch of
    smaller images has more of them.
    """

    base: Size
    low: int
    high: int
    step: int = 32
    seed: int = 0
    end: int = 0
    every: int = DETECTOR.every
    last: int = DETECTOR.last
    dynamic: bool = False

    @property
    def largest(self) -> Size:
        """What memory must hold."""
        return self._size(self.high)

    @property
    def varies(self) -> bool:
        """Whether there is more than one size."""
        return (self.low, self.high) != (max(self.base), max(self.base))

    def at(self, iteration: int) -> Size:
        """The size of an iteration, counted from 0."""
        if not self.varies:
            return self.base
        if self.last and iteration + self.last > self.end > 0:
            return self.largest
        rng = np.random.default_rng([self.seed, iteration // self.every])
        return self._size(int(rng.integers(self.low // self.step, self.high // self.step, endpoint=True)) * self.step)

    def images(self, iteration: int, usual: int) -> int:
        """How many images a mini-batch of an iteration has, where there are usually so many: AlexeyAB's formula."""
        if not self.dynamic:
            return usual
        pixels, most = (w * h for w, h in (self.at(iteration), self.largest))
        grown = usual * most // pixels
        safe = int(grown * ROOM)
        return safe if safe > usual else grown

    def _size(self, longer: int) -> Size:
        if not self.varies:
            return self.base
        w, h = self.base
        width, height = (max(1, round(side * longer / max(w, h) / self.step)) * self.step for side in (w, h))
        return width, height


def sizes_of(engine: Engine, dialect: Dialect, seed: int, end: int) -> Sizes:
    """Those of a training that ends after so many iterations. CfgError."""
    net, heads = engine.cfg.net, engine.heads()
    if not heads:
        return read_sizes(net, net, engine.inputs, seed, end, CLASSIFIER)
    sizes = read_sizes(net, heads[-1].section, engine.inputs, seed, end)
    return replace(sizes, dynamic=dialect.mixing and net.bool_("dynamic_minibatch", False))


def read_sizes(net: Section, section: Section, inputs: Shape, seed: int, end: int, rule: Rule = DETECTOR) -> Sizes:
    """`random` of the section: 0 for one size, 1 for Darknet's range, another factor f for size/f to size*f.

    A detector's is in its head, a classifier's in [net].

    `min_size`, `max_size` and `resize_step` of [net] give a range of one's own. CfgError if it is empty.
    """
    base = inputs.w, inputs.h
    longer = max(base)
    factor = section.float_("random", 0.0, low=0.0, high=16.0)
    if not factor:
        for key in ("resize_step", "min_size", "max_size"):
            net.has(key)  # they belong to `random`: nothing is amiss without it
        return Sizes(base, longer, longer)
    step = net.int_("resize_step", 32, low=1)
    low, high = (rule.low, rule.high) if factor == 1 else (round(longer / factor), round(longer * factor))
    low, high = net.int_("min_size", low, low=1), net.int_("max_size", high, low=1)
    low, high = -(-low // step) * step, high // step * step
    if not 0 < low <= high:
        raise net.error(f"min_size={low} max_size={high}: expected a range with a multiple of {step} in it")
    return Sizes(base, low, high, step, seed, end, rule.every, rule.last)
