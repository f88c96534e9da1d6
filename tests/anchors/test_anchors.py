"""Anchors: the clustering against a naive one, the figure, and the surgery on cfgs."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.anchors.boxes import load_boxes
from pydarknet.anchors.cfg import units, with_anchors, write_anchors
from pydarknet.anchors.kmeans import (
    MANY,
    anchors_text,
    average_iou,
    faster_rcnn,
    kmeans,
    kmeans_each,
    merged,
    size_iou,
)
from pydarknet.cli.commands import anchors as command
from pydarknet.cli.commands import detector_calc_anchors as calc_anchors
from pydarknet.cli.parser import Parser, UsageError
from pydarknet.errors import CfgError, DataError, ExportError, ImageError
from pydarknet.formats.cfg import parse_cfg
from pydarknet.formats.resources import find
from pydarknet.graph.graph import Graph
from pydarknet.plots.anchors import draw_anchors

CENTRES = np.array([[0.05, 0.08], [0.3, 0.1], [0.2, 0.5], [0.8, 0.7]])


def boxes(count: int, seed: int = 0, spread: float = 0.05) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Sizes around four centres."""
    rng = np.random.default_rng(seed)
    centres = CENTRES[rng.integers(0, 4, count)]
    return np.asarray(centres * np.exp(rng.normal(0, spread, (count, 2))))


# --- clustering


def naive_iou(a: tuple[float, float], b: tuple[float, float]) -> float:
    shared = min(a[0], b[0]) * min(a[1], b[1])
    return shared / (a[0] * a[1] + b[0] * b[1] - shared)


def test_iou() -> None:
    sizes = boxes(20)
    expected = [[naive_iou(a, b) for b in CENTRES] for a in sizes]
    np.testing.assert_allclose(size_iou(sizes, CENTRES), expected, rtol=1e-14)
    assert average_iou(sizes, CENTRES) == pytest.approx(np.max(expected, axis=1).mean())
    # The unit does not matter.
    np.testing.assert_allclose(size_iou(sizes * [13, 19], CENTRES * [13, 19]), expected, rtol=1e-12)


@pytest.mark.parametrize("count", [300, 5 * MANY])
@pytest.mark.parametrize("distance", ["iou", "euclidean"])
def test_it_finds_clusters(count: int, distance: str) -> None:
    sizes = boxes(count)
    found = kmeans(sizes, 4, distance=distance)  # type: ignore[arg-type]
    owner = size_iou(sizes, CENTRES).argmax(axis=1)
    means = np.array([sizes[owner == i].mean(axis=0) for i in range(4)])
    # The clusters are far apart; bins of 1 % may leave a mean that much aside.
    np.testing.assert_allclose(found, means[np.argsort(means.prod(axis=1))], rtol=1e-9 if count < MANY else 0.01)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_no_worse_than_naive_kmeans(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.normal(-2, 0.8, (200, 2)))
    best = 0.0
    for _ in range(10):
        anchors = sizes[rng.choice(len(sizes), 5, replace=False)]
        for _ in range(50):
            owner = np.array([np.argmax([naive_iou(a, b) for b in anchors]) for a in sizes])
            if len(set(owner)) < 5:
                break
            moved = np.array([sizes[owner == i].mean(axis=0) for i in range(5)])
            if (moved == anchors).all():
                break
            anchors = moved
        best = max(best, average_iou(sizes, anchors))
    # Both are heuristics with ten starts; ours begins better, and keeps the best set it saw.
    assert average_iou(sizes, kmeans(sizes, 5, seed=seed, restarts=10)) > best - 0.004


