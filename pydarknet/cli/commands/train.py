"""`pydarknet train`: learn from the images of a .data file."""

from __future__ import annotations

import argparse
import shlex
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ...formats.text import counted
from ...system import signals
from .. import options
from ..console import give_up_output
from ..loading import read_data_file
from ..messages import progress, say
from ..parser import UsageError, real, whole
from ..saving import refuse_inputs
from ..teams import TeamPlace

if TYPE_CHECKING:
    from ...texts.training import TextTrainer
    from ...train.metrics import Metrics
    from ...train.source import Source
    from ...train.team import Team
    from ...train.trainer import Trainer
    from ...train.validation import Validation
    from ..messages import Lines


CHART_EVERY = 100  # iterations


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add files and options."""
    parser.add_argument("data", metavar="DATA", help="a .data file: train, classes, names, backup")
    parser.add_argument("cfg", metavar="CFG", help="the network, with batch, learning_rate, max_batches in [net]")
    parser.add_argument("weights", metavar="WEIGHTS", nargs="?", help="the weights to start from; default: random")
    parser.add_argument("--dialect", metavar="NAME",
                        help="which Darknet's training: paper2017, darknet2018 or alexeyab; default: that of the "
                             "cfg, else by its head")  # fmt: skip
    parser.add_argument(
        "--seed",
        type=whole(0),
        default=0,
        metavar="N",
        help="seed of initial weights, sampling and augmentation (default: 0)",
    )
    parser.add_argument("--resume", action="store_true", help="continue from the state in the backup folder")
    parser.add_argument("--overwrite", action="store_true",
                        help="start anew and overwrite the weights and state of an earlier run")  # fmt: skip
    parser.add_argument("--backup", metavar="FOLDER", help="where weights and state go; default: backup= of DATA")
    parser.add_argument("-clear", "--clear", action="store_true", help="count images from 0, whatever WEIGHTS says")
    parser.add_argument("--cutoff", type=whole(0), metavar="N", help="load only the first N layers of WEIGHTS")
    parser.add_argument(
        "--max-batches", type=whole(1), metavar="N", help="number of iterations, instead of the cfg's"
    )
    parser.add_argument("--subdivisions", type=_subdivisions, metavar="N",
                        help="mini-batches of a batch, instead of the cfg's; auto: as few as the memory has room "
                             "for")  # fmt: skip
    parser.add_argument("--max-hours", type=real(0, 1e6, above=True), metavar="H",
                        help="save and stop after H hours; --resume goes on")  # fmt: skip
    parser.add_argument(
        "--order",
        choices=("darknet", "epochs"),
        default="darknet",
        help="darknet: pick images at random; epochs: shuffle the list",
    )
    parser.add_argument("--no-labels-is-background", dest="background", action="store_true",
                        help="an image without a label file has no objects; default: an error")  # fmt: skip
    _add_validation(parser)
    parser.add_argument(
        "--save-every",
        type=whole(1),
        metavar="N",
        help="save a backup every N iterations (default: savelast of DATA, else 100)",
    )
    parser.add_argument(
        "--workers", type=whole(1, 256), default=2, metavar="N", help="number of loading threads (default: 2)"
    )
    parser.add_argument("--log", action="append", default=[], type=Path, metavar="FILE",
                        help="write a row per iteration: FILE.csv, or lines of JSON")  # fmt: skip
    parser.add_argument("--tensorboard", metavar="FOLDER",
                        help="write TensorBoard files there; needs pydarknet[tensorboard]")  # fmt: skip
    parser.add_argument("--no-chart", action="store_true", help="draw no chart_BASE.png and .svg")
    parser.add_argument("--brief", action="store_true",
                        help="print an iteration's line only at each backup, and what is measured")  # fmt: skip
    options.add_machine(parser)
    _add_ranks(parser)
    options.add_quiet(parser, bar=False)


def _subdivisions(text: str) -> int | str:
    return text if text == "auto" else whole(1)(text)


def _add_validation(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("validation")
    group.add_argument("-map", "--map", action="store_true",
                       help="evaluate on the valid list while training, and save BASE_best.weights")  # fmt: skip
    group.add_argument("--map-every", type=whole(1), metavar="N", help="evaluate every N iterations")
    group.add_argument("-mAP_epochs", "--map-epochs", type=whole(1), metavar="N",
                       help="evaluate every N epochs, at least 100 iterations apart (default: 4)")  # fmt: skip
    group.add_argument("--patience", type=whole(1), metavar="N",
                       help="end after N measurements in a row without a better one")  # fmt: skip
    group.add_argument(
        "-iou_thresh",
        "--iou-thresh",
        type=real(0, 1),
        default=0.5,
        metavar="IOU",
        help="least IoU of a hit (default: 0.5)",
    )


def _add_ranks(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("several ranks", "under mpirun or srun: mpirun -n 4 pydarknet train ...")
    group.add_argument("--sums", choices=("exact", "fast"), default="exact",
                       help="exact: gradients are added in the order of one process, to the same bits; fast: each "
                            "rank adds up its own first, with less memory")  # fmt: skip
    group.add_argument("--sync", type=whole(1), metavar="N",
                       help="each makes updates of its own; every N iterations their weights are averaged, as "
                            "Darknet's GPUs do; default: one update of all")  # fmt: skip


def run(args: argparse.Namespace, keep: bool = False) -> int:
    """0, or 130 when stopped by Ctrl-C, 128 + n by another signal; errors are raised. `keep`: of `Trainer`."""
    from ...scale.mpi import open_team

    with open_team(args.sync, args.sums == "exact") as team:
        return _run(args, keep, team)


def refuse(error: UsageError) -> NoReturn:
    """Raise it as one of several ranks, which all end with it: the others would wait for one that doesn't come."""
    from ...scale.mpi import open_team

    with open_team():
        raise error


