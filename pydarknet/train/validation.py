"""How good a network is while it learns: average precision on the valid list, every so many iterations.

A network of its own looks, which only shares the parameters: the one that learns is not touched, so that a run gives
the same weights with and without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..datasets.dataset import read_image_list
from ..detection.boxes import Fit
from ..dialects import Dialect
from ..errors import DataError, ImageError
from ..evaluate.classes import validate_classifier
from ..evaluate.run import class_names, evaluate_network
from ..evaluate.validset import class_map, read_leaves, read_objects
from ..formats.data import DataFile
from ..graph.engine import Engine
from ..network import Network
from .checkpoint import passed
from .class_mixing import MixedClasses
from .precheck import check_classification, check_detection
from .tasks import ClassificationTask, Missing, Task

LEAST = 100  # iterations between two, unless one says otherwise
BATCH = 4

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Validation:
    """When and how to measure: each `every` iterations; without it by AlexeyAB's rule, when all images could have
    been seen `epochs` times, at least 100 iterations apart and not in the burn-in. Also after the last iteration.
    `iou_thresh` 0..1: the overlap with an object that makes a detection a hit. `fit`: how images are brought to the
    network's size, by default as the dialect's augmentation does it. `patience`: after so many measurements in a row
    without a better one the run ends.
    """

    every: int | None = None
    epochs: int = 4
    iou_thresh: float = 0.5
    fit: Fit | None = None
    patience: int | None = None

    def open(
        self,
        engine: Engine,
        data: DataFile,
        task: Task,
        dialect: Dialect,
        epoch: float,
        burn_in: int,
        missing: Missing,
        warn: Warn,
    ) -> Evaluator:
        """Read and check the valid list. `epoch`: iterations that all images take. CfgError, DataError."""
        network = Network(
            engine.cfg, device=engine.backend.name, precision=engine.backend.precision, dialect=dialect.name
        )
        for mine, theirs in zip(network.layers, engine.layers, strict=True):
            mine.parameters = theirs.parameters
        plain = task.inner if isinstance(task, MixedClasses) else task
        if isinstance(plain, ClassificationTask):
            evaluator = _classifier(network, data, plain, warn)
        else:
            boxed = dialect.mixing and engine.cfg.net.bool_("letter_box", False)
            fit = self.fit or ("letterbox" if boxed else dialect.fit)
            evaluator = _detector(network, data, self.iou_thresh, fit, missing, warn)
        evaluator = replace(evaluator, patience=self.patience)
        if self.every:
            return replace(evaluator, every=self.every)
        return replace(evaluator, every=max(LEAST, int(self.epochs * epoch)), first=burn_in)


@dataclass(frozen=True)
class Evaluator:
    """Measures a network's parameters as they are; `name` and `title` say what: mAP, or a classifier's top 1.
    `how` images are brought to its size."""

    name: str
    title: str
    how: str
    network: Network
    look: Callable[[], float]
    every: int = LEAST
    first: int = 0
    patience: int | None = None

    def due(self, iteration: int, end: int, updates: int = 1) -> bool:
        """Whether to measure after this iteration of `end`, which made so many updates."""
        return iteration >= end or (iteration >= self.first and passed(iteration, updates, self.every))

    def when(self, end: int) -> str:
        """In words, when it is due in a run of `end` iterations."""
        start = -(-max(self.first, 1) // self.every) * self.every
        if start > end:
            return f"at the end only ({self.every} iterations apart, the first would be {start})"
        return f"every {self.every} iterations, from {start} on, and at the end"

    def bytes(self) -> int:
        """Memory that measuring takes: activations, and weights in the kernels' layouts."""
        try:
            with self.network.plan(BATCH) as plan:
                return plan.bytes + self.network.constant_bytes()
        finally:
            self.network.parameters_changed()

    def measure(self) -> float:
        """The mean average precision, or the share of images whose class comes first: 0..1."""
        self.network.parameters_changed()
        try:
            return self.look()
        finally:
            self.network.parameters_changed()  # what was packed and planned would only take memory


def _detector(
    network: Network, data: DataFile, iou_thresh: float, fit: Fit, missing: Missing, warn: Warn
) -> Evaluator:
    """As `detector map` evaluates."""
    images = read_image_list("valid", data.path("valid"))
    mapped = class_map(data, network)
    names = class_names(network, mapped)
    tree = network.class_tree()
    class_only = 0 if tree is None or mapped is not None else len(tree)
    check_detection(images, len(names), class_only=class_only, missing=missing)
    truth = read_objects(data, images.images, len(names), background=missing == "background")
    if not len(truth):
        raise DataError.at(images.file, None, "none of the images has a box: there is nothing to evaluate by")

    def look() -> float:
        found = evaluate_network(
            network, images.images, truth, names=names, iou_thresh=iou_thresh, batch=BATCH, fit=fit,
            map=mapped, seen=lambda seen: _complain(seen.error, warn),
        )  # fmt: skip
        return found.ap or 0.0

    name = f"mAP@{iou_thresh:.2f}"
    return Evaluator(name, f"mean_average_precision ({name})", fit, network, look)


def _classifier(network: Network, data: DataFile, task: ClassificationTask, warn: Warn) -> Evaluator:
    """As `classifier valid` evaluates."""
    images = read_image_list("valid", data.path("valid"))
    check_classification(images, task.labels, task.classes)
    leaves, warnings = read_leaves(data, task.tree)
    for warning in warnings:
        warn(warning)

    def look() -> float:
        right = 0.0
        evaluating = validate_classifier(
            network, images.images, task.labels, batch=BATCH, leaves=leaves, classes=task.classes
        )
        for evaluated in evaluating:
            _complain(evaluated.error, warn)
            right = evaluated.accuracy.top1
        return right

    return Evaluator("top 1", "top 1 accuracy", "the square in the middle", network, look)


def _complain(error: ImageError | None, warn: Warn) -> None:
    if error is not None:
        warn(f"{error}; it doesn't count in this validation")
