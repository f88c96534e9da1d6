"""Cfgs of Debian's package through its library and through ours, boxes too; the page on all public ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from .oracle import CFG
from .public_cfgs import TOLERANCE, compare

PAGE = Path(__file__).parents[2] / "docs" / "cfgs.md"


@pytest.mark.parametrize("name", ["yolov3-tiny", "yolov2-tiny", "t1.test", "darknet"])
def test_equal(name: str) -> None:
    outcome = compare(None, CFG / f"{name}.cfg")
    assert not outcome.refused
    assert outcome.worst < TOLERANCE
    assert (outcome.boxes > 20) == (name != "darknet")


def test_refused_by_name() -> None:
    assert compare(None, CFG / "gru.cfg").refused.endswith("[gru] recurrent layers are not supported yet")


def test_the_page_lists_every_cfg_of_debian() -> None:
    listed = PAGE.read_text().partition("## pjreddie")[2].partition("\n## ")[0]
    names = [line.split(" | ")[0].removeprefix("| ") for line in listed.splitlines() if line.startswith("| ")]
    assert set(names) >= {path.stem for path in CFG.glob("*.cfg")}
