"""pydarknet.darknet: old scripts, each function, lifetimes, memory."""

from __future__ import annotations

import ctypes
import gc
import math
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydarknet.darknet as dn
from pydarknet.compat import alexeyab
from pydarknet.errors import CfgError, DarknetError, DataError, ImageError, WeightsError
from pydarknet.network import Network
from tests.lib.toy_detector import NAMES, picture

Script = Callable[[str], dict[str, Any]]

ORIGINAL = """sample c_array BOX DETECTION IMAGE METADATA lib predict set_gpu make_image get_network_boxes
    make_network_boxes free_detections free_ptrs network_predict reset_rnn load_net do_nms_obj do_nms_sort free_image
    letterbox_image load_meta load_image rgbgr_image predict_image classify detect math random"""


def expected(net: Network, path: str, kind: str, thresh: float = 0.4) -> list[tuple[str, float, tuple[float, ...]]]:
    """What our own interface detects, in the form of `detect`."""
    found = net.detect(path, thresh, nms_kind=kind)  # type: ignore[call-overload]
    return [(d.name, d.confidence, tuple(d.box)) for d in found]


def assert_same(found: list[Any], wanted: list[Any]) -> None:
    """The same objects; both sides compute the same numbers, up to the image's path through floats or bytes."""
    assert len(found) == len(wanted) > 0
    for (name, probability, box), (wanted_name, wanted_probability, wanted_box) in zip(found, wanted, strict=True):
        assert (name.decode() if isinstance(name, bytes) else name) == wanted_name
        assert probability == pytest.approx(wanted_probability, abs=1e-5)
        assert box == pytest.approx(wanted_box, abs=1e-3)


def test_every_name() -> None:
    assert [name for name in ORIGINAL.split() if not hasattr(dn, name)] == []
    star = [name for name in vars(ctypes) if not name.startswith("_") and name not in ("DEFAULT_MODE", "CFUNCTYPE")]
    assert [name for name in star if not hasattr(dn, name)] == []
    assert dn.math is math
    assert dn.random is random


def test_names_of_the_other_script_say_where_they_are() -> None:
    with pytest.raises(AttributeError, match=r"AlexeyAB's darknet\.py: import pydarknet\.compat\.alexeyab"):
        dn.load_network  # noqa: B018
    with pytest.raises(AttributeError, match=r"pjreddie's darknet\.py: import pydarknet\.darknet"):
        alexeyab.make_boxes  # noqa: B018
    with pytest.raises(AttributeError, match="what hank-ai's darknet"):
        alexeyab.set_verbose  # noqa: B018
    for module in (dn, alexeyab):
        with pytest.raises(AttributeError, match=r"has no attribute 'nothing'$"):
            module.nothing  # noqa: B018


def test_script_detect(run: Script, net: Network) -> None:
    results = run("pjreddie_detect")["results"]
    for found, path in zip(results, ("data/wide.png", "data/tall.png"), strict=True):
        assert_same(found, expected(net, path, "obj"))
        assert all(isinstance(name, bytes) and isinstance(p, float) for name, p, _ in found)


def test_script_by_hand(run: Script, net: Network) -> None:
    script = run("pjreddie_by_hand")
    assert_same(script["results"], expected(net, "data/wide.png", "sort"))
    assert all(isinstance(name, bytes) for name, *_ in script["results"])
    assert script["first_value"] == pytest.approx(float(net.layers[-1].output.reshape(-1)[0]), abs=1e-5)
    assert (script["chosen"], script["root"], script["number"]) == (1, 1.5, 1)


def test_script_of_2017(run: Script, net: Network) -> None:
    script = run("pjreddie_2017")
    assert_same(script["results"], expected(net, "data/wide.png", "sort"))
    handle, count = script["net"], sum(layer.out.h * layer.out.w * 2 for layer in net.heads())
    assert dn.num_boxes(handle) == dn.lib.num_boxes(handle) == count
    boxes, probs = dn.make_boxes(handle), dn.make_probs(handle)
    dn.network_detect(handle, script["im"], 0.4, 0.5, 0.45, boxes, probs)
    dn.network_detect(handle, dn.make_image(96, 64, 3), 0.999, 0.5, 0.45, boxes, probs)
    assert [p for j in range(count) for p in probs[j][:3]] == [0] * 3 * count  # nothing of the first one is left


