"""The house rules of size, and that breaking one is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.check_sizes import MOST_FILES, MOST_LINES, ROOMS, findings

ROOT = Path(__file__).resolve().parents[2]


def test_the_project_keeps_them() -> None:
    assert findings(ROOT) == []


@pytest.mark.parametrize("room", ROOMS)
def test_what_breaks_them_is_found(room: str, tmp_path: Path) -> None:
    folder = tmp_path / room / "deep"
    folder.mkdir(parents=True)
    for i in range(MOST_FILES - 1):
        (folder / f"{i}.py").write_text("\n" * MOST_LINES)
    (folder / "a.json").write_text("\n" * (MOST_LINES + 1))
    assert findings(tmp_path) == []
    (folder / "more.cpp").write_text("\n" * (MOST_LINES + 1))
    assert findings(tmp_path) == [
        f"{room}/deep: {MOST_FILES} source files, expected fewer than {MOST_FILES}",
        f"{room}/deep/more.cpp: {MOST_LINES + 1} lines, expected at most {MOST_LINES}",
    ]
