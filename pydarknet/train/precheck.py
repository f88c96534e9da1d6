"""What would stop or spoil a training, found before its first iteration: every list, image and label file.

All of a data set is looked at, and one error says how much is wrong and where the first of it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..datasets.class_list import ClassImages
from ..datasets.dataset import ImageList
from ..errors import DataError, ImageError, locate
from ..formats.data import DataFile, spare_names
from ..formats.labels import CLASS, MAX_BYTES, find_label, label_path, read_labels, without_place
from ..formats.path_labels import Best, Classes
from ..formats.text import counted, lines, read_text
from ..images.exif import UPRIGHT, orientation, turned_by_exif
from ..images.size import image_size
from .tasks import Missing

SHOWN = 5  # findings that a message lists
CHUNK = 256  # images a thread takes at a time


class UnusableImagesError(DataError):
    """Images of a list that training can't use: the first of them, and how many there are."""


@dataclass
class Summary:
    """What a list holds, counted, and warnings about it."""

    images: int = 0
    objects: int = 0
    class_only: int = 0  # objects without a place
    background: int = 0  # images without any object
    most: int = 0  # objects of one image
    per_class: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Finding:
    """One image: its labels, or what is wrong."""

    labels: npt.NDArray[np.float32] | None = None
    problem: str = ""
    missing: bool = False
    turned: bool = False  # by EXIF


def check_names(names: Sequence[str], classes: int, file: str) -> list[str]:
    """DataError unless there is a name for each class; a warning of more."""
    told = f"has {len(names)} names for {counted(classes, 'class')}"
    if len(names) < classes:
        made = "`pydarknet init DATA --from CFG` makes a cfg for other classes"
        raise DataError.at(file, None, f"{told}; is it, or classes=, of another network? {made}")
    return spare_names(names, classes, file)


def check_boxes(file: str, cfg_file: str, images: Sequence[str], classifies: bool) -> None:
    """DataError for a detector of `cfg_file` and data of a classifier, whose images have no label files."""
    if classifies and not any(find_label(image) for image in images):
        raise DataError(
            f"{file}: has images with a class alone, but {cfg_file} is no classifier and learns from images with "
            "boxes; take a classifier, as `pydarknet init DATA --from darknet19` does, or label boxes and make a "
            "detector's data by `pydarknet data yolo FOLDER`"
        )


def check_classes(data: DataFile, head_classes: int, cfg_file: str, strict: bool = False) -> list[str]:
    """A warning where the .data file counts other classes than the network; with `strict` a DataError."""
    count = data.classes(head_classes)
    if count == head_classes:
        return []
    message = f"classes={count}, but the network of {cfg_file} has {head_classes}"
    advice = "set classes= in both, and filters= of the layer before the head to fit"
    if strict:
        raise data.error(f"{message}; {advice}", "classes")
    place = locate(data.file, data.lines["classes"])
    return [f"{place}: {message}, which counts; {advice}"]


def check_detection(
    images: ImageList,
    classes: int,
    *,
    maximum: int = 0,
    class_only: int = 0,
    missing: Missing = "error",
    workers: int = 4,
    progress: Callable[[int], None] | None = None,
) -> Summary:
    """Look at every image's header and label file. DataError, with the first findings, if any can't be used.

    `maximum` objects an image are learnt from (0: any number): more are a warning. Classes of objects without a
    place are below `class_only`; 0, for a head without a tree, allows none. `progress` is called with the number of
    images done since the last call.
    """

    def look(path: str, place: str) -> _Finding:
        return _look(path, place, classes, class_only)

    summary = Summary(per_class=np.zeros(max(classes, class_only), np.int64))
    problems: list[str] = []
    without, turned = 0, list[str]()
    for path, found in zip(images.images, _each(images, look, workers, progress), strict=True):
        if found.missing:
            without += 1
        if found.turned:
            turned.append(path)
        if found.problem and not (found.missing and missing == "background"):
            problems.append(found.problem)
        else:
            _count(summary, path, found.labels, maximum)
    if problems:
        raise _error(images, problems, without)
    summary.warnings += images.warnings
    if without:
        summary.warnings.append(f"{images.file}: {without} of {summary.images} images have no label file: background")
    if turned:
        summary.warnings.append(f"{images.file}: {turned_by_exif(turned, summary.images)}")
    if not summary.objects:
        raise DataError.at(
            images.file, None, "none of the images has an object: there is nothing to learn, or to evaluate by"
        )
    return summary


def check_classification(
    images: ImageList,
    labels: Sequence[str],
    classes: Classes | None = None,
    *,
    workers: int = 4,
    progress: Callable[[int], None] | None = None,
) -> Summary:
    """Look at every image's header and for its class in its path; none is a warning, as several are where the rule
    `classes` (default: the best label) allows them.

    DataError, with the first findings, for images that can't be read or whose class is ambiguous, or if no path
    has a label.
    """
    find = classes or Best(labels)

    def look(path: str, place: str) -> _Finding:
        if problem := _unreadable(path, place):
            return _Finding(problem=problem)
        try:
            return _Finding(np.array(find(path), np.float32)[:, None])
        except DataError as error:
            return _Finding(problem=f"{place}: {error}")

    summary = Summary(per_class=np.zeros(len(labels), np.int64))
    problems: list[str] = []
    elsewhere = "a label in the file's name, which counts, and another one as the folder's name"
    odd: dict[str, list[str]] = {"no label": [], "several labels": [], elsewhere: []}
    for path, found in zip(images.images, _each(images, look, workers, progress), strict=True):
        if found.labels is None:
            problems.append(found.problem)
            continue
        _count(summary, path, found.labels, 0)
        if len(found.labels) != 1:
            odd["several labels" if len(found.labels) else "no label"].append(path)
        elif isinstance(find, Best) and find.lies_elsewhere(path):
            odd[elsewhere].append(path)
    if problems:
        raise _error(images, problems, 0)
    summary.warnings += images.warnings
    if not summary.objects:
        raise DataError.at(images.file, None, f"no path holds one of the labels ({', '.join(labels[:3])}, ...)")
    summary.warnings += [
        f"{images.file}: {len(paths)} of {summary.images} paths hold {what}; the first: {paths[0]}"
        for what, paths in odd.items()
        if paths
    ]
    return summary


