"""What `Network.detect` and `classify` take for an image, and what they say of everything else."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest

from pydarknet.errors import DataError, ImageError
from pydarknet.images.image import load_image, save_image
from pydarknet.images.open_image import open_image
from pydarknet.network import Network
from tests.lib import nets
from tests.lib.cli_nets import write_video


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    """A network, with a.png in the current folder."""
    monkeypatch.chdir(tmp_path)
    save_image("a.png", nets.picture(40, 30))
    return nets.network(size=32)


def test_a_network_says_what_it_is(net: Network) -> None:
    assert repr(net).startswith(f"<Network {net.cfg.file}: detector, 32 x 32 x 3, ")


def test_paths_of_every_kind(net: Network) -> None:
    wanted = net.detect("a.png", thresh=0.1)
    assert wanted
    for path in (b"a.png", Path("a.png"), os.fsencode(os.path.abspath("a.png"))):
        assert net.detect(path, thresh=0.1) == wanted
    assert net.detect([b"a.png", "a.png"], thresh=0.1) == [wanted] * 2
    assert net.detect((name for name in ("a.png",)), thresh=0.1) == [wanted]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "YCbCr", "HSV", "I;16"])
def test_pictures_of_pillow(net: Network, mode: str) -> None:
    if mode == "I;16":
        grey = cv2.cvtColor(load_image("a.png"), cv2.COLOR_BGR2GRAY)
        given, wanted = PIL.Image.fromarray(grey.astype(np.uint16) * 257), cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    else:
        given = PIL.Image.open("a.png").convert(mode)
        wanted = np.asarray(given.convert("RGB"))[:, :, ::-1]
    np.testing.assert_array_equal(open_image(given), wanted)
    assert net.detect(given, thresh=0.1) == net.detect(np.ascontiguousarray(wanted), thresh=0.1)
    assert net.detect([given], thresh=0.1) == [net.detect(given, thresh=0.1)]


def test_pillow_with_alpha_for_four_channels(net: Network) -> None:
    four = np.dstack([nets.picture(8, 6), nets.picture(8, 6, seed=2)[:, :, :1]])
    given = PIL.Image.fromarray(np.ascontiguousarray(four[:, :, [2, 1, 0, 3]]))
    np.testing.assert_array_equal(open_image(given, channels=4), four)
    with pytest.raises(ImageError, match="takes 4 channels"):
        open_image(given.convert("RGB"), channels=4)


def test_pillow_that_can_not_be(net: Network) -> None:
    with pytest.raises(ImageError, match="found one of mode F; convert it to L"):
        net.detect(PIL.Image.new("F", (8, 8)))
    Path("cut.png").write_bytes(Path("a.png").read_bytes()[:200])
    with PIL.Image.open("cut.png") as cut, pytest.raises(ImageError, match="the image of Pillow can't be read"):
        net.detect(cut)


def test_the_content_of_a_file(net: Network) -> None:
    wanted, data = net.detect("a.png", thresh=0.1), Path("a.png").read_bytes()
    for content in (data, bytearray(data), memoryview(data), io.BytesIO(data)):
        assert net.detect(content, thresh=0.1) == wanted
    with open("a.png", "rb") as file:
        assert net.detect(file, thresh=0.1) == wanted
    four = np.dstack([nets.picture(8, 6), nets.picture(8, 6, seed=2)[:, :, :1]])
    np.testing.assert_array_equal(open_image(cv2.imencode(".png", four)[1].tobytes(), channels=4), four)
    with pytest.raises(ImageError, match=r"in memory: .* damaged or cut off"):
        net.detect(data[:200])
    with open("text.txt", "w+") as text, pytest.raises(ImageError, match="found str; open it with mode 'rb'"):
        net.detect(text)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (None, "found None: wasn't the file read"),
        (object(), "found object"),
        (7, "found int"),
        ([None], "found None"),
        ([[1, 2]], "found list"),
        (b"", "in memory"),
        (io.BytesIO(b"x"), "in memory: is not an image"),
        (io.BytesIO(), r"no bytes left; seek\(0\)"),
        (np.zeros((2, 8, 8, 3), np.uint8), r"several images are a list: list\(array\)"),
    ],
)
def test_everything_else(net: Network, given: Any, word: str) -> None:
    with pytest.raises(ImageError, match=word):
        net.detect(given)
    if isinstance(given, io.BytesIO):
        given.seek(0)
    if not isinstance(given, list):
        with pytest.raises(ImageError, match=word):
            nets.network(nets.CONV.format(filters=2, size=1)).classify(given)


@pytest.mark.parametrize(
    ("options", "words"), [
        ({"thresh": 50}, "thresh=50: expected a number from 0 to 1; for 50 percent give 0.5"),
        ({"thresh": -1}, "thresh=-1: expected a number from 0 to 1$"),
        ({"thresh": float("nan")}, "thresh=nan: expected a number from 0 to 1$"),
        ({"thresh": "a"}, "thresh: expected a number from 0 to 1, found 'a'"),
        ({"hier_thresh": 1.5}, "hier_thresh=1.5: expected"),
        ({"nms": 2}, "nms=2: expected"),
        ({"fit": "x"}, "fit='x': expected one of letterbox, stretch"),
        ({"nms_kind": "x"}, "nms_kind='x': expected one of sort, obj"),
        ({"hier_mode": "x"}, "hier_mode='x': expected one of"),
        ({"color": "RGB"}, "color='RGB': expected one of bgr, rgb"),
        ({"batch": 0}, "batch=0: expected a whole number of at least 1"),
        ({"batch": 2.5}, "batch=2.5: expected"),
    ]
)  # fmt: skip
def test_options_out_of_range(net: Network, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        net.detect("a.png", **options)


@pytest.mark.parametrize(
    ("word", "told"),
    [("conf", "here it is 'thresh'"), ("iou", "here it is 'nms'"), ("tresh", "did you mean 'thresh'"),
     ("imgsz", r"resize\(width, height\)"), ("qqq", "'qqq' is no option of detection$")],
)  # fmt: skip
def test_options_that_are_none(net: Network, word: str, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        net.detect("a.png", **{word: 0.5})  # type: ignore[call-overload]


def test_a_class_by_its_number(net: Network) -> None:
    assert net.detect("a.png", 0.01, classes=1) == net.detect("a.png", 0.01, classes=[1])


def test_a_map_needs_a_tree(net: Network) -> None:
    with pytest.raises(DataError, match="has no tree="):
        net.detect("a.png", map=[0, 1])


def test_outputs_are_of_whatever_is_an_image(net: Network) -> None:
    wanted = net.predict(load_image("a.png"))
    np.testing.assert_array_equal(net.predict("a.png"), wanted)
    with pytest.raises(ImageError, match="found None"):
        net.predict(None)  # type: ignore[arg-type]


def test_a_video_is_named(net: Network) -> None:
    write_video(Path("v.avi"))
    with pytest.raises(ImageError, match=r"it is a video: .*cv2\.VideoCapture"):
        net.detect("v.avi")


@pytest.mark.parametrize("options", [{"threads": 1.5}, {"threads": "2"}, {"cutoff": -1}])
def test_numbers_that_are_none(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected a (whole )?number"):
        Network("yolov2-tiny", "stamps", **options)


def test_a_size_is_whole(net: Network) -> None:
    before = net.width, net.height
    with pytest.raises(TypeError, match="integer"):
        net.resize(64.5, 64)  # type: ignore[arg-type]
    assert (net.width, net.height) == before


TYPED = """
import io
from pathlib import Path
from pydarknet import Detections, Network

def look(net: Network) -> None:
    one: Detections = net.detect("a.jpg", thresh=0.5, classes=["dog"])
    for given in (b"", bytearray(), memoryview(b""), Path("a.jpg")):
        one = net.detect(given)
    one = net.detect(io.BytesIO())
    with open("a.jpg", "rb") as file:
        one = net.detect(file)
    several: list[Detections] = net.detect(["a.jpg", io.BytesIO()])
    several = net.detect(Path(name) for name in ("a.jpg",))
    several = list(net.stream(Path(".").glob("*.jpg")))
"""


@pytest.mark.slow
def test_a_type_checker_knows_what_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = pytest.importorskip("mypy.api")
    monkeypatch.setenv("MYPYPATH", str(Path(__file__).parents[2]))
    (tmp_path / "typed.py").write_text(TYPED)
    out, _, code = api.run(["--strict", "--config-file=", "--ignore-missing-imports", "--follow-imports=silent",
                            "--cache-dir", str(tmp_path / "cache"), str(tmp_path / "typed.py")])  # fmt: skip
    assert code == 0, out
