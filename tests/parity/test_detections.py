"""Decoding, letterbox undo and suppression against Debian's libdarknet, on heads fed with random numbers.

Each cfg is a head alone, so that its input is whatever the test says.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet.detection.boxes import Fit
from pydarknet.detection.decode import Candidates, decode_detection, to_detections, to_image
from pydarknet.detection.nms import Kind
from pydarknet.detection.options import DetectOptions
from pydarknet.writers.lines import in_darknet_order
from tests.lib.decoding import decode_region, decode_yolo

from .oracle import Detections, Oracle

F = np.float32
WIDTH, HEIGHT = 13, 9  # the net's input and the head's cells
ANCHORS = [(1.3221, 1.73145), (3.19275, 4.00944), (5.05587, 8.09892)]
CLASSES = 7
PICTURES = [(768, 576), (333, 500), (50, 41), (5000, 700)]
THRESH = 0.1

REGION = f"[region]\nanchors={','.join(f'{w},{h}' for w, h in ANCHORS)}\nclasses={CLASSES}\nnum=3\ncoords=4\n"
YOLO = f"[yolo]\nmask=2,0\nanchors=10,14, 2,3, 5.5,7\nclasses={CLASSES}\nnum=3\n"
DETECTION = f"[detection]\nclasses={CLASSES}\ncoords=4\nside=5\nnum=2\nsqrt=%d\n"


def oracle_of(folder: Path, section: str, c: int, h: int = HEIGHT, w: int = WIDTH) -> Oracle:
    path = folder / "head.cfg"
    path.write_text(f"[net]\nbatch=1\nwidth={w}\nheight={h}\nchannels={c}\n\n{section}")
    return Oracle(path)


def predict(oracle: Oracle, seed: int) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal((1, *oracle.input_shape), dtype=F)
    oracle.predict(x)
    return oracle.layer_output(0)


def check(ours: Candidates, oracle: Oracle, fit: Fit) -> None:
    """Boxes and probabilities bit for bit in the same order, then what either suppression leaves."""
    for w, h in PICTURES:
        theirs = oracle.detections(w, h, THRESH, nms=None, relative=False)
        alive = theirs.objectness != 0
        boxes = to_image(ours.boxes, w, h, WIDTH, HEIGHT, fit)
        np.testing.assert_array_equal(ours.objectness, theirs.objectness[alive])
        np.testing.assert_array_equal(ours.dense(CLASSES), theirs.prob[alive])
        # The library's compiler may round the undoing of the letterbox elsewhere: two steps of float32.
        np.testing.assert_allclose(boxes, theirs.boxes[alive], rtol=3e-7, atol=3e-7 * max(w, h))
        placed = Candidates(boxes, ours.objectness, ours.index, ours.class_id, ours.probability)
        kinds: tuple[Kind, ...] = ("sort", "obj")
        for kind in kinds:
            left = oracle.detections(w, h, THRESH, nms=0.3, kind=kind, relative=False)
            mine = placed.suppressed(0.3, kind)
            np.testing.assert_array_equal(np.sort(mine.probability), np.sort(left.prob[left.prob > 0]))
            assert 0 < len(mine.probability) < len(ours.probability)
            np.testing.assert_array_equal(by_probability(mine), their_classes(left))
            check_order(ours, left, kind, (w, h), fit)


def check_order(ours: Candidates, left: Detections, kind: Kind, size: tuple[int, int], fit: Fit) -> None:
    """The lines come in the library's order, also those of boxes that have lost the class they were sorted by."""
    options = DetectOptions(THRESH, nms=0.3, nms_kind=kind, fit=fit)
    found = in_darknet_order(to_detections(ours, options, size, (WIDTH, HEIGHT), []))
    row, class_id = np.nonzero(left.prob)
    assert [d.class_id for d in found] == class_id.tolist()
    assert [d.confidence for d in found] == left.prob[row, class_id].tolist()


def by_probability(candidates: Candidates) -> np.ndarray:
    order = np.lexsort((candidates.class_id, candidates.probability))
    return candidates.class_id[order]


def their_classes(found: Detections) -> np.ndarray:
    row, class_id = np.nonzero(found.prob)
    return class_id[np.lexsort((class_id, found.prob[row, class_id]))]


@pytest.mark.parametrize("options", ["softmax=1", "softmax=0", "softmax=1\nbackground=1"])
def test_region(options: str, tmp_path: Path) -> None:
    with oracle_of(tmp_path, REGION + options, 3 * (5 + CLASSES)) as oracle:
        output = predict(oracle, 1)
        ours = decode_region(output, ANCHORS, CLASSES, THRESH, background="background" in options)
        assert len(ours) > 50
        check(ours, oracle, "letterbox")


def test_yolo(tmp_path: Path) -> None:
    with oracle_of(tmp_path, YOLO, 2 * (5 + CLASSES)) as oracle:
        output = predict(oracle, 2)
        ours = decode_yolo(output, [(5.5, 7), (10, 14)], WIDTH, HEIGHT, THRESH)
        assert len(ours) > 50
        check(ours, oracle, "letterbox")


@pytest.mark.parametrize("square", [False, True])
def test_detection(square: bool, tmp_path: Path) -> None:
    count = 25 * (CLASSES + 2 * 5)
    with oracle_of(tmp_path, DETECTION % square, count, 1, 1) as oracle:
        output = predict(oracle, 3)
        ours = decode_detection(output, 5, 2, CLASSES, square, THRESH)
        assert len(ours) == 50
        check(ours, oracle, "stretch")