def _run(args: argparse.Namespace, keep: bool, team: Team) -> int:
    from ...train.logs import LogFile
    from ...train.tensorboard import TensorBoard
    from ...train.trainer import Trainer

    place = TeamPlace(team, args)
    if args.cutoff is not None and not args.weights:
        raise UsageError("--cutoff N says how much of WEIGHTS is loaded, but none are given")
    data = read_data_file(args.data, args.quiet)
    refuse_inputs(args.log, args, data)
    trainer = Trainer(
        args.cfg,
        data,
        weights=args.weights,
        cutoff=args.cutoff,
        dialect=args.dialect,
        seed=args.seed,
        clear=args.clear,
        resume=args.resume,
        overwrite=args.overwrite,
        backup=args.backup,
        keep=keep,
        workers=args.workers,
        threads=place.threads(),
        device=place.device(),
        precision=args.precision,
        max_batches=args.max_batches,
        max_hours=args.max_hours,
        subdivisions=args.subdivisions,
        order=args.order,
        missing="background" if args.background else "error",
        map=validation(args),
        save_every=args.save_every,
        warn=lambda text: place.warn(text, known=data.warnings),
        team=team,
    )
    place.started = True
    stopping = Stopping(trainer, silent=not team.leads)
    with trainer, signals.handled(stopping):
        if not args.quiet:
            describe(trainer)
        logs: list[LogFile | TensorBoard] = [LogFile(path, trainer.iteration, trainer.warn) for path in args.log]
        if args.tensorboard:
            logs.append(TensorBoard(args.tensorboard, trainer.iteration, trainer.warn))
        try:
            _train(trainer, logs, args)
        finally:
            for log in logs:
                log.close()
    return stopping.code


def _train(trainer: Trainer, logs: list[Any], args: argparse.Namespace) -> None:
    from ...train.logs import darknet_lines, progress_text, score_line

    def report(metrics: Metrics) -> None:
        lines = list(darknet_lines(metrics, trainer.engine))
        if not args.brief:
            output.print(lines)
        elif (
            trainer.files.wants_backup(metrics.iteration, trainer.team.updates)
            or metrics.iteration == trainer.max_batches
        ):
            output.print(lines[-1:])
        if trainer.evaluator is not None and metrics.map is not None:
            output.print([score_line(trainer.evaluator.title, trainer.history)])
        for log in logs:
            log.add(metrics)
        bar.done(note=progress_text(metrics, trainer.history))

    first = trainer.iteration
    with progress(trainer.max_batches, "it", quiet=args.quiet, first=first, leave=False) as bar:
        output = Output(bar, args.quiet)
        trainer.callbacks.append(report)
        for metrics in trainer:
            if metrics.iteration % CHART_EVERY == 0:
                _chart(trainer, args)
    _chart(trainer, args)
    if trainer.iteration >= trainer.max_batches:
        best = trainer.files.best if trainer.evaluator is not None and trainer.files.best.exists() else None
        say(f"done: {trainer.files.final}" + (f"; the best by --map: {best}" if best else ""), args.quiet)
        for line in next_steps(trainer, args):
            say(line, args.quiet)
        return
    if trainer.spent:
        say(f"no better score in {args.patience} measurements: the best weights are {trainer.files.best}", args.quiet)
    none = ", before any was trained" if trainer.iteration == first else ""
    say(f"stopped at iteration {trainer.iteration}{none}, saved {trainer.files.backup}; --resume goes on", args.quiet)


