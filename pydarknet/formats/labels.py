"""Label files, the truth about one image: a line `class x y w h` an object, relative to the image.

`class 0 0 0 0` says what is in the image but not where: the class-only labels of joint training (paper,
section 4, "Joint classification and detection"). Training, as Darknet, looks at the centre alone (`without_place`),
and marks such an object for the losses (`pydarknet.train.truth.NOWHERE`).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from os import PathLike, fspath
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .data import MAX_CLASSES
from .numbers import read_float, read_int
from .text import lines, read_text, short

Labels = npt.NDArray[np.float32]
CLASS, CENTRE, SIZE, BOX = 0, slice(1, 3), slice(3, 5), slice(1, 5)  # columns of `Labels`

MAX_BYTES = 16 << 20
FOLDERS = ("images", "JPEGImages", "raw")  # what Darknet takes for the folder of the images
SLACK = 1e-3  # how far a number may be over the image before it is a warning or an error: rounding, not a mistake

TINY = 0.005  # of the image: the most that a dialect leaves out


class Problem(NamedTuple):
    """Something wrong in a line; a warning (`error` False) keeps nothing from being used."""

    line: int
    error: bool
    message: str


def label_path(image: str | PathLike[str]) -> str:
    """Where Darknet looks for the labels of an image.

    The first `images`, `JPEGImages` and `raw` anywhere in the path become `labels`, and the ending .txt. As in
    Darknet but for the ending, which may be any (Darknet leaves .jpeg as it is, and replaces inside a name).
    """
    path = fspath(image)
    for folder in FOLDERS:
        path = path.replace(folder, "labels", 1)
    return os.path.splitext(path)[0] + ".txt"


def find_label(image: str | PathLike[str]) -> str | None:
    """The label file of an image that exists, or None.

    Darknet's place counts first. Then, for paths it mangles (`raw_data/images/a.jpg`), the one that has the
    innermost folder of that name replaced; then beside the image, where AlexeyAB's looks.
    """
    return next((path for path in label_places(image) if os.path.isfile(path)), None)


def label_places(image: str | PathLike[str]) -> list[str]:
    """Where `find_label` looks, in order."""
    path = fspath(image)
    return list(dict.fromkeys([label_path(path), sibling_label(path), os.path.splitext(path)[0] + ".txt"]))


def sibling_label(image: str | PathLike[str]) -> str:
    """The label file when only the innermost whole folder named images, JPEGImages or raw becomes labels."""
    folders, name = os.path.split(os.path.splitext(fspath(image))[0])
    parts = folders.split(os.sep)
    for i in reversed(range(len(parts))):
        if parts[i] in FOLDERS:
            parts[i] = "labels"
            break
    return os.path.join(os.sep.join(parts), name + ".txt")


def read_labels(path: str | PathLike[str], classes: int | None = None, class_only: int | None = None) -> Labels:
    """The objects of a label file, shape (n, 5): class, centre x, y, width, height in fractions of the image.

    An empty file is an image without objects. DataError with file:line for anything that training would stumble
    over: not five numbers, NaN, a class from `classes` on, a centre outside the image, a size outside (0, 1]. The
    classes of objects without a place may have a range of their own, `class_only`: the nodes of a tree.
    """
    name = fspath(path)
    text = _read(name)
    labels = _quick(text, classes, class_only)
    if labels is not None:
        return labels
    rows = []
    for number, line in _objects(text):
        row, problem = parse_label(line, classes, class_only)
        if problem:
            raise DataError.at(name, number, problem)
        rows.append(row)
    return np.array(rows, np.float32).reshape(-1, 5)


def check_labels(path: str | PathLike[str], classes: int | None = None) -> tuple[Labels, list[Problem]]:
    """The objects that can be used, and everything wrong or doubtful. DataError if the file can't be read."""
    rows: list[list[float]] = []
    problems = []
    first: dict[tuple[float, ...], int] = {}
    for number, line in _objects(_read(fspath(path))):
        row, problem = parse_label(line, classes)
        if problem:
            problems.append(Problem(number, True, problem))
            continue
        rows.append(row)
        problems += [Problem(number, False, warning) for warning in _warnings(row)]
        if (before := first.setdefault(tuple(row), number)) != number:
            problems.append(Problem(number, False, f"is line {before} again"))
    return np.array(rows, np.float32).reshape(-1, 5), problems


