"""The model that comes with the package: `detect stamps` needs nothing else, and finds what is in its scene."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from pydarknet import Network, catalog
from pydarknet.catalog.checksum import measure
from pydarknet.errors import WeightsError
from pydarknet.formats.resources import share
from tests.lib.cli_nets import call

# What lies in data/stamps.jpg, and where: left, top, width, height. In training dogs and wrasses never had a box.
SCENE = {"kiwi": (148, 11, 183, 162), "cock": (113, 183, 214, 212), "dog": (310, 188, 201, 213),
         "wrasse": (29, 420, 184, 90)}  # fmt: skip


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The command line in a folder that holds none of the project's files."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: call(capsys, *words)


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def test_it_finds_what_is_in_its_scene() -> None:
    found = Network("stamps", "stamps").detect(cv2.imread(str(share() / "data" / "stamps.jpg")))
    places = {each.name: (each.box.left, each.box.top, each.box.w, each.box.h) for each in reversed(found)}
    assert places.keys() >= SCENE.keys()
    assert all(_overlap(places[name], box) > 0.5 for name, box in SCENE.items())


def test_its_name_is_all_that_detect_needs(cli) -> None:
    alone = cli("detect", "stamps", "--path", "--no-draw")
    assert alone.code == 0
    assert any(line.startswith("whole > animal > vertebrate > mammal > placental > ") for line in alone.results)
    sample = str(share() / "data" / "stamps.jpg")
    for words in ((sample,), ("stamps", sample), ("stamps.weights", sample)):
        assert cli("detect", "stamps", *words, "--path", "--no-draw").results[1:] == alone.results[1:]


def test_weights_are_asked_for_where_there_are_none(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path.cwd()))
    monkeypatch.setattr(catalog, "share", Path.cwd)  # a checkout's weights/ may hold fetched ones
    assert "expected CFG WEIGHTS" in cli("detect", "own.cfg").err
    assert "to fetch it" in cli("detect", "yolov2", "a.jpg").err
    assert cli("detect", "own.cfg").code == cli("detect", "yolov2", "a.jpg").code == 2


def test_it_is_in_the_catalogue(tmp_path: Path) -> None:
    path = catalog.get("stamps", tmp_path, quiet=True)
    assert path.read_bytes() == (share() / "weights" / "stamps.weights").read_bytes()
    assert catalog.find("stamps").expected.complaint(*measure(path)) == ""
    assert catalog.identify(path).proof == "sha256"
    with pytest.raises(WeightsError):
        catalog.find_weights("stamp")