def test_script_classify(run: Script, capsys: pytest.CaptureFixture[str]) -> None:
    found = run("pjreddie_classify")["r"]
    wanted = Network("cfg/classifier.cfg", "classifier.weights", names=NAMES).classify("data/wide.png", top=None)
    assert [name.decode() for name, _ in found] == [c.name for c in wanted]
    assert [p for _, p in found] == pytest.approx([c.probability for c in wanted], abs=1e-6)
    assert capsys.readouterr().out == f"{found}\n"


def test_str_gives_str(folder: Path, net: Network) -> None:
    handle = dn.load_net("cfg/small.cfg", Path("small.weights"), 0)
    meta = dn.load_meta("cfg/small.data")
    found = dn.detect(handle, meta, "data/wide.png", thresh=0.4)
    assert_same(found, expected(net, "data/wide.png", "obj"))
    assert all(isinstance(name, str) for name, *_ in found)
    assert [meta.names[i] for i in range(3)] == [b"cat", b"dog", b"bird"]


def test_without_suppression(folder: Path, net: Network) -> None:
    handle, meta = dn.load_net(b"cfg/small.cfg", b"small.weights", 0), dn.load_meta(b"cfg/small.data")
    found = dn.detect(handle, meta, b"data/wide.png", 0.3, 0.5, 0)
    assert len(found) == len(net.detect("data/wide.png", 0.3, nms=0))
    assert len(found) > len(dn.detect(handle, meta, b"data/wide.png", 0.3, 0.5, 0.1))


def test_pictures(folder: Path) -> None:
    im = dn.load_image(b"data/wide.png", 0, 0)
    assert (im.w, im.h, im.c) == (120, 50, 3)
    rgb = picture(120, 50, 1)[:, :, ::-1]
    planes = np.ctypeslib.as_array(im.data, (3, 50, 120))
    np.testing.assert_allclose(planes, rgb.transpose(2, 0, 1) / 255, atol=1e-7)
    assert im.data[0] == planes[0, 0, 0]
    dn.rgbgr_image(im)
    np.testing.assert_allclose(planes, rgb[:, :, ::-1].transpose(2, 0, 1) / 255, atol=1e-7)
    resized = dn.load_image("data/wide.png", 30, 20)
    assert (resized.w, resized.h, resized.c) == (30, 20, 3)
    boxed = dn.letterbox_image(im, 60, 60)
    assert (boxed.w, boxed.h) == (60, 60)
    assert boxed.data[0] == 0.5
    assert boxed.data[60 * 30 + 30] != 0.5
    black = dn.make_image(4, 3, 2)
    assert [black.data[i] for i in range(24)] == [0.0] * 24
    black.data[23] = 0.25
    assert np.ctypeslib.as_array(black.data, (2, 3, 4))[1, 2, 3] == 0.25


def test_letterbox_of_the_same_size_is_a_copy() -> None:
    im = dn.make_image(8, 6, 3)
    boxed = dn.letterbox_image(im, 8, 6)
    boxed.data[0] = 1.0
    assert im.data[0] == 0.0


def test_predict(folder: Path, net: Network) -> None:
    """The same floats by all doors; the batch of a training cfg doesn't count."""
    handle = dn.load_net(b"cfg/small.cfg", b"small.weights", 0)
    assert (dn.lib.network_width(handle), dn.lib.network_height(handle)) == (96, 64)
    im = dn.load_image(b"data/wide.png", 0, 0)
    boxed = dn.letterbox_image(im, 96, 64)
    x = np.ctypeslib.as_array(boxed.data, (1, 3, 64, 96)).copy()
    wanted = net.forward(x).reshape(-1)
    count = wanted.size
    array = dn.c_array(dn.c_float, x.reshape(-1).tolist())
    for data in (boxed.data, array, x, ctypes.cast(boxed.data, ctypes.c_void_p)):
        for function in (dn.predict, dn.network_predict, dn.lib.network_predict):
            np.testing.assert_array_equal(function(handle, data)[:count], wanted)
    np.testing.assert_array_equal(dn.predict_image(handle, im)[:count], wanted)
    with pytest.raises(DarknetError, match="expected 18432 floats for 1 images, found 5"):
        dn.predict(handle, dn.c_array(dn.c_float, [0] * 5))


