"""What new users met: each has tests that hold it away, or a reason why it is as it is (frictions.csv)."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
with (Path(__file__).parent / "frictions.csv").open(encoding="utf-8", newline="") as _file:
    ROWS = list(csv.DictReader(_file))


@pytest.mark.parametrize("row", ROWS, ids=[row["what new users met"] for row in ROWS])
def test_its_tests_are_there(row: dict[str, str]) -> None:
    assert row["tests"]
    for name in row["tests"].split():
        file, _, function = name.partition("::")
        assert f"def {function}(" in (TESTS / file).read_text(encoding="utf-8"), name
