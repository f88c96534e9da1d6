"""What will go wrong with a training, and what could go better, before it is started."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from os import PathLike, fspath
from typing import TypeVar

import numpy as np

from ..anchors.boxes import load_boxes
from ..anchors.cfg import heads_with_anchors, units
from ..anchors.kmeans import Floats, average_iou, kmeans
from ..datasets.check import Finding, as_finding, check
from ..datasets.dataset import DataSet, class_rule, read_dataset
from ..errors import DarknetError
from ..formats.cfg import Cfg, parse_cfg
from ..formats.data import read_data
from ..formats.labels import CLASS, find_label, read_labels
from ..formats.path_labels import Classes
from ..formats.resources import find_cfg
from ..layers.common.tree import section_tree
from .checkpoint import open_files
from .choice import training_dialect
from .folder import check_unused
from .precheck import UnusableImagesError
from .template.kinds import check_kind, is_classifier
from .trainer import Trainer

T = TypeVar("T")

FEW = 50  # objects of a class, below which little is learnt of it
WORSE = 0.05  # average IoU that anchors may lack of those of k-means
SMALL = 8  # pixels of the network's input: less than a quarter of a cell
MANY_SMALL = 0.1  # share of the boxes


def examine(
    data: str | PathLike[str],
    cfg: str | PathLike[str],
    weights: str | PathLike[str] | None = None,
    *,
    cutoff: int | None = None,
    dialect: str | None = None,
    decode: bool = False,
) -> Iterator[Finding]:
    """Every finding about a training of `cfg`, a detector or a classifier, on the images of a .data file; from
    `weights`, or their first `cutoff` layers.

    Errors are what `Trainer` would raise, or fail on later. `decode`: read whole images, not their headers alone.
    Nothing is written.
    """
    problems: list[Finding] = []
    network = _tried(lambda: parse_cfg(find_cfg(cfg)), fspath(cfg), problems)
    dataset = _tried(lambda: read_dataset(data, classes=_fewer_classes(data, network)), fspath(data), problems)
    rule: Classes | None = None
    if network is not None and dataset is not None:
        _tried(lambda: check_kind(network, dataset), fspath(data), problems)
        if is_classifier(network):
            rule = _tried(lambda: class_rule(data), fspath(data), problems)
    yield from problems
    if dataset is None or (problems and network is not None):
        return  # what follows of it says no more
    wrong = False
    for finding in check(dataset, decode=decode, inner=_inner(network), rule=rule):
        wrong |= finding.error
        yield finding
    yield from _sparse(dataset, rule)
    if network is not None:
        yield from _as_trainer(data, network, weights, cutoff, dialect, wrong)
        yield from _anchors(data, network)


def _fewer_classes(data: str | PathLike[str], cfg: Cfg | None) -> int | None:
    """The classes of a detector's head, which count in training, where the .data file says more; else None."""
    heads = [section for section in cfg.sections if section.has("classes")] if cfg is not None else []
    if not heads or heads[-1].has("map"):
        return None
    with suppress(DarknetError):
        return count if 0 < (count := heads[-1].int_("classes", 0)) < read_data(data).classes(0) else None
    return None


def _inner(cfg: Cfg | None) -> set[int]:
    """The inner nodes of the tree of a network's classes, if it has one that can be read."""
    for section in cfg.sections if cfg is not None else ():
        with suppress(DarknetError):
            if (tree := section_tree(section)) is not None:
                return {node for node in range(len(tree)) if not tree.is_leaf(node)}
    return set()


def _tried(make: Callable[[], T], place: str, problems: list[Finding]) -> T | None:
    """What is made, or None with the error among the problems."""
    try:
        return make()
    except DarknetError as error:
        problems += map(as_finding, error.warnings)
        problems.append(_placed(place, True, str(error)))
        return None


def _placed(place: str, error: bool, text: str) -> Finding:
    """A message that may begin with the file it is about, and a line of it, as a finding."""
    match = re.match(rf"({re.escape(place)}(?::\d+)?): ", text)
    return Finding(match[1], error, text[match.end() :]) if match else Finding(place, error, text)