def test_iou_beats_euclid_by_iou_and_loses_by_distance() -> None:
    sizes = np.exp(np.random.default_rng(1).normal(-2, 0.8, (500, 2)))
    ours, euclid = (kmeans(sizes, 5, distance=d) for d in ("iou", "euclidean"))  # type: ignore[arg-type]

    def squares(anchors: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
        return float(((sizes[:, None] - anchors[None]) ** 2).sum(axis=2).min(axis=1).sum())

    assert average_iou(sizes, ours) > average_iou(sizes, euclid) + 0.005
    assert squares(euclid) < squares(ours)


def test_more_anchors_fit_better_and_seeds_repeat() -> None:
    sizes = boxes(400, spread=0.4)
    each = kmeans_each(sizes, range(1, 9), seed=3)
    values = [average_iou(sizes, anchors) for anchors in each]
    assert values == sorted(values)
    assert all((np.diff(anchors.prod(axis=1)) >= 0).all() for anchors in each)
    np.testing.assert_array_equal(kmeans(sizes, 5, seed=3), each[4])
    assert (kmeans(sizes, 8, seed=4, restarts=1) != kmeans(sizes, 8, seed=3, restarts=1)).any()
    # A run may see better sets than the one that it ends with.
    assert values[0] >= average_iou(sizes, sizes.mean(axis=0, keepdims=True))


def test_as_many_anchors_as_sizes() -> None:
    sizes = np.array([[0.1, 0.1], [0.2, 0.1], [0.1, 0.1], [0.1, 0.4]])
    np.testing.assert_array_equal(kmeans(sizes, 3), [[0.1, 0.1], [0.2, 0.1], [0.1, 0.4]])
    with pytest.raises(DataError, match="at least 4 boxes of different sizes for as many anchors, found 3"):
        kmeans(sizes, 4)


def test_no_boxes_for_want_of_label_files(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.jpg\nb.jpg\n")
    (tmp_path / "set.data").write_text(f"classes=1\ntrain={tmp_path}/list.txt\n")
    with pytest.raises(DataError, match="found none in 2 images; 2 images without a label file"):
        load_boxes(str(tmp_path / "set.data"), "stretch", (1, 1))


@pytest.mark.parametrize("wrong", [[0.0, 0.1], [-0.1, 0.1], [np.nan, 0.1], [np.inf, 0.1]])
def test_sizes_that_are_none(wrong: list[float]) -> None:
    with pytest.raises(DataError, match="box 1: expected a positive width and height"):
        kmeans([[0.1, 0.1], wrong], 1)
    with pytest.raises(DataError, match="found none"):
        kmeans([], 1)


def test_many_boxes_are_merged_without_losing_any() -> None:
    sizes = boxes(MANY + 1, spread=0.5)
    points, weights = merged(sizes, 12)
    assert len(points) < 0.7 * MANY
    assert weights.sum() == len(sizes)
    np.testing.assert_allclose(weights @ points, sizes.sum(axis=0))
    same, weights = merged(np.repeat(sizes[:10], 1000, axis=0), 12)
    np.testing.assert_array_equal(weights, 1000)
    np.testing.assert_allclose(same, sizes[:10][np.lexsort(sizes[:10].T[::-1])])


def test_hand_picked_anchors() -> None:
    square = faster_rcnn(1.0) * 600
    np.testing.assert_allclose(np.sqrt(square.prod(axis=1)), np.repeat([128, 256, 512], 3))
    np.testing.assert_allclose(np.sort(square[:3, 0] / square[:3, 1]), [0.5, 1, 2])
    # In an image of 800 x 600 the same pixels are a smaller part of the width.
    np.testing.assert_allclose(np.sort(faster_rcnn(4 / 3), axis=0), np.sort(faster_rcnn(1.0), axis=0) * [0.75, 1])


def test_text_of_calc_anchors() -> None:
    assert anchors_text([[1.32214, 1.7], [10, 11.5]], True) == "1.3221,1.7000, 10.0000,11.5000"
    assert anchors_text([[9.6, 14], [100.4, 300]], False) == " 10, 14, 100,300"


# --- cfgs

HEAD = (
    "[net]\r\nwidth=64\r\nheight=96\r\nchannels=3\r\n\r\n# the ; body\r\n"
    "[convolutional]\r\nfilters=8\r\nsize=3\r\nstride=2\r\npad=1\r\nactivation=leaky\r\n\r\n"
)
REGION = HEAD + (
    "[convolutional]\r\nsize=1\r\n  filters = 16 \r\nactivation=linear\r\n"
    "# anchors=9,9\r\n[region]\r\nanchors = 1,2, 3,4 # old\r\nclasses=3\r\nnum=2\r\nsoftmax=1\r\n; the end"
)
YOLO = HEAD.replace("\r\n", "\n") + (
    "[convolutional]\nsize=1\nfilters=16\nactivation=linear\n[yolo]\nmask=0,1\nanchors=1,2,3,4\nclasses=3\nnum=2\n"
)
NEW = np.array([[0.25, 0.125], [0.5, 0.25], [0.75, 1.0]])


def file(folder: Path, text: str) -> Path:
    path = folder / "a.cfg"
    path.write_bytes(text.encode())
    return path


def test_region(tmp_path: Path) -> None:
    path = file(tmp_path, REGION)
    assert units(parse_cfg(path)).scale == (32, 48)
    assert with_anchors(path, NEW[:2]).decode() == REGION.replace(
        "1,2, 3,4 # old", "8.0000,6.0000, 16.0000,12.0000 # old"
    )
    expected = REGION.replace("1,2, 3,4 # old", "8.0000,6.0000, 16.0000,12.0000, 24.0000,48.0000 # old")
    expected = expected.replace("filters = 16 ", "filters = 24 ").replace("num=2", "num=3")
    assert with_anchors(path, NEW).decode() == expected
    assert path.read_bytes() == REGION.encode()


def test_yolo(tmp_path: Path) -> None:
    path = file(tmp_path, YOLO)
    text = with_anchors(path, NEW).decode()
    expected = YOLO.replace("anchors=1,2,3,4", "anchors= 16, 12,  32, 24,  48, 96").replace("num=2", "num=3")
    assert text == expected.replace("filters=16", "filters=24").replace("mask=0,1", "mask=0,1,2")
    tiny = with_anchors(path, NEW / 1000).decode()
    assert "anchors=  1,  1,   1,  1,   1,  1\n" in tiny


def test_keys_that_are_missing_come_first(tmp_path: Path) -> None:
    text = REGION.replace("anchors = 1,2, 3,4 # old\r\n", "").replace("num=2\r\n", "").replace("= 16", "= 8")
    new = with_anchors(file(tmp_path, text), NEW).decode()
    assert re.search(r"\[region\]\r\nanchors=8.0000,6.0000, [^\r\n]*\r\nnum=3\r\n", new)
    assert len(Graph(parse_cfg(file(tmp_path, new))).layers[-1].anchors) == 3  # type: ignore[attr-defined]


def test_the_published_cfgs() -> None:
    unit = units(parse_cfg(find("yolov2-voc.cfg")))
    assert (unit.kind, unit.scale, unit.num) == ("region", (13, 13), 5)
    path = find("yolov3-tiny.cfg")
    assert units(parse_cfg(path)).num == 6
    six = kmeans(boxes(300, spread=0.4), 6)
    changed = with_anchors(path, six).decode().split("\n")
    lines = [(old, new) for old, new in zip(path.read_text().split("\n"), changed, strict=True) if old != new]
    assert len(lines) == 2
    assert all(re.match("anchors ?=", old) and re.match("anchors ?=", new) for old, new in lines)
    with pytest.raises(CfgError, match=r"yolov3-tiny\.cfg:\d+: \[yolo\] 5 anchors can't replace 6: 2 heads share"):
        with_anchors(path, six[:5])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD, "expected one .region. or some .yolo. heads to have anchors, found none"),
        (REGION.replace("[region]", "[dropout]\r\n[region]"), "expected a .convolutional. before it"),
        (REGION.replace("width=64", "width=0"), "expected width, height and channels"),
    ],
)
def test_cfgs_that_can_not_have_them(tmp_path: Path, text: str, message: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(CfgError, match=message):
        write_anchors(path, NEW)
    assert [p.name for p in tmp_path.iterdir()] == ["a.cfg"]


def test_the_old_cfg_is_kept(tmp_path: Path) -> None:
    path = file(tmp_path, REGION)
    assert write_anchors(path, NEW) == str(path) + ".bak"
    assert Path(f"{path}.bak").read_bytes() == REGION.encode()
    changed = path.read_bytes()
    assert write_anchors(path, NEW[:1]) == str(path) + ".bak2"
    assert Path(f"{path}.bak2").read_bytes() == changed
    path.write_bytes(REGION.encode())
    assert write_anchors(path, NEW) == str(path) + ".bak"  # which has it already


# --- the figure


def draw(path: Path) -> None:
    curves = {"a <b> & c": [(1, 0.4), (2, 0.6)], "d": [(1, 0.4), (2, 0.5)]}
    draw_anchors(path, curves, {"é": (2, 0.45)}, NEW, 4 / 3)


def test_svg(tmp_path: Path) -> None:
    draw(tmp_path / "a.svg")
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    texts = [element.text for element in root.findall(".//{*}text")]
    assert {"a <b> & c", "é", "number of anchors", "3 anchors in an image"} <= set(texts)
    frames = [element for element in root.findall(".//{*}rect") if element.get("stroke-width") == "2"]
    assert len(frames) == 3
    # 276 units are the image's width.
    assert float(frames[0].get("width", "0")) == pytest.approx(0.25 * 276)
    assert float(frames[0].get("height", "0")) == pytest.approx(0.125 * 276 * 3 / 4, abs=0.01)
    curve = next(element for element in root.findall(".//{*}polyline") if element.get("stroke-width") == "1.5")
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in curve.get("points", "").split())
    assert x1 < x2
    assert y1 > y2  # up is more


