"""The published yolov3-tiny.weights on Debian's photographs: labels, whole percents and boxes of Debian's program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pydarknet import Network, catalog
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.writers import darknet_lines

from .oracle_library import SHARE

ROOT = Path(__file__).parent.parent.parent
GOLDEN = json.loads((ROOT / "tests" / "goldens" / "real_weights.json").read_text())
PHOTOGRAPHS = ("dog", "eagle", "giraffe", "horses", "person", "kite")
PIXEL = 1.0  # how far a box's centre and size may be off


@pytest.fixture(scope="module", params=sorted(GOLDEN["networks"]))
def network(request: pytest.FixtureRequest) -> tuple[str, Network]:
    text = (ROOT / "cfg" / "yolov3-tiny.cfg").read_text()
    if request.param == "yolov3-tiny-region":
        text = text[: text.index("[yolo]")] + GOLDEN["region_section"]
    cfg = parse_cfg_text(text, f"{request.param}.cfg")
    weights = catalog.get("yolov3-tiny", quiet=True)
    return request.param, Network(cfg, weights, names=ROOT / "data" / "coco.names")


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
@pytest.mark.parametrize("thresh", ["0.5", "0.25"])
def test_photograph(network: tuple[str, Network], photograph: str, thresh: str) -> None:
    name, net = network
    expected = GOLDEN["networks"][name][photograph][thresh]
    found = net.detect(SHARE / "data" / f"{photograph}.jpg", thresh=float(thresh))
    theirs = sorted((f"{d['label']}: {d['percent']}%", d["box"]) for d in expected)
    ours = sorted((line, list(d.box)) for line, d in zip(darknet_lines(found), found, strict=True))
    assert [line for line, _ in ours] == [line for line, _ in theirs]
    for (line, box), (_, wanted) in zip(ours, theirs, strict=True):
        assert max(abs(a - b) for a, b in zip(box, wanted, strict=True)) < PIXEL, line


def test_something_was_compared() -> None:
    assert sum(len(GOLDEN["networks"][n][p]["0.25"]) for n in GOLDEN["networks"] for p in PHOTOGRAPHS) > 20
