"""Cfgs of Debian's package through its library and through ours, boxes too; the page on all public ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from .cfgs_page import inference_of
from .oracle_library import CFG
from .public_cfgs import DEBIAN, TOLERANCE, Outcome, compare

PAGE = Path(__file__).parents[2] / "docs" / "cfgs.md"


@pytest.mark.parametrize("name", ["yolov3-tiny", "yolov2-tiny", "t1.test", "darknet", "rnn", "gru"])
def test_equal(name: str) -> None:
    outcome = compare(DEBIAN, CFG / f"{name}.cfg")
    assert not outcome.refused
    assert outcome.worst < TOLERANCE
    assert (outcome.boxes > 20) == (name not in ("darknet", "rnn", "gru"))


def test_refused_by_name(tmp_path: Path) -> None:
    cfg = tmp_path / "a.cfg"
    cfg.write_text("[net]\nwidth=8\nheight=8\nchannels=3\n[iseg]\n")
    assert "[iseg] this section of pjreddie's Darknet is not supported: it " in compare(DEBIAN, cfg).refused


@pytest.mark.parametrize("worst", [float("nan"), float("inf"), 1e-3])
def test_what_is_no_number_is_unequal(worst: float) -> None:
    assert Outcome("128 x 128", worst).kind == "unequal"


@pytest.mark.parametrize(
    ("key", "same"), [("jitter=.3", True), ("iou_loss=ciou", True), ("scale_x_y=1.05", False), ("mask=1,0", False)]
)
def test_keys_of_training_make_no_other_network(tmp_path: Path, key: str, same: bool) -> None:
    one, two = tmp_path / "one.cfg", tmp_path / "two.cfg"
    one.write_text("[net]\nwidth=32\n[yolo]\nnum=2\n")
    two.write_text(f"[net]\nwidth=64\nmosaic=1\n[yolo]\nnum=2\n{key}\n")
    assert (inference_of(one) == inference_of(two)) == same


def test_the_page_lists_every_cfg_of_debian() -> None:
    listed = PAGE.read_text().partition("## pjreddie")[2].partition("\n## ")[0]
    names = [line.split(" | ")[0].removeprefix("| ") for line in listed.splitlines() if line.startswith("| ")]
    assert set(names) >= {path.stem for path in CFG.glob("*.cfg")}


@pytest.mark.parametrize(("name", "count"), [("pjreddie", 45), ("AlexeyAB", 87), ("hank-ai", 52)])
def test_the_page_has_a_row_for_each_cfg_of_the_three(name: str, count: int) -> None:
    """At most five of them are refused."""
    section = PAGE.read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| cfg ")]
    assert len(rows) == count
    assert sum("refused at line" in row for row in rows) <= 5
    assert all("refused at line" in row or "e-0" in row or " is " in row for row in rows)