def test_picture(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    image = cv2.imread(str(tmp_path / "a.png"))
    assert image.shape == (720, 1440, 3)
    assert (image != 255).any(axis=2).mean() > 0.005
    with pytest.raises(ImageError, match="no image format"):
        draw(tmp_path / "a.xyz")
    with pytest.raises(ImageError, match="can't be written"):
        draw(tmp_path / "absent" / "a.svg")


# --- commands


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    sizes = boxes(120, spread=0.2).clip(0.01, 0.99)
    images = []
    for i in range(12):
        image = tmp_path / "images" / f"{i}.png"
        image.write_bytes(cv2.imencode(".png", np.zeros((60, 120, 3), np.uint8))[1].tobytes())
        rows = [f"0 0.5 0.5 {w:.6f} {h:.6f}\n" for w, h in sizes[i * 10 : i * 10 + 10]]
        (tmp_path / "labels" / f"{i}.txt").write_text("".join(rows) + "0 0 0 0 0\n")
        images.append(str(image))
    (tmp_path / "train.txt").write_text("\n".join([*images, str(tmp_path / "images" / "none.png")]))
    (tmp_path / "a.data").write_text(f"classes=1\ntrain={tmp_path}/train.txt\n")
    return tmp_path / "a.data"


def run(module: object, *arguments: str) -> int:
    parser = Parser(prog="x")
    module.add_arguments(parser)  # type: ignore[attr-defined]
    code: int = module.run(parser.parse(arguments))  # type: ignore[attr-defined]
    return code


def test_command(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cfg = file(tmp_path, REGION)
    out = tmp_path / "anchors.txt"
    chart = tmp_path / "c.svg"
    options = ["--max", "4", "--chart", str(chart), "--out", str(out), "--write", str(cfg), "--num", "3"]
    assert run(command, str(data), str(cfg), *options) == 0
    printed = capsys.readouterr().out
    assert "13 images, 120 boxes; 1 image without a label file" in printed
    assert re.search(r"^  4  \d\d\.\d\d% +\d\d\.\d\d%$", printed, re.MULTILINE)
    assert "hand-picked, of Faster R-CNN" in printed
    assert "3 anchors in grid cells of 32 x 48" in printed
    assert f"anchors = {out.read_text()}\n" in printed
    assert "a.cfg.bak\n" in printed
    assert chart.is_file()
    region = parse_cfg(cfg).sections[-1]
    assert region.str_("anchors") == out.read_text().replace(" ", "") + "#old"
    assert region.int_("num") == 3


def test_letterbox_takes_the_shape_of_the_picture(data: Path) -> None:
    stretched = load_boxes(str(data), "stretch", (13, 13))
    fitted = load_boxes(str(data), "letterbox", (13, 13))
    assert stretched.aspect == 2
    # 120 x 60 fills the width of a square and half of its height.
    np.testing.assert_allclose(fitted.sizes, stretched.sizes * [1, 0.5], rtol=1e-6)


def test_inputs_are_not_replaced(data: Path) -> None:
    [names] = [line.split("=")[1].strip() for line in data.read_text().splitlines() if line.startswith("train")]
    before = data.read_bytes(), (data.parent / names).read_bytes()
    for options in (["--out", str(data)], ["--out", str(data.parent / names)], ["--chart", str(data)]):
        with pytest.raises(UsageError, match="would replace a file that is read"):
            run(command, str(data), *options)
    assert (data.read_bytes(), (data.parent / names).read_bytes()) == before


def test_calc_anchors(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.parent)
    assert run(calc_anchors, str(data), "-num_of_clusters", "4", "-width", "416", "-height", "416", "-show") == 0
    printed = capsys.readouterr().out
    assert "\n num_of_clusters = 4, width = 416, height = 416 \n" in printed
    assert re.search(r"\n avg IoU = \d\d\.\d\d % \n", printed)
    text = (data.parent / "anchors.txt").read_text()
    assert re.fullmatch(r"( *\d+, *\d+(, )?){4}", text)
    assert f"anchors = {text}\n" in printed
    assert (data.parent / "anchors.png").is_file()
    assert run(calc_anchors, str(data), "-num_of_clusters", "4", "-width", "13", "-height", "13") == 0
    assert re.fullmatch(r"(\d+\.\d{4},\d+\.\d{4}(, )?){4}", (data.parent / "anchors.txt").read_text())


def test_command_errors(tmp_path: Path, data: Path) -> None:
    with pytest.raises(ExportError, match="absent"):
        run(command, str(data), "--max", "1", "--out", str(tmp_path / "absent" / "x"))
    (tmp_path / "labels" / "3.txt").write_text("0 .5 .5 0 .5\n")
    with pytest.raises(DataError, match=r"labels/3\.txt:1: expected a width and height above 0"):
        run(command, str(data))