def parse_label(line: str, classes: int | None = None, class_only: int | None = None) -> tuple[list[float], str]:
    """The five numbers of a line, and what is wrong with them ('' if nothing).

    What is over the image by no more than `SLACK` is cut to it.
    """
    fields = line.split()
    if len(fields) != 5:
        return [], f"expected 'class x y w h', found {len(fields)} fields: {short(line)!r}{_hint(len(fields))}"
    class_id, warning = read_int(fields[0])
    limit, limit_only = _limits(classes, class_only)
    if warning or not 0 <= class_id < max(limit, limit_only):
        return [], f"expected a class from 0 to {max(limit, limit_only) - 1}, found {short(fields[0])!r}"
    row = [float(class_id)]
    for what, field in zip("xywh", fields[1:], strict=True):
        value, warning = read_float(field)
        if warning or not math.isfinite(value):
            return [], f"expected a number for {what}, found {short(field)!r}"
        row.append(value)
    nowhere = not row[1] and not row[2]
    if class_id >= (limit_only if nowhere else limit):
        what = "without a place, a node of the tree," if nowhere else "with a box"
        end = (limit_only if nowhere else limit) - 1
        return [], f"expected for an object {what} a class from 0 to {end}, found {class_id}"
    problem = _misplaced(row)
    return row if problem else [row[0], *_cut(row[1:])], problem


def _hint(fields: int) -> str:
    """What a line of so many fields may be."""
    if fields == 6:
        return "; is the last one a confidence? The truth has none"
    if fields > 6 and fields % 2:
        return "; is it a polygon? `pydarknet data yolo FOLDER --out FOLDER` puts a box around it"
    return ""


def _limits(classes: int | None, class_only: int | None) -> tuple[int, int]:
    """The classes of objects with and without a place are below these."""
    limit = MAX_CLASSES if classes is None else classes
    return limit, limit if class_only is None else class_only


def is_class_only(labels: Labels) -> npt.NDArray[np.bool_]:
    """Which objects (n, 5) have a class and no place: `class 0 0 0 0`."""
    return _all_zero(labels[:, BOX])


def without_place(labels: Labels) -> npt.NDArray[np.bool_]:
    """Which objects (n, 5) training takes for a class without a place: those whose centre is 0 0, as in Darknet."""
    return _all_zero(labels[:, CENTRE])


def _all_zero(columns: Labels) -> npt.NDArray[np.bool_]:
    result: npt.NDArray[np.bool_] = np.equal(np.count_nonzero(columns, axis=1), 0)
    return result


def label_text(labels: npt.ArrayLike) -> str:
    """Objects (n, 5) as the text of a label file. Six digits, a thousandth of a pixel in an image of 1000."""
    return "".join(
        f"{int(row[0])} {row[1]:.6f} {row[2]:.6f} {row[3]:.6f} {row[4]:.6f}\n"
        for row in np.asarray(labels, np.float64).reshape(-1, 5)
    )


def _read(name: str) -> str:
    return read_text(name, MAX_BYTES, lambda message: DataError.at(name, None, message))


def _objects(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(lines(text), 1) if line.strip())


def _quick(text: str, classes: int | None, class_only: int | None) -> Labels | None:
    """All lines at once if nothing is odd about any; None otherwise, for the slow way that can say what."""
    objects = [fields for line in lines(text) if (fields := line.split())]
    if not objects:
        return np.empty((0, 5), np.float32)
    if any(len(fields) != 5 or not fields[0].isdigit() for fields in objects) or not text.isascii() or "_" in text:
        return None
    try:
        rows = np.array([list(map(float, fields)) for fields in objects])
    except ValueError:
        return None
    limit, limit_only = _limits(classes, class_only)
    sizes, centres = rows[:, SIZE], rows[:, CENTRE]
    placed = (centres >= 0) & (centres <= 1) & (sizes > 0) & (sizes <= 1)
    below = rows[:, CLASS] < np.where(centres.any(axis=1), limit, limit_only)
    good = below & (placed.all(axis=1) | ~rows[:, BOX].any(axis=1))
    return rows.astype(np.float32) if good.all() else None


def _misplaced(row: list[float]) -> str:
    _, x, y, w, h = row
    if not any(row[1:]):
        return ""
    if not (-SLACK <= x <= 1 + SLACK and -SLACK <= y <= 1 + SLACK):
        hint = "; are these pixels? They must be divided by the image's size" if max(map(abs, row[1:])) > 2 else ""
        return f"expected the centre inside the image (0 to 1), found x={x:.9g} y={y:.9g}{hint}"
    if not (0 < w <= 1 + SLACK and 0 < h <= 1 + SLACK):
        return f"expected a width and height above 0 and up to 1, found w={w:.9g} h={h:.9g}"
    return ""


def _cut(sides: list[float]) -> list[float]:
    """x, y, w, h without what is over the image; but a centre that would be 0 0 stays beside it: that is a class
    without a place."""
    x, y, w, h = (min(max(value, 0.0), 1.0) for value in sides)
    return [x, y, w, h] if x or y else [*sides[:2], w, h]


def _warnings(row: list[float]) -> Iterator[str]:
    _, x, y, w, h = row
    if not any(row[1:]):
        return
    over = max(w / 2 - x, x + w / 2 - 1, h / 2 - y, y + h / 2 - 1)
    if over > SLACK:
        yield f"the box reaches {over:.3f} of the image over its edge; it is cut off there"
    if min(w, h) < TINY:
        yield (
            f"the box is tiny (w={w:g} h={h:g}): training leaves out what is below {TINY:g}, in dialect darknet2018 "
            "below 0.001"
        )