def check_class_images(
    images: ClassImages, node_of: Callable[[str], int], boxed: Container[str], *, workers: int = 4
) -> dict[str, int]:
    """The node of each image that has a class only, by path; `node_of` finds it by the word that says the class.

    DataError, with the first findings, for words without a node, images that can't be read, that have boxes (`boxed`)
    as well, or another class.
    """
    words: dict[str, int | DataError] = {}
    for word in dict.fromkeys(images.words):
        try:
            words[word] = node_of(word)
        except DataError as error:
            words[word] = error
    nodes: dict[str, int] = {}
    problems: list[str] = []
    readable = _each(images, lambda path, place: _Finding(problem=_unreadable(path, place)), workers, None)
    for path, line, word, found in zip(images.images, images.lines, images.words, readable, strict=True):
        node, place = words[word], locate(images.file, line)
        if found.problem:
            problems.append(found.problem)
        elif isinstance(node, DataError):
            problems.append(f"{place}: {path}: {node}")
        elif path in boxed:
            problems.append(f"{place}: {path} is in the list of images with boxes, too; expected it in one of them")
        elif nodes.setdefault(path, node) != node:
            problems.append(f"{place}: {path} is given before with another class; expected one")
    if problems:
        raise _error(images, problems, 0)
    return nodes


def _each(
    images: ImageList | ClassImages,
    look: Callable[[str, str], _Finding],
    workers: int,
    progress: Callable[[int], None] | None,
) -> Iterable[_Finding]:
    """The findings in the list's order; many images are one piece of work for a thread."""
    pairs = [(path, locate(images.file, line)) for path, line in zip(images.images, images.lines, strict=True)]
    pieces = [pairs[i : i + CHUNK] for i in range(0, len(pairs), CHUNK)]
    with ThreadPoolExecutor(workers, "pydarknet-check") as pool:
        for piece in pool.map(lambda piece: [look(*pair) for pair in piece], pieces):
            if progress:
                progress(len(piece))
            yield from piece


def _look(path: str, place: str, classes: int, class_only: int) -> _Finding:
    if problem := _unreadable(path, place):
        return _Finding(problem=problem)
    file = find_label(path)
    if file is None:
        message = f"{place}: {path} has no label file; expected {label_path(path)} (empty if nothing is to be seen)"
        return _Finding(problem=message, missing=True)
    try:
        labels = read_labels(file, classes, class_only or None)
    except DataError as error:
        return _Finding(problem=str(error))
    if not class_only and (nowhere := without_place(labels)).any():
        message = "an object at 0 0 has a class and no place (class 0 0 0 0); only a head with tree= learns from it"
        return _Finding(problem=f"{locate(file, _line_of(file, int(np.argmax(nowhere))))}: {message}")
    return _Finding(labels, turned=bool(len(labels)) and orientation(path) != UPRIGHT)


def _line_of(file: str, index: int) -> int:
    """The line on which a label file has its object of that index."""
    text = read_text(file, MAX_BYTES, lambda message: DataError.at(file, None, message))
    return [number for number, line in enumerate(lines(text), 1) if line.strip()][index]


def _unreadable(path: str, place: str) -> str:
    if not os.path.isfile(path):
        return f"{place}: the image {path} is missing"
    try:
        image_size(path)
    except ImageError as error:
        return f"{place}: {error}"
    return ""


def _count(summary: Summary, path: str, labels: npt.NDArray[np.float32] | None, maximum: int) -> None:
    summary.images += 1
    if labels is None or not len(labels):
        summary.background += 1
        return
    summary.objects += len(labels)
    summary.most = max(summary.most, len(labels))
    np.add.at(summary.per_class, labels[:, CLASS].astype(np.int64), 1)
    if labels.shape[1] == 5:
        summary.class_only += int(without_place(labels).sum())
    if maximum and len(labels) > maximum:
        summary.warnings.append(
            f"{path} has {len(labels)} objects: {maximum} of them, drawn anew, count (max={maximum})"
        )


def _error(images: ImageList | ClassImages, problems: Sequence[str], without: int) -> DataError:
    listed = "".join(f"\n  {problem}" for problem in problems[:SHOWN])
    more = f"\n  and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    option = "--no-labels-is-background, from Python missing='background'"
    advice = f"\nImages without a label file can count as background by option: {option}." if without else ""
    total = len(images.images)
    return UnusableImagesError.at(
        images.file, None, f"{len(problems)} of {total} images can't be used:{listed}{more}{advice}"
    )
