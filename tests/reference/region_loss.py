"""Naive loss of [region], item by item as section 2.2 of the reference on Darknet's semantics has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


@dataclass
class Rules:
    """The options of region_loss, with its defaults."""

    anchors: NDArray[Any]
    classes: int
    coords: int = 4
    tree: Sequence[int] | None = None  # parents; siblings are neighbours
    map: Sequence[int] | None = None
    seen: int = 0
    object_scale: float = 1.0
    noobject_scale: float = 1.0
    class_scale: float = 1.0
    coord_scale: float = 1.0
    mask_scale: float = 1.0
    thresh: float = 0.5
    bias_match: bool = False
    rescore: bool = False
    background: bool = False
    multi_label: bool = False
    weigh_small: bool = False
    slope_in_loss: bool = True
    skip_large_labels: bool = False
    focal_loss: bool = False
    classfix: int = 0
    class_only: str = "pull"
    class_only_box: str = "probable"


def iou(a: Doubles, b: Doubles) -> Doubles:
    """Boxes (..., 4) of centre and size, broadcast."""
    low = np.maximum(a[..., :2] - a[..., 2:] / 2, b[..., :2] - b[..., 2:] / 2)
    high = np.minimum(a[..., :2] + a[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2)
    both = np.prod(np.maximum(high - low, 0), axis=-1)
    return both / (np.prod(a[..., 2:], axis=-1) + np.prod(b[..., 2:], axis=-1) - both)  # type: ignore[no-any-return]


def visible_area(box: Doubles) -> Doubles:
    """Of boxes (..., 4), the part inside the image."""
    low, high = box[..., :2] - box[..., 2:] / 2, box[..., :2] + box[..., 2:] / 2
    return np.prod(np.clip(high, 0, 1) - np.clip(low, 0, 1), axis=-1)  # type: ignore[no-any-return]


def boxes(y: Doubles, anchors: Doubles, size: tuple[float, float], squares: bool = False) -> Doubles:
    """Of one image's (anchors, entries, h, w): (anchors, h, w, 4). `size` is the image's in the anchors' unit."""
    _, _, h, w = y.shape
    rows, columns = np.mgrid[:h, :w]
    sides = 4 * y[:, 2:4] ** 2 if squares else np.exp(y[:, 2:4])
    return np.stack(
        [
            (columns + y[:, 0]) / w,
            (rows + y[:, 1]) / h,
            sides[:, 0] * anchors[:, 0, None, None] / size[0],
            sides[:, 1] * anchors[:, 1, None, None] / size[1],
        ],
        axis=-1,
    )


def encode(
    box: Doubles, anchor: Doubles, row: int, column: int, grid: tuple[int, int], size: Any, squares: bool = False
) -> Doubles:
    """What the head should put out for a box: x, y within the cell, logarithms or half the roots of the sizes."""
    h, w = grid
    sizes = box[2:] * np.array(size) / anchor
    sizes = np.sqrt(sizes) / 2 if squares else np.log(sizes)
    return np.array([box[0] * w - column, box[1] * h - row, *sizes])


def truth_list(rows: Doubles, rules: Rules) -> list[Doubles]:
    result = []
    for row in rows:
        if row[0] == 0:
            break
        if not (rules.skip_large_labels and row[-1] >= rules.classes):
            result.append(row)
    return result


def path(tree: Sequence[int], node: int) -> list[int]:
    result = []
    while node >= 0:
        result.append(node)
        node = tree[node]
    return result


