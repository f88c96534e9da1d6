"""The course of a run: what is known of each of its mini-batches before it comes, by its number from 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..layers.common.recurrent import Recurrent
from .augment import Size
from .loader import Loader
from .samples import Samples
from .sequences import Track
from .sizes import Sizes
from .source import Source
from .step import Stepper
from .team import Team


@dataclass
class Course:
    """`first`: the iteration of the first mini-batch."""

    stepper: Stepper
    team: Team
    sizes: Sizes
    track: Track | None
    first: int

    def check(self) -> None:
        """TrainingError or CfgError if the processes can't share out the sequences."""
        if self.track is None or self.team.size == 1 or self.team.updates > 1:
            return
        self.track.check_ranks(self.stepper.subdivisions)
        for layer in self.stepper.engine.layers:
            if isinstance(layer, Recurrent) and layer.batch_normalize:
                raise layer.section.error(
                    "batch_normalize=1: its statistics roll on at every time, which ranks that share an update can't "
                    "add up; take one process, or average weights instead (--sync)",
                    "batch_normalize",
                )

    def open_loader(self, source: Source, samples: Samples, workers: int, warn: Callable[[str], None]) -> Loader:
        """The loader of this process's mini-batches."""
        mini = self.stepper.mini_batch
        return Loader(
            source.task,
            source.images,
            samples,
            mini,
            self.size,
            images=self.images,
            workers=workers,
            ahead=max(2, -(-2 * workers // mini)),
            channels=self.stepper.engine.inputs.c,
            share=self.team.share(self.stepper.subdivisions),
            warn=warn,
        )

    def prepare(self, iteration: int) -> None:
        """Make engine and stepper ready for the mini-batches of an iteration."""
        self.stepper.engine.resize(*self.sizes.at(iteration))
        self.stepper.images = self.sizes.images(iteration, self.stepper.mini_batch)
        self.stepper.length = self._length(iteration)

    def size(self, number: int) -> Size:
        """The network's width and height."""
        return self.sizes.at(self._iteration(number))

    def images(self, number: int) -> int:
        """How many there are."""
        return self.sizes.images(self._iteration(number), self.stepper.mini_batch)

    def place(self, number: int) -> int:
        """Mini-batches that its sequences have behind them; 0: they begin."""
        return number % self.stepper.subdivisions % self._length(self._iteration(number))

    def _length(self, iteration: int) -> int:
        return 1 if self.track is None else self.track.length(iteration, self.stepper.subdivisions)

    def _iteration(self, number: int) -> int:
        updates = self.team.updates
        return self.first + number // (self.stepper.subdivisions * updates) * updates