POINTER, BYREF = (lambda: ctypes.pointer(ctypes.c_int(0))), (lambda: ctypes.byref(ctypes.c_int(0)))


@pytest.mark.parametrize("as_number", [lambda x: x, ctypes.c_float])
@pytest.mark.parametrize("make", [POINTER, BYREF, None])
def test_get_network_boxes(folder: Path, net: Network, make: Any, as_number: Any) -> None:
    handle = dn.load_net(b"cfg/small.cfg", b"small.weights", 0)
    dn.predict_image(handle, dn.load_image(b"data/wide.png", 0, 0))
    num = make() if make else None
    dets = dn.get_network_boxes(handle, 120, 50, as_number(0.4), as_number(0.5), None, 0, num)
    if make:
        count = num[0] if hasattr(num, "contents") else num._obj.value
        relative = dn.get_network_boxes(handle, 120, 50, 0.4, 0.5, None, 1, num)
        found = []
        for j in range(count):
            b, r = dets[j].bbox, relative[j].bbox
            assert (r.x, r.y, r.w, r.h) == pytest.approx((b.x / 120, b.y / 50, b.w / 120, b.h / 50), rel=1e-5)
            assert dets[j].classes == 3
            assert not dets[j].mask
            found += [(p, dets[j].objectness, b.x, b.y, b.w, b.h) for p in dets[j].prob[:3] if p > 0]
        wanted = net.detect("data/wide.png", 0.4, nms=0)
        assert len(found) == len(wanted) > 5
        for row, d in zip(sorted(found, reverse=True), wanted, strict=True):
            assert row == pytest.approx((d.confidence, d.objectness, *d.box), abs=1e-3)
    assert dets[0].objectness > 0.4


def test_fields_can_be_written(folder: Path) -> None:
    handle = dn.load_net(b"cfg/small.cfg", b"small.weights", 0)
    dn.predict_image(handle, dn.load_image(b"data/wide.png", 0, 0))
    num = dn.pointer(dn.c_int(0))
    dets = dn.get_network_boxes(handle, 120, 50, 0.4, 0.5, None, 0, num)
    dets[0].bbox.x = 7.5
    dets[0].prob[2] = 0.125
    assert (dets[0].bbox.x, dets[0].prob[2]) == (7.5, 0.125)
    empty = dn.make_network_boxes(handle, 0.4, num)
    assert num[0] > 0
    assert [empty[j].objectness for j in range(num[0])] == [0] * num[0]
    assert empty[0].prob[2] == 0


def made(boxes: list[Any], objectness: list[float], probs: list[list[float]]) -> Any:
    """Detections that a script has made itself."""
    dets = (dn.DETECTION * len(boxes))()
    for det, box, obj, prob in zip(dets, boxes, objectness, probs, strict=True):
        det.bbox = dn.BOX(*box)
        det.objectness, det.classes, det.prob = obj, len(prob), dn.c_array(dn.c_float, prob)
    return dets


