"""A training on text, as an iterator: one mini-batch of streams after the other."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from ..dialects import dialect as dialect_of
from ..errors import TrainingError
from ..formats.cfg import Cfg, parse_cfg
from ..formats.resources import find_cfg
from ..formats.weights import save_weights
from ..graph.engine import Engine
from ..train.checkpoint import Files, base_name
from ..train.folder import Claim, check_folder, check_unused, set_aside
from ..train.guard import check_finite
from ..train.memory import step_bytes
from ..train.step import Stepper
from .crandom import CRandom
from .dialect import text_dialect
from .streams import Streams
from .symbols import Numbers, check_text_network

EVERY = 100  # iterations between two backups


@dataclass(frozen=True)
class Progress:
    """One mini-batch: `loss` a symbol in nats, its running `average`, the learning `rate`, and how often the text has
    been read."""

    iteration: int
    loss: float
    average: float
    rate: float
    seconds: float
    epochs: float

    def __str__(self) -> str:
        """Darknet's line."""
        return (
            f"{self.iteration}: {self.loss:f}, {self.average:f} avg, {self.rate:f} rate, {self.seconds:f} seconds, "
            f"{self.epochs:f} epochs"
        )


class TextTrainer:
    """Trains a network to foretell a text's next symbol. Iterate over it.

    `read` gives the text when it is told how many symbols the network knows. `weights`: to go on from (None: random).
    `clear`: count from 0. `srand`: of Darknet's random numbers, which say where the streams begin and jump to, and of
    random weights. `backup`: where weights are saved, every `EVERY` iterations and at the end. Those of an earlier
    run of this name there, unless the newest are `weights`, are an error, or with `keep` moved into a folder beside
    them, or with `overwrite` written over. `warn` is called with every warning. Everything that can be wrong is found
    here, before the first iteration (but for another training there, which is then): CfgError, DataError,
    WeightsError, TrainingError, DeviceError.
    """

    def __init__(
        self,
        cfg: str | PathLike[str] | Cfg,
        read: Callable[[int], Numbers],
        *,
        weights: str | PathLike[str] | None = None,
        dialect: str | None = None,
        clear: bool = False,
        srand: int = 0,
        backup: str | PathLike[str] = "backup",
        overwrite: bool = False,
        keep: bool = False,
        max_batches: int | None = None,
        threads: int | None = None,
        device: str = "cpu",
        precision: str | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self.warn = warn or (lambda text: None)
        cfg = cfg if isinstance(cfg, Cfg) else parse_cfg(find_cfg(cfg))
        if max_batches is not None:
            cfg.net.set("max_batches", max_batches)
        self.dialect = dialect_of(text_dialect(cfg, dialect))
        self.engine = Engine(
            cfg, weights, seed=srand, threads=threads, device=device, precision=precision,
            uniform=self.dialect.uniform, dialect=self.dialect.name
        )  # fmt: skip
        if clear:
            self.engine.seen = 0
        self.symbols = check_text_network(self.engine)
        self.text = read(self.symbols)
        self.stepper = Stepper(self.engine, self.dialect, srand, sequences=True)
        self.max_batches = self.stepper.schedule.max_batches
        if not self.max_batches:
            raise cfg.net.error("max_batches is missing or 0: expected the number of iterations to train")
        self._check_memory(2 * self.stepper.mini_batch * self.symbols * np.dtype(np.float32).itemsize)  # what goes in
        self.streams = Streams(self.text, self.stepper.mini_batch // self.stepper.steps, CRandom(srand))
        folder = Path(backup)
        check_folder(folder, cfg.file)
        self.files = Files(folder, base_name(cfg.file), self.dialect.files, every=EVERY)
        self._start = None if clear else weights
        self._keep = keep and not overwrite
        if not (overwrite or keep):
            check_unused(self.files, self._start)
        self._check_memory(sum(step_bytes(self.stepper, (self.engine.width, self.engine.height))))
        for text in dict.fromkeys((*self.engine.warnings, *cfg.warnings, *self.engine.unfollowed())):
            self.warn(text)
        self.iteration = self.engine.seen // self.stepper.mini_batch
        self.average = -1.0
        self._stopped = False

    @property
    def backup(self) -> Path:
        """The newest weights."""
        return self.files.folder / f"{self.files.base}.backup"

    def stop(self) -> None:
        """End after this iteration."""
        self._stopped = True

    def __iter__(self) -> Iterator[Progress]:
        """Train to the end of the schedule. TrainingError once numbers are no numbers, or a file can't be written."""
        claim = Claim(self.files, self.warn)
        try:
            if self._keep and (said := set_aside(self.files, self._start)):
                self.warn(said)
            while self.stepper.iteration < self.max_batches and not self._stopped:
                yield self._step()
                self._save_due()
            self.save(self.backup if self.stepper.iteration < self.max_batches else self.files.final)
        finally:
            claim.close()

    def save(self, path: Path) -> None:
        """Write the weights."""
        self.stepper.publish()
        self.files.folder.mkdir(parents=True, exist_ok=True)
        save_weights(path, self.engine.layers, self.stepper.state.seen)

    def _step(self) -> Progress:
        s, began = self.stepper, time.perf_counter()
        self.iteration += 1
        x, truth = self.streams.next(s.steps, self.symbols)
        mini = s.mini(x.reshape(-1, *self.engine.inputs), truth)
        due = s.state.seen // s.mini_batch % s.subdivisions == 0
        rate = s.update() if due else s.schedule.rate(s.iteration, s.state.random)
        check_finite(s, mini, [], updated=due)
        for stream in self.streams.jump(self.dialect.jump):
            s.session.reset(stream)
        loss = mini.cost / s.mini_batch
        self.average = (loss if self.average < 0 else self.average) * 0.9 + loss * 0.1
        epochs = s.iteration * s.mini_batch / len(self.text)
        return Progress(self.iteration, loss, self.average, rate, time.perf_counter() - began, epochs)

    def _save_due(self) -> None:
        if self.files.wants_backup(self.iteration):
            self.save(self.backup)
        if self.iteration % self.dialect.files.every == 0:
            self.save(self.files.folder / f"{self.files.base}_{self.iteration}.weights")

    def _check_memory(self, needed: int) -> None:
        """TrainingError before memory is out."""
        there = self.engine.backend.free_bytes()
        self.bytes_needed = needed
        if needed > there:
            shorter = max(1, math.floor(self.stepper.steps * there / needed))
            raise TrainingError(
                f"{self.stepper.steps} time_steps of {self.stepper.mini_batch // self.stepper.steps} streams need "
                f"{needed / 2**30:.1f} GiB, {there / 2**30:.1f} GiB are there; set about time_steps={shorter}, or a "
                "smaller batch, in [net]"
            )
