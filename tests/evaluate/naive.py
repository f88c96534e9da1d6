"""Average precision the slow way, from the rules of VOC's development kit, to compare with."""

from __future__ import annotations

import itertools
from fractions import Fraction

from pydarknet.evaluate import Detections, Truth
from pydarknet.formats.tree import Tree


def iou(a: list[float], b: list[float]) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def flags(truth: Truth, detections: Detections, class_id: int, thresh: float) -> tuple[list[bool], int]:
    """Hit or miss of each detection that counts, the surest first, and the number of objects."""
    mine = [i for i in range(len(detections)) if detections.class_id[i] == class_id]
    mine.sort(key=lambda i: -detections.score[i])
    objects = [j for j in range(len(truth)) if truth.class_id[j] == class_id]
    used: set[int] = set()
    result = []
    for i in mine:
        best, nearest = 0.0, None
        for j in objects:
            if truth.image[j] == detections.image[i]:
                value = iou(detections.box[i].tolist(), truth.box[j].tolist())
                if value > best:
                    best, nearest = value, j
        if nearest is None or best < thresh:
            result.append(False)
        elif not (truth.difficult[nearest] or truth.crowd[nearest]):
            result.append(nearest not in used)
            used.add(nearest)
    return result, sum(not (truth.difficult[j] or truth.crowd[j]) for j in objects)


def average_precision(hits: list[bool], objects: int, points: int) -> float | None:
    if not objects:
        return None
    precision = [Fraction(sum(hits[: i + 1]), i + 1) for i in range(len(hits))]
    recall = [Fraction(sum(hits[: i + 1]), objects) for i in range(len(hits))]

    def best(least: Fraction) -> Fraction:
        return max((p for p, r in zip(precision, recall, strict=True) if r >= least), default=Fraction(0))

    if points:
        return float(sum(best(Fraction(i, points - 1)) for i in range(points)) / points)
    levels = sorted({Fraction(0), *recall})
    return float(sum((high - low) * best(high) for low, high in itertools.pairwise(levels)))


def credit(tree: Tree, said: int, true: int) -> float:
    if true in tree.path(said):
        return 1.0
    if said in tree.path(true):
        return len(tree.path(said)) / len(tree.path(true))
    return 0.0


def hierarchical(truth: Truth, detections: Detections, tree: Tree, thresh: float) -> float | None:
    wanted = [j for j in range(len(truth)) if not truth.difficult[j]]
    if not wanted:
        return None
    free = set(wanted)
    credits = []
    for i in sorted(range(len(detections)), key=lambda i: -detections.score[i]):
        best = (0.0, 0.0, -1)
        hard = False
        for j in range(len(truth)):
            if truth.image[j] != detections.image[i]:
                continue
            value = iou(detections.box[i].tolist(), truth.box[j].tolist())
            earns = credit(tree, detections.class_id[i], truth.class_id[j])
            if value < thresh or not earns:
                continue
            hard = hard or bool(truth.difficult[j])
            if j in free:
                best = max(best, (earns, value, j))
        if best[2] >= 0:
            free.discard(best[2])
            credits.append(best[0])
        elif not hard:
            credits.append(0.0)
    area = 0.0
    for i, earned in enumerate(credits):
        area += earned * max(sum(credits[: k + 1]) / (k + 1) for k in range(i, len(credits)))
    return area / len(wanted)


def expanded(truth: Truth, detections: Detections, tree: Tree, thresh: float) -> dict[int, float | None]:
    """The AP of each node, over what is of it or below it, without what labels can't judge."""

    def at(i: int, j: int) -> bool:
        close = iou(detections.box[i].tolist(), truth.box[j].tolist())
        return bool(truth.image[j] == detections.image[i] and close >= thresh and close > 0)

    result = {}
    for node in range(len(tree)):
        of_node = [j for j in range(len(truth)) if node in tree.path(truth.class_id[j])]
        said = [i for i in range(len(detections)) if node in tree.path(detections.class_id[i])]
        vague = [j for j in range(len(truth)) if truth.class_id[j] in tree.path(node)[:-1]]
        evaluated = [i for i in said if any(at(i, j) for j in of_node) or not any(at(i, j) for j in vague)]
        if of_node:
            objects, found = truth[of_node], detections[evaluated]
            objects.class_id[:], found.class_id[:] = node, node
            result[node] = average_precision(*flags(objects, found, node, thresh), points=0)
    return result


def naming(
    truth: Truth, detections: Detections, tree: Tree, thresh: float, nodes: set[int]
) -> tuple[list[tuple[set[int], set[int]]], list[set[int]], list[set[int]]]:
    """The sets (P, T) of the pairs, those of missed objects, those of detections of nothing."""
    pairs = [
        (-iou(detections.box[i].tolist(), truth.box[j].tolist()), -detections.score[i], i, j)
        for i in range(len(detections))
        for j in range(len(truth))
        if truth.image[j] == detections.image[i]
    ]
    partner: dict[int, int] = {}
    for negative, _, i, j in sorted(pairs):
        if -negative >= thresh and i not in partner and j not in partner.values():
            partner[i] = j
    counts = [j for j in range(len(truth)) if not truth.difficult[j] and truth.class_id[j] in nodes]
    said = [set(tree.path(c)) for c in detections.class_id]
    true = [set(tree.path(c)) for c in truth.class_id]
    false = [i for i in range(len(detections)) if i not in partner and detections.class_id[i] in nodes]
    return (
        [(said[i], true[j]) for i, j in partner.items() if j in counts],
        [true[j] for j in counts if j not in partner.values()],
        [said[i] for i in false],
    )
