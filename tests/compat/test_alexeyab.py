"""pydarknet.compat.alexeyab: old scripts and each function."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydarknet.compat.alexeyab as darknet
from pydarknet.errors import DarknetError, ImageError
from pydarknet.image import stretch
from pydarknet.network import Network

from .conftest import NAMES, SMALL, random_parameters

Script = Callable[[str], dict[str, Any]]

ORIGINAL = """ct random os np cv2 BOX FloatPtr IntPtr DETECTION DETECTIONPtr DETNUMPAIR DETNUMPAIRPtr IMAGE METADATA
    network_width network_height bbox2points class_colors load_network print_detections draw_boxes decode_detection
    non_max_suppression_fast remove_negatives remove_negatives_faster detect_image lib copy_image_from_bytes predict
    set_gpu init_cpu make_image get_network_boxes make_network_boxes free_detections free_batch_detections free_ptrs
    network_predict reset_rnn load_net load_net_custom free_network_ptr do_nms_obj do_nms_sort free_image
    letterbox_image load_meta load_image rgbgr_image predict_image predict_image_letterbox network_predict_batch"""


def rows(found: list[Any]) -> list[tuple[Any, ...]]:
    """(name, confidence, x, y, w, h), in an order that doesn't depend on suppression's."""
    return sorted((name, float(p), *box) for name, p, box in found)


def expected(net: Network, image: Any, fit: str) -> list[tuple[Any, ...]]:
    found = net.detect(image, 0.4, fit=fit)  # type: ignore[call-overload]
    return sorted((d.name, d.confidence, *d.box) for d in found)


def assert_rows(found: list[Any], wanted: list[Any], tolerance: float = 1e-3) -> None:
    assert len(found) == len(wanted) > 0
    for row, wanted_row in zip(found, wanted, strict=True):
        assert row[0] == wanted_row[0]
        assert row[1:] == pytest.approx(wanted_row[1:], abs=tolerance)


def resized(path: str, width: int = 96, height: int = 64) -> np.ndarray:
    return cv2.resize(cv2.imread(path), (width, height))


def test_every_name() -> None:
    assert [name for name in ORIGINAL.split() if not hasattr(darknet, name)] == []


def test_no_other_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        darknet.nothing  # noqa: B018


def test_script_images(run: Script, net: Network, capsys: pytest.CaptureFixture[str]) -> None:
    script = run("alexeyab_images")
    found = script["detections"]
    assert script["class_names"] == NAMES
    assert [confidence for _, confidence, _ in found] == sorted(c for _, c, _ in found)
    assert all(isinstance(c, str) for _, c, _ in found)
    wanted = [(name, round(100 * p, 2), *box) for name, p, *box in expected(net, resized("data/wide.png"), "stretch")]
    # Percents are rounded to two digits, which may fall either side.
    assert_rows(rows(found), wanted, 0.0101)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["", "Objects:"]
    label, confidence, (x, y, w, h) = found[0]
    place = f"    (left_x: {x:.0f}   top_y:  {y:.0f}   width:   {w:.0f}   height:  {h:.0f})"
    assert printed[2] == f"{label}: {confidence}%{place}"
    assert np.any(cv2.imread("result.png") != resized("data/wide.png"))
    assert script["class_colors"] == darknet_colors()


def darknet_colors() -> dict[str, tuple[int, int, int]]:
    import random

    random.seed(3)
    return darknet.class_colors(NAMES)


def test_script_batch(run: Script, net: Network) -> None:
    script = run("alexeyab_batch")
    for found, path in zip(script["batch"], ("data/wide.png", "data/tall.png"), strict=True):
        assert_rows(rows(found), expected(net, resized(path), "stretch"))
    assert_rows(rows(script["letterboxed"]), expected(net, "data/wide.png", "letterbox"))
    assert set(script["faster"]) <= set(script["letterboxed"])
    assert len(script["faster"]) > 0
    with pytest.raises(DarknetError, match="this network has been freed"):
        darknet.network_width(script["network"])


def test_detections_of_a_batch_outlive_it(folder: Path) -> None:
    network = darknet.load_net_custom("cfg/small.cfg", "small.weights", 0, 2)
    image = darknet.make_image(96, 128, 3)
    pairs = darknet.network_predict_batch(network, image, 2, 96, 64, 0.1, 0.5, None, 0, 0)
    dets = pairs[1].dets
    before = [dets[0].bbox.x, *dets[0].prob[:3]]
    del pairs, network
    gc.collect()
    garbage = [np.full(1000, np.nan) for _ in range(1000)]
    assert [dets[0].bbox.x, *dets[0].prob[:3]] == before
    assert len(garbage) == 1000


def test_predictions(folder: Path, net: Network) -> None:
    """Stretch and letterbox; the values of [region] pixel by pixel."""
    network = darknet.load_net("cfg/small.cfg", "small.weights", 0)
    im = darknet.load_image("data/wide.png", 0, 0)
    output = net.forward(stretch(cv2.imread("data/wide.png"), 96, 64))[0]
    if net.layers[-1].type == "region":
        output = output.transpose(1, 2, 0)
    wanted = output.reshape(-1)
    np.testing.assert_allclose(darknet.predict_image(network, im)[: wanted.size], wanted, atol=1e-5)
    x = darknet.letterbox_image(im, 96, 64)
    boxed = darknet.predict_image_letterbox(network, im)[: wanted.size]
    assert not np.allclose(boxed, wanted, atol=1e-3)
    for function in (darknet.predict, darknet.network_predict, darknet.lib.network_predict_ptr):
        assert function(network, x.data)[: wanted.size] == boxed


def test_best_class(folder: Path) -> None:
    network = darknet.load_net("cfg/small.cfg", "small.weights", 0)
    darknet.predict_image(network, darknet.load_image("data/wide.png", 0, 0))
    num = ctypes.pointer(ctypes.c_int(0))
    dets = darknet.get_network_boxes(network, 96, 64, 0.3, 0.5, None, 0, num)
    for j in range(num[0]):
        probs = list(dets[j].prob[:3])
        assert dets[j].best_class_idx == (int(np.argmax(probs)) if max(probs) > 0 else -1)
    empty = darknet.make_network_boxes(network, 0.3, num)
    assert num[0] > 0
    assert empty[0].prob[0] == 0
    assert darknet.remove_negatives(empty, NAMES, num[0]) == []


def test_copy_image_from_bytes() -> None:
    image = darknet.make_image(3, 2, 3)
    pixels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    for data in (pixels.tobytes(), bytearray(pixels.tobytes()), pixels):
        darknet.copy_image_from_bytes(image, data)
        planes = np.ctypeslib.as_array(image.data, (3, 2, 3))
        np.testing.assert_allclose(planes, pixels.transpose(2, 0, 1) / 255, atol=1e-8)
    with pytest.raises(ImageError, match="expected 18 bytes for 3 x 2 x 3, found 17"):
        darknet.copy_image_from_bytes(image, pixels.tobytes()[:17])


def test_small_functions() -> None:
    assert darknet.bbox2points((10, 20, 5, 8)) == (8, 16, 12, 24)
    assert darknet.decode_detection([("cat", 0.98765, (1, 2, 3, 4))]) == [("cat", "98.77", (1, 2, 3, 4))]
    colors = darknet.class_colors(["a", "b"])
    assert list(colors) == ["a", "b"]
    assert all(0 <= value <= 255 for color in colors.values() for value in color)


def test_print_without_coordinates(capsys: pytest.CaptureFixture[str]) -> None:
    darknet.print_detections([("cat", "98.77", (1, 2, 3, 4))])
    assert capsys.readouterr().out == "\nObjects:\ncat: 98.77%\n"


@pytest.mark.parametrize("front", [(), ("path.jpg",)])
def test_non_max_suppression_fast(front: tuple[str, ...]) -> None:
    """Boxes 1 and 2 overlap by 9 x 11 of 11 x 11 pixels (edges inclusive); the lower one, 2, is met first."""
    one, two, three = (
        (*front, name, "50.0", box)
        for name, box in [("a", (10, 10, 10, 10)), ("b", (12, 10.5, 10, 10)), ("c", (50, 5, 10, 10))]
    )
    assert darknet.non_max_suppression_fast([one, two, three], 0.5) == [two, three]
    assert darknet.non_max_suppression_fast([one, two, three], 0.9) == [two, one, three]
    assert darknet.non_max_suppression_fast([], 0.5) == []


TREE = "thing -1\nanimal -1\ndog 1\ncat 1\nterrier 2\nhound 2\n"


def test_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deepest node whose absolute probability is above `hier`, with that probability; else nothing."""
    monkeypatch.chdir(tmp_path)
    Path("small.tree").write_text(TREE)
    head = "[region]\nanchors=1,1\nclasses=6\nnum=1\ntree=small.tree\n"
    cfg = SMALL.replace("size=1\nfilters=16", "size=1\nfilters=11") + head
    Path("tree.cfg").write_text(cfg)
    made = random_parameters(cfg, 4)
    made.layers[3].parameters["weights"] = made.layers[3].parameters["weights"] * np.float32(4)
    made.save_weights("tree.weights")
    network = darknet.load_net("tree.cfg", "tree.weights", 0)
    image = darknet.make_image(96, 64, 3)
    darknet.copy_image_from_bytes(image, np.random.default_rng(5).integers(0, 256, 96 * 64 * 3, np.uint8))
    darknet.predict_image(network, image)
    conditional = network.outputs[4][0][5:].reshape(6, -1)
    objectness = network.outputs[4][0][4].reshape(-1)
    absolute = network.network.layers[4].tree.absolute(conditional)
    for hier in (0.5, 0.8):
        num = ctypes.pointer(ctypes.c_int(0))
        dets = darknet.get_network_boxes(network, 96, 64, 0.4, hier, None, 0, num, 0)
        cells = np.flatnonzero(objectness > np.float32(0.4))
        assert num[0] == len(cells) > 10
        for j, cell in enumerate(cells):
            above = np.flatnonzero(absolute[:, cell] > np.float32(hier))
            wanted = np.zeros(6, np.float32)
            if len(above):
                wanted[above[-1]] = absolute[above[-1], cell]
            np.testing.assert_allclose(dets[j].prob[:6], wanted, rtol=1e-6)
            assert dets[j].best_class_idx == (above[-1] if len(above) else -1)
            assert dets[j].objectness == 1