def _as_trainer(
    data: str | PathLike[str],
    cfg: Cfg,
    weights: str | PathLike[str] | None,
    cutoff: int | None,
    dialect: str | None,
    wrong: bool,
) -> Iterator[Finding]:
    """What a trainer says, and the folder it would write to, but for a summary of images that are said to be `wrong`.
    It works in a folder of its own here."""
    problems: list[Finding] = []
    told: list[str] = []

    def start() -> None:
        with tempfile.TemporaryDirectory() as folder:
            options = read_data(data)
            Trainer(cfg, options, weights=weights, cutoff=cutoff, dialect=dialect, backup=folder,
                    map="valid" in options.options, missing="background", warn=told.append).close()  # fmt: skip
            files = open_files(cfg, options, None, training_dialect(cfg, dialect, None).files, 1)
            check_unused(files, weights)

    def start_unless_wrong() -> None:
        try:
            start()
        except UnusableImagesError as error:
            if not wrong:
                raise
            problems.extend(map(as_finding, error.warnings))

    _tried(start_unless_wrong, cfg.file, problems)
    for text in told:
        yield _placed(fspath(data) if text.startswith(f"{fspath(data)}:") else cfg.file, False, text)
    yield from problems


def _sparse(data: DataSet, rule: Classes | None) -> Iterator[Finding]:
    """Classes with few objects, and nothing to validate on."""
    lists = {each.name: each for each in data.lists}
    if "valid" not in lists and "" not in lists:
        yield Finding(data.file, False, "has no valid list, so that nothing tells how good the network is")
    if data.classes is None or not ({"train", "train_boxes", ""} & lists.keys()):
        return
    counts = np.zeros(data.classes, np.int64)
    for path in data.list_("train").images:
        counts += _objects(path, data.classes, rule)
    few = [i for i in np.argsort(counts, kind="stable") if 0 < counts[i] < FEW]
    if few:
        shown = ", ".join(f"{data.name_of(int(i))} {counts[i]}" for i in few[:5])
        more = f" and {len(few) - 5} more classes" if len(few) > 5 else ""
        what = "objects" if rule is None else "images"
        yield Finding(data.file, False, f"few {what} to learn from: {shown}{more}; some hundreds are usual")


def _objects(path: str, classes: int, rule: Classes | None) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How many objects of each class an image has; none where its labels are wrong, which `check` says."""
    try:
        if rule is not None:
            ids = np.array([class_id for class_id in rule(path) if class_id < classes], np.int64)
        else:
            label = find_label(path)
            ids = read_labels(label, classes)[:, CLASS].astype(np.int64) if label else np.zeros(0, np.int64)
    except DarknetError:
        ids = np.zeros(0, np.int64)
    return np.bincount(ids, minlength=classes)


def _anchors(data: str | PathLike[str], cfg: Cfg) -> Iterator[Finding]:
    """Anchors that don't fit the boxes, and boxes that are too small for the network."""
    try:
        head, unit = heads_with_anchors(cfg)[-1], units(cfg)
        sizes = load_boxes(fspath(data), "stretch", unit.scale).sizes
        anchors = np.array(head.floats("anchors"), np.float64).reshape(-1, 2) / unit.scale
        best = average_iou(sizes, kmeans(sizes, unit.num, restarts=3))
    except (DarknetError, ValueError):
        return  # no anchors, or no boxes: said elsewhere
    fit = average_iou(sizes, anchors)
    if fit < best - WORSE:
        told = f"the anchors fit the boxes with an average IoU of {fit:.0%}, those of k-means with {best:.0%}"
        yield Finding(cfg.file, False, f"{told}; pydarknet anchors {fspath(data)} --write {cfg.file}")
    yield from _small(sizes, cfg)


def _small(sizes: Floats, cfg: Cfg) -> Iterator[Finding]:
    width, height = cfg.net.int_("width", 416), cfg.net.int_("height", 416)
    small = int(((sizes * (width, height)) < SMALL).any(axis=1).sum())
    if small > MANY_SMALL * len(sizes):
        told = f"{small} of {len(sizes)} boxes are under {SMALL} pixels wide or high at {width} x {height}"
        yield Finding(cfg.file, False, f"{told}, too small to be found; take a larger width and height")
