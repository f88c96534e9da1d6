"""YOLOv1's loss against the naive one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from pydarknet.plan.statistics import HeadStatistics
from tests.lib.contents import Refused, contents
from tests.lib.guarded import Arrays
from tests.lib.tolerances import assert_delta_close
from tests.reference.detection_loss import detection_loss


def truths(rng: np.random.Generator, images: int, side: int, classes: int) -> np.ndarray:
    rows = np.zeros((images, side * side, 5 + classes), np.float32)
    taken = rng.random(rows.shape[:2]) < 0.4
    rows[taken, 0] = 1
    rows[taken, 1 + rng.integers(0, classes, taken.sum())] = 1
    rows[taken, 1 + classes :] = rng.uniform(0.02, 0.98, (taken.sum(), 4))
    return rows


@pytest.mark.parametrize("seed", range(80))
def test_against_naive(ops: Ops, arrays: Arrays, seed: int) -> None:
    rng = np.random.default_rng(seed)
    side, classes, num = int(rng.integers(1, 5)), int(rng.integers(1, 4)), int(rng.integers(2, 4))
    images = int(rng.integers(1, 4))
    # Boxes of the image's order, some far away, so that the nearest one counts.
    output = arrays.plain(rng.uniform(-0.2, 1.2 if seed % 3 else 4, (images, side * side * (classes + 5 * num))))
    rows = truths(rng, images, side, classes)
    names = ("object_scale", "noobject_scale", "class_scale", "coord_scale")
    options: dict[str, Any] = dict(zip(names, rng.uniform(0.3, 5, 4).tolist(), strict=True))
    options |= {name: bool(rng.random() < 0.5) for name in ("rescore", "sqrt", "forced")}
    if seed % 4 == 0:
        options["picks"] = rng.integers(0, num, (images, side * side)).astype(np.int32)
    delta = arrays.empty(*output.shape)
    statistics = HeadStatistics(*ops.detection_loss(output, rows, delta, side, classes, num, **options))
    expected, sums = detection_loss(output, rows, side, classes, num, **options)
    assert_delta_close(delta, expected)
    for name, value in sums.items():
        np.testing.assert_allclose(getattr(statistics, name), value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_threads_dont_change_a_bit(ops: Ops, arrays: Arrays) -> None:
    rng = np.random.default_rng(5)
    output, rows = arrays.plain(rng.normal(size=(7, 9 * 13))), truths(rng, 7, 3, 3)
    results = []
    for threads in (1, 2, 3):
        ops.set_num_threads(threads)
        delta = arrays.empty(*output.shape)
        results.append(np.concatenate([ops.detection_loss(output, rows, delta, 3, 3, 2), delta.ravel()]))
    np.testing.assert_array_equal(results[1], results[0])
    np.testing.assert_array_equal(results[2], results[0])


def bad_cell(entry: int, value: float) -> np.ndarray:
    rows = np.zeros((1, 9, 8), np.float32)
    rows[0, 4, 0] = 1
    rows[0, 4, entry] = value
    return rows


@pytest.mark.parametrize(
    ("change", "argument"),
    [({"side": 0}, "side"), ({"num": 0}, "num"), ({"forced": True, "num": 1}, "num"), ({"coords": 1}, "coords"),
     ({"classes": 4}, "output"), ({"truth": np.zeros((1, 71), np.float32)}, "truth"),
     contents({"truth": bad_cell(6, -0.1)}, "truth': image 0, cell 4"),
     contents({"truth": bad_cell(2, np.nan)}, "truth': image 0"),
     contents({"truth": bad_cell(0, np.inf)}, "truth': image 0, cell 4"),
     contents({"picks": np.full(9, 2, np.int32)}, "picks"),
     ({"picks": np.zeros(8, np.int32)}, "picks"), ({"delta": np.zeros((1, 118), np.float32)}, "delta")],
)  # fmt: skip
def test_arguments(ops: Ops, refused: Refused, change: dict[str, Any], argument: str) -> None:
    given: dict[str, Any] = {
        "output": np.zeros((1, 117), np.float32), "truth": np.zeros((1, 72), np.float32),
        "delta": np.zeros((1, 117), np.float32), "side": 3, "classes": 3, "num": 2,
    }  # fmt: skip
    ops.detection_loss(**given)
    with refused(f"detection_loss: argument '{argument}"):
        ops.detection_loss(**given | change)
    with pytest.raises(ValueError, match="detection_loss: argument 'delta': must not be output"):
        ops.detection_loss(**given | {"delta": given["output"]})
