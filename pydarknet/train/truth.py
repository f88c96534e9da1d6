"""What a network is told about an image: rows of boxes that follow the augmentation, or one number a class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..dialects.base import TruthRules
from ..formats.labels import BOX, CLASS, Labels, without_place
from ..formats.tree import Tree
from .augment import Canvas, Crop, Size

Floats = npt.NDArray[np.float32]
F = np.float32

# Columns of a row of truth, as the losses read it (csrc/ops/truths.h); labels have the class first.
TRUTH_CENTRE, TRUTH_SIZE, TRUTH_BOX, TRUTH_CLASS = slice(0, 2), slice(2, 4), slice(0, 4), 4
NOWHERE = F(999999)  # all four numbers of an object that has a class and no place: kNowhere of csrc/ops/truths.h
UNKNOWN = F(-1234)  # Darknet's SECRET_NUM: a group of the tree that the label says nothing about


def draw_order(rng: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
    """Darknet's shuffle: each place in turn changes with any. Not quite even, but it is the one."""
    order = np.arange(count)
    for i, j in enumerate(rng.integers(count, size=count) if count else ()):
        order[i], order[j] = order[j], order[i]
    return order


def boxes(
    draw: Canvas | Crop,
    labels: Labels,
    order: npt.NDArray[np.int64],
    image: Size,
    net: Size,
    rules: TruthRules,
    maximum: int,
) -> Floats:
    """The truth (maximum, 5) of one image: x, y, w, h in 0..1 of the network, class; zeros where there is none.

    Boxes are put in `order`, moved, clipped, and the first `maximum` of them that are large enough are given.
    An object `class 0 0 0 0` has 999999 four times, whatever is drawn.
    """
    rows = labels[order]
    nowhere = without_place(rows)
    x, y, w, h = _moved(draw, rows[:, BOX].T, image, net)
    table = np.stack([x, y, w, h, rows[:, CLASS]], axis=1)
    table[nowhere, TRUTH_BOX] = NOWHERE
    table = table[:maximum]
    stay = _stay(table, nowhere[:maximum], rules, net)
    result = np.zeros((maximum, 5), F)
    if rules.holes:
        result[: len(table)][stay] = table[stay]
    else:
        kept = table[stay]
        result[: len(kept)] = kept
    return result


def _moved(draw: Canvas | Crop, sides: Floats, image: Size, net: Size) -> tuple[Floats, Floats, Floats, Floats]:
    """Centres and sizes of boxes after the draw, cut off at the edges."""
    x, y, w, h = sides
    dx, dy, sx, sy = (F(value) for value in draw.frame(image, net))
    two, zero, one = F(2), F(0), F(1)
    left, right = (x - w / two) * sx - dx, (x + w / two) * sx - dx
    top, bottom = (y - h / two) * sy - dy, (y + h / two) * sy - dy
    if draw.flip:
        left, right = one - right, one - left
    left, right, top, bottom = (np.clip(side, zero, one) for side in (left, right, top, bottom))
    return (left + right) / two, (top + bottom) / two, right - left, bottom - top


def _stay(table: Floats, nowhere: npt.NDArray[np.bool_], rules: TruthRules, net: Size) -> npt.NDArray[np.bool_]:
    if rules.least == "pixel":
        stay = np.all(table[:, TRUTH_SIZE] >= np.array([1 / net[0], 1 / net[1]], F), axis=1)
    else:
        stay = np.all(table[:, TRUTH_SIZE].astype(np.float64) >= rules.least, axis=1)
    if rules.places_only:
        stay &= ~nowhere & np.all(table[:, TRUTH_CENTRE] > 0, axis=1)
    result: npt.NDArray[np.bool_] = stay
    return result


def class_truth(found: Sequence[int], classes: int, tree: Tree | None = None, smoothing: float = 0.0) -> Floats:
    """The truth (classes,) of an image: 1 for the classes found, 0 for others.

    With a tree, ancestors are 1 as well, and groups without any are -1234: nothing is known there. `smoothing`
    (without a tree): 1 less so much for the classes found, that much shared out among the others.
    """
    truth = np.full(classes, F(smoothing) / F(max(classes - 1, 1)), F)
    truth[list(found)] = F(1) - F(smoothing)
    if tree is None:
        return truth
    for node in found:
        truth[tree.path(node)] = 1
    known = np.zeros(len(tree.group_size), np.bool_)
    known[tree.group[truth > 0]] = True
    truth[~known[tree.group]] = UNKNOWN
    return truth
