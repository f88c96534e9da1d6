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
from pydarknet.images.image import stretch
from pydarknet.network import Network
from tests.lib.toy_detector import NAMES, SMALL, random_parameters

Script = Callable[[str], dict[str, Any]]

ORIGINAL = """ct random os np cv2 BOX FloatPtr IntPtr DETECTION DETECTIONPtr DETNUMPAIR DETNUMPAIRPtr IMAGE METADATA
    network_width network_height bbox2points class_colors load_network print_detections draw_boxes decode_detection
    non_max_suppression_fast remove_negatives remove_negatives_faster detect_image lib copy_image_from_bytes predict
    set_gpu init_cpu make_image get_network_boxes make_network_boxes free_detections free_batch_detections free_ptrs
    network_predict reset_rnn load_net load_net_custom free_network_ptr do_nms_obj do_nms_sort free_image
    letterbox_image load_meta load_image rgbgr_image predict_image predict_image_letterbox network_predict_batch"""
OF_2019 = """sample c_array hasGPU array_to_image classify detect performDetect netMain metaMain altNames c_int
    c_float pointer POINTER Structure cast math"""


@pytest.fixture
def net(net: Network) -> Network:
    """The network with AlexeyAB's batch norm."""
    return Network(net.cfg, "small.weights", names=net.names, dialect="alexeyab")


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
    assert [name for name in (ORIGINAL + " " + OF_2019).split() if not hasattr(darknet, name)] == []


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


def test_script_of_2019(run: Script, net: Network) -> None:
    """Names as bytes, confidences as floats, best first; one image for all frames, freed while it is in use."""
    script = run("alexeyab_2019")
    for path, found in zip(("data/wide.png", "data/tall.png"), script["results"], strict=True):
        assert [c for _, c, _ in found] == sorted((c for _, c, _ in found), reverse=True)
        assert all(isinstance(name, bytes) and isinstance(c, float) for name, c, _ in found)
        named = [(name.decode(), c, box) for name, c, box in found]
        assert_rows(rows(named), expected(net, resized(path), "stretch"))
    assert script["labels"]


def test_detect_stretches_and_classify_too(folder: Path, net: Network) -> None:
    network, meta = darknet.load_net("cfg/small.cfg", "small.weights"), darknet.load_meta("cfg/small.data")
    assert_rows(rows(darknet.detect(network, meta, "data/wide.png", 0.4)), expected(net, "data/wide.png", "stretch"))
    classifier = darknet.load_net("cfg/classifier.cfg", "classifier.weights")
    found = darknet.classify(classifier, meta, darknet.load_image("data/wide.png"))
    wanted = Network("cfg/classifier.cfg", "classifier.weights", names=NAMES, dialect="alexeyab").classify(
        "data/wide.png", fit="stretch"
    )
    assert [name for name, _ in found] == [each.name for each in wanted]
    assert [p for _, p in found] == pytest.approx([each.probability for each in wanted], abs=1e-6)


def test_array_to_image(folder: Path) -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    image, keep = darknet.array_to_image(pixels)
    assert (image.w, image.h, image.c) == (4, 2, 3)
    np.testing.assert_allclose(keep.reshape(3, 2, 4), pixels.transpose(2, 0, 1) / 255, atol=1e-8)
    image.data[0] = 0.5
    assert keep[0] == 0.5  # the same memory
    with pytest.raises(ImageError, match=r"expected an array \(height, width, channels\), found \(2, 4\)"):
        darknet.array_to_image(pixels[:, :, 0])


def test_perform_detect(
    folder: Path, net: Network, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("netMain", "metaMain", "altNames"):
        monkeypatch.setattr(darknet, name, None)
    monkeypatch.delenv("DISPLAY", raising=False)
    files = {"configPath": "cfg/small.cfg", "weightPath": "small.weights", "metaPath": "cfg/small.data"}
    assert darknet.performDetect(initOnly=True, **files) is None
    found = darknet.performDetect("data/wide.png", 0.4, showImage=False, **files)
    assert_rows(rows(found), expected(net, "data/wide.png", "stretch"))
    assert all(isinstance(name, str) for name, *_ in found)
    shown = darknet.performDetect("data/wide.png", 0.4, **files)
    assert shown["detections"] == found
    assert shown["image"].shape == (50, 120, 3)
    assert np.any(shown["image"][:, :, ::-1] != cv2.imread("data/wide.png"))
    assert shown["caption"].split("\n<br/>")[0] == f"{found[0][0]}: {np.rint(100 * found[0][1])}%"
    assert f"*** {len(found)} Results" in capsys.readouterr().out
    monkeypatch.setattr(darknet, "altNames", ["one"])
    with pytest.raises(DarknetError, match="altNames: expected 3 names"):
        darknet.performDetect("data/wide.png", 0.4, showImage=False, **files)
    with pytest.raises(DarknetError, match=r"absent\.png"):
        darknet.performDetect("absent.png", **files)


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
    blank = np.zeros((8, 8, 3), np.uint8)
    huge = [("cat", "50", (4, 4, 1e30, 4)), ("cat", "50", (4, 4, 4, float("inf")))]
    assert darknet.draw_boxes(huge, blank, {"cat": (9, 9, 9)}).any()
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
    region: Any = network.network.layers[4]
    absolute = region.tree.absolute(conditional)
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