def next_steps(trainer: Trainer, args: argparse.Namespace) -> Iterator[str]:
    """The commands that evaluate and use what was learnt."""
    from ...dialects import DEFAULT, DIALECTS

    files = shlex.join([args.data, args.cfg, str(trainer.files.final)])
    detector = bool(trainer.engine.heads())
    dialect, told = trainer.dialect, trainer.engine.cfg.net.has("dialect")
    alike = dialect.norm.deviation == DIALECTS[DEFAULT].norm.deviation
    how = "" if told or alike else f" --dialect {dialect.name}"
    if "valid" in trainer.data.options:
        fit = " --fit stretch" if detector and dialect.fit == "stretch" else ""
        yield f"to evaluate it: pydarknet {'detector map' if detector else 'classifier valid'} {files}{fit}{how}"
    yield f"to use it: pydarknet {'detector test' if detector else 'classifier predict'} {files} IMAGE{how}"


def _chart(trainer: Trainer, args: argparse.Namespace) -> None:
    from ...errors import DarknetError
    from ...plots.training import draw_chart

    if args.no_chart or not trainer.history.points:
        return
    history, name = trainer.history, trainer.evaluator.name if trainer.evaluator else "score"
    for path in trainer.files.charts:
        try:
            draw_chart(path, history.array(), history.scores, name)
        except DarknetError as error:
            say(f"warning: {error}", args.quiet)


def validation(args: argparse.Namespace) -> Validation | bool:
    """The validation that --map and its companions ask for."""
    from ...train.validation import Validation

    if not (args.map or args.map_every or args.map_epochs or args.patience):
        return False
    epochs = args.map_epochs or Validation.epochs
    return Validation(args.map_every, epochs, args.iou_thresh, patience=args.patience)


def describe(trainer: Trainer) -> None:
    """What will be done, and how."""
    s, source = trainer.stepper, trainer.source
    sizes = trainer.sizes
    size = f"{sizes.low} to {sizes.high}" if sizes.varies else f"{sizes.base[0]} x {sizes.base[1]}"
    size += ", smaller images in larger mini-batches" if sizes.dynamic and sizes.varies else ""
    schedule = s.schedule
    images, objects = counted(len(source.images), "image"), counted(source.summary.objects, "object")
    say(f"dialect {s.dialect.name}; {images}, {objects}{joint(source)}")
    say(
        f"batch {s.batch}, subdivisions {s.subdivisions}, size {size}; {schedule.policy} rate "
        f"{schedule.learning_rate:g}, {s.optimiser}, burn_in {schedule.burn_in}"
    )
    say(
        f"iterations {trainer.iteration} to {trainer.max_batches}, seed {trainer.seed}, order {trainer.samples.order}"
        f"; {trainer.engine.backend.describe()}, about {trainer.bytes_needed / 2**20:.0f} MiB"
    )
    if trainer.evaluator is not None:
        evaluator = trainer.evaluator
        say(f"{evaluator.name} of the valid list {evaluator.when(trainer.max_batches)}; images by {evaluator.how}")
    say(f"weights go to {trainer.files.backup}, the state to {trainer.files.state.name} beside it")


def joint(source: Source) -> str:
    """Of the images, which have a class only, and how often they come."""
    if not source.class_images:
        return ""
    mixed = f", drawn {source.mix.boxes} with boxes to {source.mix.classes} without" if source.mix else ""
    return f"; {source.class_images} images have a class and no box{mixed}"


class Stopping:
    """The first signal that asks for an end (Ctrl-C, SIGTERM, SIGHUP, SIGQUIT) lets the iteration end and saves.

    A second Ctrl-C ends at once, as any other signal does that comes later than the grace in which several are one.
    `code` is the exit code of a run that was stopped, 0 of others.
    """

    def __init__(self, trainer: Trainer | TextTrainer, silent: bool = False) -> None:
        self._trainer, self._silent = trainer, silent
        self._at = 0.0
        self.code = 0

    def __call__(self, number: int, frame: object) -> None:
        """Handle a signal."""
        now = time.monotonic()
        if not self.code:
            self._at, self.code = now, signals.exit_code(number)
            self._trainer.stop()
            with suppress(OSError, RuntimeError):  # a terminal that is closed, or a line that was just being written
                say("stopping after this iteration", self._silent)
        elif number == signal.SIGINT or now - self._at > signals.GRACE:
            raise signals.Stopped(number)


class Output:
    """Darknet's lines on standard output, for as long as it takes them: no reader and no room end no training."""

    def __init__(self, out: Lines, quiet: bool) -> None:
        self._out, self._quiet = out, quiet

    def print(self, lines: Iterable[str]) -> None:
        """Print the lines of an iteration."""
        if self._quiet:
            return
        try:
            self._out.print(lines)
        except OSError as error:
            self._quiet = True
            give_up_output()
            reason = error.strerror or error
            say(f"warning: standard output: {reason}; nothing more is printed there, training goes on")