def test_suppression_of_detections_made_by_hand() -> None:
    boxes = [(10, 10, 8, 8), (11, 10, 8, 8), (40, 40, 8, 8), (0, 0, 1, 1)]
    dets = made(boxes, [0.5, 0.75, 0.25, 0], [[0.5, 0.1], [0.25, 0.7], [0.25, 0], [0, 0]])
    dn.do_nms_sort(dets, 4, 2, 0.45)
    found = {(d.bbox.x, d.objectness): list(d.prob[:2]) for d in dets}
    assert found[10, 0.5] == [0.5, 0]
    assert found[11, 0.75][0] == 0
    assert found[11, 0.75][1] == pytest.approx(0.7)
    assert found[40, 0.25] == [0.25, 0]
    dn.do_nms_obj(dn.cast(dets, dn.POINTER(dn.DETECTION)), 4, 2, dn.c_float(0.45))
    assert [(d.bbox.x, d.objectness) for d in dets] == [(11, 0.75), (10, 0), (40, 0.25), (0, 0)]
    assert list(dets[1].prob[:2]) == [0, 0]
    dn.do_nms_obj(dets, 0, 2, 0.45)


def test_everything_outlives_what_it_came_from(folder: Path) -> None:
    handle, meta = dn.load_net(b"cfg/small.cfg", b"small.weights", 0), dn.load_meta(b"cfg/small.data")
    im = dn.load_image(b"data/wide.png", 0, 0)
    out = dn.predict_image(handle, im)
    dets = dn.get_network_boxes(handle, im.w, im.h, 0.4, 0.5, None, 0, None)
    data, prob, box, names = im.data, dets[0].prob, dets[0].bbox, meta.names
    copy = dn.IMAGE(im.w, im.h, im.c, im.data)
    before = [list(data[:9]), list(prob[:3]), (box.x, box.y), names[2], list(out[:9])]
    del im, dets, meta, handle
    gc.collect()
    np.empty(1 << 20).fill(np.nan)  # whatever was freed is overwritten
    garbage = [dn.make_image(120, 50, 3) for _ in range(50)]
    assert [list(data[:9]), list(prob[:3]), (box.x, box.y), names[2], list(out[:9])] == before
    assert list(copy.data[:9]) == before[0]
    assert len(garbage) == 50


def test_a_freed_picture_can_be_used_as_long_as_it_is_there() -> None:
    im = dn.make_image(8, 8, 3)
    im.data[5] = 0.5
    dn.free_image(im)
    dn.free_image(im)
    dn.rgbgr_image(im)
    assert im.data[2 * 64 + 5] == 0.5


def test_a_picture_without_pixels() -> None:
    with pytest.raises(ImageError, match=r"the IMAGE \(8 x 8 x 3\) has no pixels"):
        dn.rgbgr_image(dn.IMAGE(8, 8, 3, None))


def test_names_of_another_network(folder: Path) -> None:
    Path("data/many.names").write_text("\n".join("abcdefg"))
    Path("many.data").write_text("classes=7\nnames=data/many.names\n")
    with pytest.raises(DataError, match="7 names, but the network has 3 outputs"):
        dn.classify(
            dn.load_net("cfg/classifier.cfg", "classifier.weights"),
            dn.load_meta("many.data"),
            dn.load_image("data/wide.png"),
        )


@pytest.mark.parametrize("module", [dn, alexeyab])
def test_a_detector_classifies_nothing(module: Any, folder: Path) -> None:
    net, meta = module.load_net("cfg/small.cfg", "small.weights"), module.load_meta("cfg/small.data")
    with pytest.raises(CfgError, match=r"small\.cfg:\d+: is a detection layer; use detect"):
        module.classify(net, meta, module.load_image("data/wide.png"))


@pytest.mark.parametrize("module", [dn, alexeyab])
def test_a_classifier_detects_nothing(module: Any, folder: Path) -> None:
    net, meta = module.load_net("cfg/classifier.cfg", "classifier.weights"), module.load_meta("cfg/small.data")
    with pytest.raises(CfgError, match="layer; use classify"):
        module.detect(net, meta, "data/wide.png")


def test_accepted_and_without_effect(folder: Path) -> None:
    handle = dn.load_net(b"cfg/small.cfg", b"small.weights", 1)
    dn.reset_rnn(handle)
    dn.free_ptrs(None, 0)
    dn.set_gpu(3)
    dn.set_gpu.argtypes = [dn.c_int]  # type: ignore[attr-defined]
    dn.lib.network_width.restype = dn.c_int
    assert handle.network.seen == 0


