"""Kinds of mistakes and what they cost, against the program of TIDE's authors (tidecv 1.0.1)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet.evaluate import Detections, Truth, curves, mistakes
from pydarknet.evaluate.mistakes import KINDS, MISSED
from pydarknet.plots.precision import draw_precision

CLASSES, IMAGES = 4, 12
# What tidecv's TIDERun says of the sets of these seeds, thresholds .5 and .1: counts and AP lost, by kind.
TIDE = {
    0: (0.2429367044, [13, 2, 5, 15, 6, 7],
         [0.1334863896, 0.00312466, 0.0109618105, 0.091342795, 0.0289645517, 0.0869077086]),
    10: (0.1916647022, [17, 4, 4, 15, 13, 16],
         [0.1564243478, 0.0222416885, 0.0010608204, 0.058067146, 0.0085571057, 0.1187725915]),
    20: (0.2159304392, [9, 6, 4, 13, 4, 8],
         [0.2398536007, 0.0348232076, 0.0011900228, 0.0689882312, 0.0046514404, 0.0877268977]),
    30: (0.2000000000, [10, 6, 4, 12, 6, 12],
         [0.0984244853, 0.0301430143, 0.0140264026, 0.0526324061, 0.0056027031, 0.2278877888]),
    40: (0.2677424885, [10, 5, 9, 13, 3, 13],
         [0.0741867044, 0.0387550362, 0.018692405, 0.0746060046, 0.0030378038, 0.1876312631]),
    50: (0.2966534889, [11, 9, 9, 13, 6, 10],
         [0.1356511669, 0.0650146107, 0.0108891404, 0.0153849576, 0.0553799611, 0.0924191684]),
}  # fmt: skip


def some_set(seed: int) -> tuple[Truth, Detections]:
    """Objects, detections near them with now and then another class or a worse place, and some of nothing."""
    rng = np.random.default_rng(seed)
    objects: list[tuple[int, int, list[float]]] = []
    said: list[tuple[int, int, list[float], float]] = []
    for image in range(IMAGES):
        for _ in range(rng.integers(0, 6)):
            box = [*rng.uniform(0, 80, 2), *rng.uniform(10, 40, 2)]
            class_id = int(rng.integers(CLASSES))
            objects.append((image, class_id, box))
            for _ in range(rng.integers(0, 4)):
                near = [float(v) for v in np.array(box) + rng.normal(0, rng.choice([1, 4, 10]), 4)]
                near[2:] = [max(v, 3) for v in near[2:]]
                other = class_id if rng.random() < 0.7 else int(rng.integers(CLASSES))
                said.append((image, other, near, float(rng.random())))
        for _ in range(rng.integers(0, 3)):
            box = [*map(float, rng.uniform(0, 80, 2)), *map(float, rng.uniform(10, 40, 2))]
            said.append((image, int(rng.integers(CLASSES)), box, float(rng.random())))
    truth = Truth.of(*([each[i] for each in objects] for i in range(3)))
    return truth, Detections.of(*([each[i] for each in said] for i in range(4)))


@pytest.mark.parametrize("seed", TIDE)
def test_kinds_and_costs_are_those_of_tide(seed: int) -> None:
    ap, counts, costs = TIDE[seed]
    found = mistakes(*some_set(seed))
    assert found.ap == pytest.approx(ap, abs=1e-9)
    assert [found.counts[kind] for kind in (*KINDS, MISSED)] == counts
    assert [found.costs[kind] for kind in (*KINDS, MISSED)] == pytest.approx(costs, abs=1e-9)


def one(truth: list[tuple[int, list[float]]], said: list[tuple[int, list[float], float]], **apart: list[bool]) -> str:
    """The kinds of mistakes in one image, by name."""
    objects = Truth.of([0] * len(truth), [c for c, _ in truth], [b for _, b in truth] or np.empty((0, 4)), **apart)
    found = Detections.of([0] * len(said), [c for c, _, _ in said], [b for _, b, _ in said], [s for *_, s in said])
    result = mistakes(objects, found)
    return " ".join(kind for kind, count in result.counts.items() for _ in range(count))


HERE, BESIDE, FAR = [0.0, 0.0, 10.0, 10.0], [6.0, 0.0, 10.0, 10.0], [50.0, 50.0, 10.0, 10.0]


def test_each_kind_by_itself() -> None:
    assert one([(0, HERE)], [(0, HERE, 0.9)]) == ""
    assert one([(0, HERE)], [(1, HERE, 0.9)]) == "class"
    assert one([(0, HERE)], [(0, BESIDE, 0.9)]) == "location"
    assert one([(0, HERE)], [(0, HERE, 0.9), (0, HERE, 0.8)]) == "duplicate"
    assert one([(0, HERE)], [(1, BESIDE, 0.9)]) == "both missed"
    assert one([(0, HERE)], [(0, FAR, 0.9)]) == "background missed"
    assert one([], [(0, FAR, 0.9)]) == "background"


def test_difficult_objects_and_crowds_are_no_objects() -> None:
    assert one([(0, HERE), (0, FAR)], [(0, HERE, 0.9)], difficult=[False, True]) == ""
    assert one([(0, HERE), (0, FAR)], [(0, HERE, 0.9)], crowd=[False, True]) == ""


def test_a_curve_falls_and_ends_where_recall_does(tmp_path: Path) -> None:
    truth, found = some_set(1)
    every = curves(truth, found)
    shown = [(str(i), curve.recall, curve.precision, 0.5) for i, curve in every.items()]
    for name in ("a.svg", "a.png"):
        draw_precision(tmp_path / name, [*shown, ("none", np.empty(0), np.empty(0), 0.0)], "note")
        assert (tmp_path / name).stat().st_size > 1000
