"""The report: its numbers, its tables and files, the confusion matrix, and Darknet's recall."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from pydarknet.errors import ExportError, ImageError
from pydarknet.evaluate import Detections, Truth, recall, report, voc
from pydarknet.evaluate.confusion import Confusion, confusion
from pydarknet.images.image import load_image
from pydarknet.plots.canvas import SCALE
from pydarknet.plots.confusion import CELL, MARGIN, draw_confusion
from tests.evaluate.random_sets import random_set

NAMES = ["dog", "cat", "sofa"]
A, B, C, D = [0.0, 0, 10, 10], [20.0, 0, 10, 10], [40.0, 0, 10, 10], [60.0, 0, 10, 10]
NOTHING = Detections.of([], [], [], [])


def example() -> tuple[Truth, Detections]:
    """Two dogs and two cats. One dog is found, the other taken for a cat; one cat is missed, and one is found
    with half of its box; a dog is seen where nothing is; an unsure detection changes the AP only."""
    truth = Truth.of([0, 0, 0, 0], [0, 0, 1, 1], [A, B, C, D])
    half = [60.0, 0, 10, 5]
    found = [(0, A, 0.9), (1, B, 0.8), (1, half, 0.7), (0, [80.0, 0, 9, 9], 0.6), (1, C, 0.2)]
    classes, boxes, scores = zip(*found, strict=True)
    return truth, Detections.of([0] * 5, classes, boxes, scores)


def test_numbers() -> None:
    result = report(*example(), NAMES)
    dog, cat, sofa = result.rows
    assert (dog.truths, dog.detections, dog.ap) == (2, 2, 0.5)
    assert (dog.counts.tp, dog.counts.fp, dog.counts.fn, dog.counts.overlap) == (1, 1, 1, 1)
    assert (cat.truths, cat.detections) == (2, 3)
    # misses, hits, hits: precision 2/3 up to the recall of 1
    assert cat.ap == pytest.approx(2 / 3)
    assert (cat.counts.tp, cat.counts.fp, cat.counts.fn, cat.counts.overlap) == (1, 1, 1, 0.5)
    assert (sofa.ap, sofa.counts.f1, sofa.counts.iou, sofa.counts.hit_iou) == (None, None, None, None)
    assert result.ap == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert result.ap_all == pytest.approx((1 / 2 + 2 / 3) / 3)
    total = result.counts
    assert (total.tp, total.fp, total.fn) == (2, 2, 2)
    assert (total.precision, total.recall, total.f1, total.hit_iou, total.iou) == (0.5, 0.5, 0.5, 0.75, 0.375)


def test_a_score_of_exactly_the_threshold_does_not_count() -> None:
    truth, found = example()
    assert report(truth, found, NAMES, thresh=0.9).counts.tp == 0
    assert report(truth, found, NAMES, thresh=0.8999).counts.tp == 1


@pytest.mark.parametrize("seed", range(10))
def test_the_report_agrees_with_voc(seed: int) -> None:
    truth, found = random_set(seed, difficult=0.2)
    result = report(truth, found, NAMES, iou_thresh=0.6, points=11, thresh=-1)
    assert [row.ap for row in result.rows] == voc(truth, found, 3, 0.6, 11)
    assert sum(row.truths for row in result.rows) == (~truth.difficult).sum()
    for row in result.rows:
        assert row.counts.tp + row.counts.fp == row.detections
        assert row.counts.tp + row.counts.fn == row.truths


def test_table() -> None:
    lines = report(*example(), NAMES).table().splitlines()
    assert [line.split() for line in lines[:-1]] == [
        ["class", "objects", "found", "AP", "TP", "FP", "FN", "precision", "recall", "F1", "IoU"],
        ["dog", "2", "2", "0.5000", "1", "1", "1", "0.5000", "0.5000", "0.5000", "0.5000"],
        ["cat", "2", "3", "0.6667", "1", "1", "1", "0.5000", "0.5000", "0.5000", "0.2500"],
        ["all", "4", "5", "0.5833", "2", "2", "2", "0.5000", "0.5000", "0.5000", "0.3750"],
    ]
    assert lines[-1] == (
        "AP at IoU 0.5, all-point area; TP to IoU at scores above 0.25; mAP of the 2 classes that occur; AlexeyAB's, "
        "over all 3, = 0.388889, or 38.89 %"
    )
    assert report(*example(), NAMES[:2]).table().endswith("at scores above 0.25")


@pytest.mark.parametrize("truth", [Truth.of([], [], []), Truth.of([0], [0], [A])])
@pytest.mark.parametrize("found", [NOTHING, Detections.of([0], [1], [A], [0.9])])
def test_no_table_has_a_nan(tmp_path: Path, truth: Truth, found: Detections) -> None:
    result = report(truth, found, NAMES)
    result.save_csv(tmp_path / "a.csv")
    result.save_json(tmp_path / "a.json")
    draw_confusion(tmp_path / "a.svg", result.confusion.labels(NAMES), result.confusion.counts)
    texts = [result.table(), result.darknet_text(), *(path.read_text() for path in tmp_path.iterdir())]
    assert not any("nan" in text.lower() for text in texts)


def test_lines_of_alexeyab() -> None:
    text = report(*example(), NAMES).darknet_text()
    assert text.splitlines() == [
        "class_id = 0, name = dog, ap = 50.00%   \t (TP = 1, FP = 1) ",
        "class_id = 1, name = cat, ap = 66.67%   \t (TP = 1, FP = 1) ",
        "class_id = 2, name = sofa, ap = -   \t (TP = 0, FP = 0) ",
        "",
        " for conf_thresh = 0.25, precision = 0.50, recall = 0.50, F1-score = 0.50 ",
        " for conf_thresh = 0.25, TP = 2, FP = 2, FN = 2, average IoU = 37.50 % ",
        "",
        " IoU threshold = 50 %, used Area-Under-Curve for each unique Recall ",
        " mean average precision (mAP@0.50) = 0.583333, or 58.33 % ",
        " of the 2 classes that occur; AlexeyAB's, over all 3, = 0.388889, or 38.89 % ",
    ]
    assert report(*example(), NAMES[:2]).darknet_text().endswith("or 58.33 % ")


def test_files(tmp_path: Path) -> None:
    result = report(*example(), ["dog, big", "cat", "sofa"])
    result.save_csv(tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="") as file:
        dog, cat, sofa = csv.DictReader(file)
    assert (dog["name"], dog["ap"], dog["tp"], sofa["ap"], sofa["f1"]) == ("dog, big", "0.500000", "1", "", "")
    assert (cat["iou"], cat["hit_iou"]) == ("0.250000", "0.500000")
    result.save_json(tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text())
    assert (content["mean_ap"], content["mean_ap_all_classes"]) == (result.ap, result.ap_all)
    assert f"average IoU = {100 * content['iou']:.2f} %" in result.darknet_text()  # one word, one meaning
    assert content["classes"][2] == {
        **{"class_id": 2, "name": "sofa", "objects": 0, "detections": 0, "ap": None, "tp": 0, "fp": 0, "fn": 0},
        **{"precision": None, "recall": None, "f1": None, "iou": None, "hit_iou": None},
    }
    assert {"truth": 0, "said": 1, "count": 1} in content["confusion"]
    assert {"truth": None, "said": 0, "count": 1} in content["confusion"]
    with pytest.raises(ExportError, match=r"absent/a\.json: can't be written"):
        result.save_json(tmp_path / "absent" / "a.json")


# --- confusion


def test_confusion() -> None:
    result = report(*example(), NAMES).confusion
    assert result.classes == [0, 1]
    #         said  dog cat missed
    assert result.counts.tolist() == [[1, 1, 0], [0, 1, 1], [1, 0, 0]]


def test_the_closest_pair_goes_first_and_difficult_objects_do_not_count() -> None:
    near = [1.0, 0, 10, 10]
    truth = Truth.of([0, 0], [0, 1], [A, D], difficult=[False, True])
    found = Detections.of([0, 0, 0], [1, 0, 2], [near, A, D], [0.9, 0.5, 0.9])
    assert confusion(truth, found).counts.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]


@pytest.mark.parametrize("seed", range(10))
def test_everything_is_counted_once(seed: int) -> None:
    truth, found = random_set(seed)
    counts = confusion(truth, found).counts
    assert counts[:-1].sum() == len(truth)
    assert counts[:, :-1].sum() == len(found)
    assert counts[-1, -1] == 0


def test_picture_of_the_matrix(tmp_path: Path) -> None:
    found = report(*example(), NAMES).confusion
    labels = found.labels(NAMES)
    draw_confusion(tmp_path / "a.png", labels, found.counts)
    image = load_image(tmp_path / "a.png")
    assert image.shape[0] == image.shape[1]
    cell, first = CELL * SCALE, MARGIN * SCALE
    # The cell of the dogs that are dogs is darker than the one of the cats that are dogs, which is white.
    assert image[first + 8, first + 8].tolist() != [255, 255, 255]
    assert image[first + cell + 8, first + 8].tolist() == [255, 255, 255]
    for i in range(3):  # a label beside each row, and above each column
        assert image[first + i * cell : first + (i + 1) * cell, :first].min() < 100
        assert image[:first, first + i * cell : first + (i + 1) * cell].min() < 100
    draw_confusion(tmp_path / "a.svg", labels, found.counts)
    drawn = (tmp_path / "a.svg").read_text()
    assert all(drawn.count(f">{label}</text>") == 2 for label in labels)
    with pytest.raises(ImageError):
        draw_confusion(tmp_path / "absent" / "a.png", labels, found.counts)


def test_a_picture_of_many_classes_shows_the_largest() -> None:
    counts = np.zeros((101, 101), np.int64)
    counts[np.arange(100), np.arange(100)] = np.arange(100)
    counts[99, 0] = 7
    largest = Confusion(list(range(100)), counts).largest(40)
    assert largest.classes == list(range(60, 100))
    assert largest.counts.sum() == sum(range(60, 100))
    assert largest.labels(["dog"] * 61) == ["dog", *map(str, range(61, 100))]


# --- recall


def test_recall() -> None:
    truth = Truth.of([0, 0, 2], [0, 1, 2], [A, B, A])
    found = Detections.of([0, 0, 0, 1], [5, 5, 5, 5], [A, [20.0, 0, 10, 4], B, A], [0.9, 0.9, 0.001, 0.5])
    states = recall(truth, found, 3)
    assert [(s.correct, s.total, s.proposals) for s in states] == [(1, 2, 2), (1, 2, 3), (1, 3, 3)]
    assert states[-1].iou == pytest.approx(1.4)
    assert states[-1].value == pytest.approx(1 / 3)
    assert states[-1].line == "    2     1     3\tRPs/Img: 1.00\tIOU: 46.67%\tRecall:33.33%"


def test_recall_of_nothing() -> None:
    (state,) = recall(Truth.of([], [], []), NOTHING, 1)
    assert (state.value, state.mean_iou) == (None, None)
    assert state.line == "    0     0     0\tRPs/Img: 0.00\tIOU: 0.00%\tRecall:0.00%"