def test_empty_weights_start_from_random_ones(folder: Path) -> None:
    for weights in (b"", None, ""):
        dn.predict_image(dn.load_net(b"cfg/small.cfg", weights, 0), dn.make_image(9, 9, 3))


def test_errors(folder: Path) -> None:
    with pytest.raises(CfgError, match=r"cfg/absent\.cfg"):
        dn.load_net(b"cfg/absent.cfg", b"small.weights", 0)
    with pytest.raises(WeightsError, match=r"absent\.weights"):
        dn.load_net(b"cfg/small.cfg", b"absent.weights", 0)
    with pytest.raises(ImageError, match=r"absent\.png"):
        dn.load_image(b"absent.png", 0, 0)
    Path("none.data").write_text("classes=3\n")
    with pytest.raises(DataError, match=r"none\.data: has neither names nor labels"):
        dn.load_meta(b"none.data")
    handle = dn.load_net(b"cfg/small.cfg", b"small.weights", 0)
    with pytest.raises(DarknetError, match=r"expected images of 96 x 64 x 3 \(w x h x c\), found 96 x 64 x 1"):
        dn.predict_image(handle, dn.make_image(20, 20, 1))
    with pytest.raises(DarknetError, match="no prediction yet"):
        dn.get_network_boxes(handle, 9, 9, 0.4, 0.5, None, 0, None)


def test_labels_instead_of_names(folder: Path) -> None:
    Path("labels.data").write_text("labels = data/small.names\n")
    meta = dn.load_meta(b"labels.data")
    assert (meta.classes, meta.names[1]) == (2, b"dog")


def test_sample() -> None:
    random.seed(1)
    counts = np.bincount([dn.sample([1, 0, 3]) for _ in range(4000)], minlength=3)
    assert counts[1] == 0
    assert counts[2] / counts[0] == pytest.approx(3, rel=0.15)


@pytest.mark.slow
def test_memory_stays_flat(folder: Path) -> None:
    """Hundreds of detections, with nothing freed by the script, cost no memory."""
    handle, meta = dn.load_net(b"cfg/small.cfg", b"small.weights", 0), dn.load_meta(b"cfg/small.data")
    cv2.imwrite("large.png", picture(600, 400, 3))

    def many(times: int) -> None:
        for _ in range(times):
            dn.detect(handle, meta, b"large.png", 0.4)
            dn.letterbox_image(dn.make_image(300, 300, 3), 96, 64)

    gc.disable()  # neither may rest on the collector of cycles
    try:
        many(30)
        before = resident()
        many(150)
        # Each call leaves 4 MB of images behind if it leaks: 600 MB. Allocators may keep a few.
        assert resident() - before < 8 << 20
    finally:
        gc.enable()


def resident() -> int:
    """Bytes of memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("module", [dn, alexeyab])
def test_one_step_after_the_other_of_a_recurrent_network(module: Any, folder: Path) -> None:
    Path("cfg/steps.cfg").write_text("[net]\ninputs=5\n[lstm]\noutput=3\n")
    net = module.load_net(b"cfg/steps.cfg", b"", 0)
    x = np.random.default_rng(1).random((4, 5), dtype=np.float32)

    def predict(handle: Any, row: np.ndarray) -> list[float]:
        return list(module.network_predict(handle, row.ctypes.data_as(ctypes.POINTER(ctypes.c_float)))[:3])

    state = net.network.state()
    wanted = [net.network.forward(row.reshape(1, 5, 1, 1), session=state).reshape(-1).tolist() for row in x]
    assert [predict(net, row) for row in x] == wanted
    assert predict(net, x[0]) != wanted[0]
    module.reset_rnn(net)
    assert predict(net, x[0]) == wanted[0]
    net.batch = 2
    with pytest.raises(DarknetError, match="2 images after 1, each with its own past: call reset_rnn first"):
        predict(net, x[:2])
    module.reset_rnn(net)
    assert predict(net, x[:2]) == wanted[0]
