"""A training as an object: an iterator that makes one iteration after the other and says what each showed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any

from ..dialects import DEFAULT
from ..errors import DarknetError, TrainingError, carrying
from ..formats.data import DataFile, read_data
from ..formats.weights import save_weights
from ..graph.engine import Engine
from .checkpoint import base_name, open_files
from .choice import training_dialect
from .course import Course
from .folder import Claim, find_folder
from .guard import check_arguments, check_finite
from .joint import check_mix
from .loader import Batch
from .memory import check_memory
from .metrics import History, Metrics, head_numbers
from .names import FINAL
from .samples import Order, Samples
from .sequences import Sequences, read_track
from .sizes import sizes_of
from .source import open_source
from .start import Net, Start, Subdivisions, cfg_of
from .state import apply_state, changed_keys, peek_subdivisions, read_state, save_state
from .step import MiniBatch, Stepper
from .tasks import Missing
from .team import Team, facts
from .validation import Evaluator, Validation

Callback = Callable[[Metrics], None]
RETRY = 10  # iterations until a save that failed is tried again


class Trainer:
    """Trains a network on the images of a .data file. Iterate over it; close it, or use it in a `with`.

    `net`: path of a cfg, a parsed one, or an `Engine` (or `Network`) with its parameters. `data`: a .data file.
    `weights`: the file to start from, or the name of a published one (None: random by `seed`), `cutoff`: load only
    that many of its layers, as NAME.conv.N says by itself.
    `dialect`: its name; default: `dialect=` of [net], else by the head. `clear`: count images from 0. `resume`: go
    on from the state in the backup folder; without it or `overwrite` weights of an earlier run there are an error,
    or, with `keep`, are moved into a folder beside them. `max_batches`, `max_hours`: when to end.
    `subdivisions`: instead of the cfg's; "auto": as few as half of the free memory has room for. `backup`: a
    folder instead of that of the .data file; a backup is saved every `save_every` iterations (None: `savelast` of the
    .data file, else 100). `order`: "darknet" picks images at random, "epochs" shuffles. `missing`: what to do about
    an image without a label file. `map`: evaluate on the valid list while training, and save the best weights; True,
    or a `Validation` that says when.
    `device`, `precision`: as for `Engine`, where `net` is not one. Each of `callbacks` gets each `Metrics`; `warn`
    is called with every warning. `team`: the processes that train together, each with a trainer of the same
    arguments; one of them writes files (`pydarknet.scale.mpi`).

    Everything that can be wrong is found here, before the first iteration: CfgError, DataError, WeightsError,
    TrainingError, DeviceError. On the CPU the same arguments give the same weights, bit for bit.
    """

    def __init__(
        self,
        net: Net,
        data: str | PathLike[str] | DataFile,
        *,
        weights: str | PathLike[str] | None = None,
        cutoff: int | None = None,
        dialect: str | None = None,
        seed: int = 0,
        clear: bool = False,
        resume: bool = False,
        overwrite: bool = False,
        keep: bool = False,
        workers: int = 2,
        threads: int | None = None,
        device: str = "cpu",
        precision: str | None = None,
        max_batches: int | None = None,
        max_hours: float | None = None,
        subdivisions: Subdivisions = None,
        backup: str | PathLike[str] | None = None,
        save_every: int | None = None,
        order: Order = "darknet",
        missing: Missing = "error",
        map: bool | Validation = False,
        callbacks: Sequence[Callback] = (),
        warn: Callable[[str], None] | None = None,
        team: Team | None = None,
    ) -> None:
        check_arguments(missing=missing, order=order, workers=workers, seed=seed, max_hours=max_hours,
                        save_every=save_every, map=map, callbacks=callbacks, warn=warn)  # fmt: skip
        start = Start(weights, cutoff, clear, resume, overwrite, keep)
        self.callbacks, self.warn, self.team = list(callbacks), warn or (lambda text: None), team or Team()
        self.seed, self.max_hours = seed, max_hours
        cfg = cfg_of(net, max_batches, subdivisions)
        self.data = data if isinstance(data, DataFile) else read_data(data)
        if isinstance(net, Engine) and net.dialect.name != DEFAULT:
            dialect = dialect or net.dialect.name
        mine = find_folder(self.data, backup) / f"{base_name(cfg.file)}{FINAL}" if resume else None
        self.dialect = training_dialect(cfg, dialect, mine)
        self.files = open_files(cfg, self.data, backup, self.dialect.files, save_every)
        start.check(self.files)
        if subdivisions == "auto" and resume:  # as the run has them: others would learn otherwise
            cfg.net.set("subdivisions", peek_subdivisions(self.files.state))
        self.engine = net if isinstance(net, Engine) else Engine(
            cfg, None, seed=seed, threads=threads, device=device, precision=precision,
            uniform=self.dialect.uniform, dialect=self.dialect.name
        )  # fmt: skip
        start.load(self.engine)
        self.engine.adopt(self.dialect)
        with carrying(lambda: self.engine.warnings):  # which keys of training are followed is not yet known
            self._prepare(order, missing, start)
            self._measure_out(map, missing, divides=subdivisions == "auto" and not resume)
        self._begin(start, workers)

    def _prepare(self, order: Order, missing: Missing, start: Start) -> None:
        """What learns, and from what; where it stands."""
        self.track = read_track(self.engine, self.dialect)
        self.stepper = Stepper(self.engine, self.dialect, self.seed, sequences=self.track is not None)
        self.max_batches = self.stepper.schedule.max_batches
        self.average: float | None = None
        self.history = History()
        self.source = open_source(self.engine, self.data, self.dialect, missing=missing)
        self.samples = self._open_samples(order)
        self.first = self.stepper.iteration  # the iteration of the first sample
        if start.resume:
            self._resume()
        self._check_end(start.resume)

    def _measure_out(self, validation: bool | Validation, missing: Missing, divides: bool) -> None:
        """The sizes, and the memory for them: `divides` a batch into as many parts as that asks for."""
        self.sizes = sizes_of(self.engine, self.dialect, self.seed, self.max_batches)
        self.evaluator = None
        if validation and self.team.leads:
            self.evaluator = self._open_evaluator(Validation() if validation is True else validation, missing)
        self.bytes_needed = check_memory(self.stepper, self.sizes.largest, self.evaluator, self.team, divides)
        self.turns = self.team.turns(self.stepper.subdivisions)
        self.course = Course(self.stepper, self.team, self.sizes, self.track, self.first)
        self.course.check()

    def _begin(self, start: Start, workers: int) -> None:
        """Say what there is to say, take the folder, and read the first images."""
        for text in dict.fromkeys((*self.engine.warnings, *self.engine.cfg.warnings, *self.engine.unfollowed(),
                                   *self.data.warnings, *self.source.warnings)):  # fmt: skip
            self.warn(text)
        self.team.join(self.stepper, facts(self.stepper, self.samples, self.source.images))
        self.claim = Claim(self.files, self.warn) if self.team.leads else None
        if self.claim is not None and (said := start.clear_away(self.files, self.claim)):
            self.warn(said)
        self.loader = self.course.open_loader(self.source, self.samples, workers, self.warn)
        self.stopped = False
        self._started = time.monotonic()
        self._unsaved = False  # a save is due that failed
        self._ended = False

    @property
    def iteration(self) -> int:
        """Updates made, by Darknet's count."""
        return self.stepper.iteration

    @property
    def spent(self) -> bool:
        """Whether the validation's patience is at its end."""
        patience = None if self.evaluator is None else self.evaluator.patience
        return patience is not None and self.history.stale >= patience

    def stop(self) -> None:
        """End after this iteration, with everything saved. May be called from a signal handler or a callback."""
        self.stopped = True

    def run(self) -> Metrics | None:
        """Train to the end; the last iteration's metrics."""
        last = None
        for metrics in self:
            last = metrics
        return last

    def __iter__(self) -> Iterator[Metrics]:
        return self

    def __len__(self) -> int:
        """Iterations that are left."""
        return max(0, self.max_batches - self.iteration)

    def __repr__(self) -> str:
        done = f"{self.iteration} of {self.max_batches} iterations"
        return f"<Trainer of {self.engine.cfg.file} on {self.data.file}: {done}>"

    def __bool__(self) -> bool:
        return True  # also at its end

    def __next__(self) -> Metrics:
        """One iteration. TrainingError if a number is no longer finite; nothing of it is saved."""
        if self._ended:
            raise StopIteration
        if self.iteration >= self.max_batches or self.team.any(self.stopped or self._out_of_time()):
            self._end()
            raise StopIteration
        metrics = self._iterate()
        self.history.add(metrics)
        if self.evaluator is not None and self._is_due(self.evaluator, metrics.iteration):
            metrics = replace(metrics, map=self._measure(self.evaluator))
            self.stopped |= self.spent
        for callback in self.callbacks:  # before it is saved: a run that is killed here says it twice, not never
            callback(metrics)
        self._save_when_due(metrics.iteration)
        return metrics

    def save(self) -> None:
        """Save the backup and the state now. OSError, WeightsError."""
        self._save_state()
        self._save_weights(self.files.backup)
        average = self.stepper.average
        if average is not None and average.started(self.iteration):
            with self.stepper.parameters.shown(average.whole()):
                save_weights(self.files.average, self.engine.layers, self.stepper.state.seen)

    def save_best(self) -> None:
        """Save the weights as the best so far: BASE_best.weights."""
        self._save_weights(self.files.best)

    def close(self) -> None:
        """End the loader's threads. The engine is ready for inference with what was learnt."""
        self.loader.close()
        if self.claim is not None:
            self.claim.close()
        self.engine.resize(*self.sizes.base)
        self.stepper.publish()

    def __enter__(self) -> Trainer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _iterate(self) -> Metrics:
        start = time.perf_counter()
        stepper, engine, team = self.stepper, self.engine, self.team
        self.course.prepare(self.iteration)
        mine: list[MiniBatch] = []
        for number in range(stepper.subdivisions):
            if number not in self.turns:
                stepper.skip()
                continue
            if number % stepper.length == 0:
                stepper.session.reset()
            batch: Batch = next(self.loader)
            mine.append(team.mini(stepper, batch.x, batch.truth))
            check_finite(stepper, mine[-1], batch.paths)
        minis = team.combine(stepper, mine)
        rate = stepper.update()
        check_finite(stepper, mine[-1], batch.paths, updated=True)
        team.updated(stepper)
        images = stepper.images * len(minis)
        loss = sum(mini.cost for mini in minis) / images
        self.average = loss if self.average is None else 0.9 * self.average + 0.1 * loss
        seconds = time.perf_counter() - start
        return Metrics(
            iteration=self.iteration,
            seen=stepper.state.seen,
            loss=loss,
            average=self.average,
            rate=rate,
            seconds=seconds,
            images_per_second=images / seconds,
            width=engine.width,
            height=engine.height,
            **head_numbers(minis, engine),
            minis=minis,
        )

    def _measure(self, evaluator: Evaluator) -> float:
        """The score now; the weights are saved if it is the best one."""
        self.stepper.parameters.pull()
        score, best = evaluator.measure(), self.history.best
        self.history.scores.append((self.iteration, score))
        if best is None or score > best:
            try:
                self.save_best()
            except (DarknetError, OSError) as error:
                self.warn(f"the best weights so far could not be saved: {error}; training goes on")
        return score

    def _save_when_due(self, iteration: int) -> None:
        updates = self.team.updates
        numbered, backup = self.files.numbered_after(iteration, updates), self.files.wants_backup(iteration, updates)
        if numbered or backup:
            self.team.settle(self.stepper)
        retry = self._unsaved and iteration % RETRY == 0
        try:
            if backup or retry:
                self._unsaved = True
                self.save()
                self._unsaved = False
            if numbered is not None:
                self._save_weights(numbered)
        except (DarknetError, OSError) as error:
            again = f"; tried again in {RETRY} iterations" if self._unsaved else ""
            self.warn(f"iteration {iteration} could not be saved: {error}{again}; training goes on")

    def _is_due(self, evaluator: Evaluator, iteration: int) -> bool:
        return evaluator.due(iteration, self.max_batches, self.team.updates)

    def _save_weights(self, path: Path) -> None:
        if not self.team.leads:
            return
        self.stepper.parameters.pull()
        save_weights(path, self.engine.layers, self.stepper.state.seen)

    def _save_state(self) -> None:
        if not self.team.leads:
            return
        more: dict[str, Any] = {
            "seed": self.seed,
            "first": self.first,
            "average": self.average,
            "samples": self.samples.state(),
            "stride": self.history.stride,
            "scores": self.history.scores,
        }
        save_state(self.files.state, self.stepper, more, self.history.array())

    def _resume(self) -> None:
        state = read_state(self.files.state, self.stepper)
        meta = state.meta
        self.engine.cfg.warnings.extend(changed_keys(state, self.stepper, self.files.state))
        self.samples.restore(meta["samples"])
        apply_state(state, self.stepper)
        self.seed, self.first, self.average = meta["seed"], meta["first"], meta["average"]
        self.history = History(state.history, meta["stride"], meta["scores"])

    def _end(self) -> None:
        """Darknet's last file, unless the run was stopped before its end."""
        self._ended = True
        self.team.settle(self.stepper)
        try:
            self.save()
            if self.iteration >= self.max_batches:
                self._save_weights(self.files.final)
        except OSError as error:
            raise TrainingError(f"the last save failed: {error}") from error

    def _open_samples(self, order: Order) -> Samples:
        source, track, steps = self.source, self.track, self.stepper.steps
        if track is None:
            return Samples(len(source.images), seed=self.seed, order=order, mix=source.mix)
        return Sequences(
            len(source.images), seed=self.seed, order=order, times=steps, speed=track.speed,
            streams=lambda: self.stepper.mini_batch // steps, place=lambda number: self.course.place(number),
        )  # fmt: skip

    def _open_evaluator(self, validation: Validation, missing: Missing) -> Evaluator:
        epoch = len(self.source.images) / self.stepper.batch
        burn_in = self.stepper.schedule.burn_in
        return validation.open(
            self.engine, self.data, self.source.task, self.dialect, epoch, burn_in, missing, self.warn
        )

    def _out_of_time(self) -> bool:
        return self.max_hours is not None and time.monotonic() - self._started >= 3600 * self.max_hours

    def _check_end(self, resume: bool) -> None:
        """CfgError, DataError, TrainingError unless something is left to do, be it a killed run's last file."""
        net = self.engine.cfg.net
        if not self.max_batches:
            raise net.error("max_batches is missing: how many iterations? Set it, or give --max-batches N")
        if self.source.mix is not None:
            check_mix(self.data, self.source.mix, self.max_batches * self.stepper.batch)
        unfinished = resume and self.iteration == self.max_batches and not self.files.final.exists()
        if self.iteration >= self.max_batches and not unfinished:
            raise TrainingError(
                f"nothing to do: {self.iteration} iterations are done, max_batches={self.max_batches}. To go on, "
                "raise max_batches in [net] (or --max-batches N); --clear counts from 0 again"
            )