class _Image:
    def __init__(self, output: NDArray[Any], rules: Rules) -> None:
        self.rules = rules
        self.anchors = np.asarray(rules.anchors, np.float64).reshape(-1, 2)
        entries = rules.coords + 1 + rules.classes
        self.y = output.astype(np.float64).reshape(len(self.anchors), entries, *output.shape[1:])
        self.delta = np.zeros_like(self.y)
        self.grid = self.y.shape[2], self.y.shape[3]
        self.size = float(self.grid[1]), float(self.grid[0])
        self.used = np.zeros((len(self.anchors), *self.grid), bool)
        self.stats = dict.fromkeys(
            ("iou", "recall", "recall75", "category", "all_category", "objectness", "any_objectness", "matched",
             "classified"), 0.0,
        )  # fmt: skip

    def assign_class(self, at: tuple[int, int, int], category: int, scale: float) -> None:
        a, i, j = at
        p, d = self.y[a, self.rules.coords + 1 :, i, j], self.delta[a, self.rules.coords + 1 :, i, j]
        if self.rules.tree is not None:
            parents = np.array(self.rules.tree)
            nodes = path(self.rules.tree, category)
            for node in nodes:
                group = parents == parents[node]
                d[group] = -scale * p[group]
                d[node] = scale * (1 - p[node])
            self.stats["category"] += float(np.prod(p[nodes]))
        elif self.rules.multi_label and d[0] != 0:
            d[category] = scale * (1 - p[category])
        else:
            d[:] = scale * (np.eye(self.rules.classes)[category] - p)
            self.stats["category"] += p[category]
            if self.rules.focal_loss:
                q = p[category]
                d *= 0.5 * -(1 - q) * (2 * q * np.log(q) + q - 1)
        self.stats["classified"] += 1

    def class_only(self, node: int) -> None:
        r = self.rules
        assert r.tree is not None
        objectness = self.y[:, r.coords]
        if r.class_only_box == "largest":
            score = visible_area(boxes(self.y, self.anchors, self.size))
        elif r.class_only_box == "surest":
            score = objectness
        else:
            score = objectness * np.prod(self.y[:, r.coords + 1 :][:, path(r.tree, node)], axis=1)
        cells = score.transpose(1, 2, 0)  # the first of equal ones cell by cell
        row, column, anchor = np.unravel_index(int(np.argmax(cells)), cells.shape)
        at = anchor, row, column
        self.assign_class(at, node, r.class_scale)  # type: ignore[arg-type]
        if r.class_only == "ignore":
            return
        if r.class_only != "assume":
            self.delta[:, r.coords] = -r.noobject_scale * objectness
        pull = r.class_only != "spare" and objectness[at] < 0.3
        self.delta[at[0], r.coords, at[1], at[2]] = r.object_scale * (0.3 - objectness[at]) if pull else 0
        self.used[at] = True

    def empty(self, truths: list[Doubles]) -> None:
        r = self.rules
        predicted = boxes(self.y, self.anchors, self.size)
        objectness = self.y[:, r.coords]
        overlaps = np.stack([iou(predicted, t[:4]) for t in truths]) if truths else np.zeros((1, *self.used.shape))
        best = overlaps.max(axis=0)
        self.stats["any_objectness"] += objectness.sum()
        target = best if r.classfix == -1 else float(r.background)
        self.delta[:, r.coords] = r.noobject_scale * (target - objectness)
        if r.classfix != -1:
            self.delta[:, r.coords][best > r.thresh] = 0
        if r.classfix > 0:
            for at in np.argwhere(best > r.thresh):
                a, i, j = map(int, at)
                label = int(truths[int(np.argmax(overlaps[:, a, i, j]))][-1])
                if label < r.classes:
                    weight = objectness[a, i, j] if r.classfix == 2 else 1.0
                    self.assign_class((a, i, j), label, r.class_scale * weight)
        if r.seen < 12800:
            middle = np.array([0.5, 0.5, 0, 0])[None, :, None, None]
            self.delta[:, :4] = 0.01 * (middle - self.y[:, :4])

    def assign(self, truth: Doubles) -> None:
        r = self.rules
        h, w = self.grid
        box = truth[:4]
        i, j = min(int(truth[1] * h), h - 1), min(int(truth[0] * w), w - 1)
        predicted = boxes(self.y, self.anchors, self.size)[:, i, j]
        sizes = self.anchors / self.size if r.bias_match else predicted[:, 2:]
        origin = np.concatenate([np.zeros_like(sizes), sizes], axis=1)
        a = int(np.argmax(iou(origin, np.array([0, 0, *box[2:]]))))
        overlap = float(iou(predicted[a], box))
        d, y = self.delta[a, :, i, j], self.y[a, :, i, j]
        scale = r.coord_scale * (2 - box[2] * box[3] if r.weigh_small else 1)
        d[:4] = scale * (encode(box, self.anchors[a], i, j, self.grid, self.size) - y[:4])
        d[4 : r.coords] = r.mask_scale * (truth[4:-1] - y[4 : r.coords])
        target = 0.0 if r.background else overlap if r.rescore else 1.0
        d[r.coords] = r.object_scale * (target - y[r.coords])
        label = int(truth[-1])
        self.assign_class((a, i, j), label if r.map is None else r.map[label], r.class_scale)
        self.used[a, i, j] = True
        s = self.stats
        s["iou"] += overlap
        s["recall"] += overlap > 0.5
        s["recall75"] += overlap > 0.75
        s["objectness"] += y[r.coords]
        s["matched"] += 1

    def slopes(self) -> None:
        entries = [0, 1, *range(4, self.rules.coords), *([] if self.rules.background else [self.rules.coords])]
        self.delta[:, entries] *= self.y[:, entries] * (1 - self.y[:, entries])

    def losses(self) -> dict[str, float]:
        squares, coords = self.delta**2, self.rules.coords
        return {
            "coord_loss": squares[:, :coords].sum(),
            "object_loss": squares[:, coords][self.used].sum(),
            "noobject_loss": squares[:, coords][~self.used].sum(),
            "class_loss": squares[:, coords + 1 :].sum(),
            "loss": squares.sum(),
        }

    def run(self, rows: Doubles) -> dict[str, float]:
        truths = truth_list(rows, self.rules)
        only = [t for t in truths if t[0] > 100000 and t[1] > 100000] if self.rules.tree is not None else []
        if only:
            self.class_only(int(only[0][-1]))
        else:
            self.empty(truths)
            for truth in truths:
                self.assign(truth)
        if self.rules.slope_in_loss:
            self.slopes()
        losses = self.losses()
        if not self.rules.slope_in_loss:
            self.slopes()
        return self.stats | losses


def region_loss(output: NDArray[Any], truth: NDArray[Any], rules: Rules) -> tuple[Doubles, dict[str, float]]:
    """The delta, and the sums of HeadStatistics by name."""
    total: dict[str, float] = {}
    deltas = []
    for y, rows in zip(output, truth, strict=True):
        image = _Image(y, rules)
        for name, value in image.run(rows.astype(np.float64)).items():
            total[name] = total.get(name, 0.0) + float(value)
        deltas.append(image.delta.reshape(y.shape))
    return np.stack(deltas), total
