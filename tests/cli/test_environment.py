"""Environment variables: a slip is said, and all that are read are in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pydarknet.cli import environment

ROOT = Path(__file__).parents[2]


def test_a_slip_is_said(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDARKNET_NUMTHREADS", "2")
    result = cli("ops", "net.cfg")
    assert result.code == 0
    assert "PYDARKNET_NUMTHREADS is not followed; did you mean PYDARKNET_NUM_THREADS?" in result.err


def test_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*environment.READ, *environment.OF_BUILD, "MINE"):
        monkeypatch.setenv(environment.PREFIX + name, "1")
    monkeypatch.setenv("NUM_THREAD", "1")
    assert list(environment.slips()) == []


def test_they_are_those_of_the_docs_and_of_the_code() -> None:
    page = re.findall(r"(?m)^\| `PYDARKNET_(\w+)`", (ROOT / "docs/files.md").read_text())
    assert sorted(page) == sorted(environment.READ)
    setup = re.findall(r"(?m)^PYDARKNET_(\w+) ", (ROOT / "setup.py").read_text())
    assert sorted(setup) == sorted(environment.OF_BUILD)
    code = "".join(path.read_text() for path in (ROOT / "pydarknet").rglob("*.py"))
    read = re.findall(r"""environ(?:\.get\(|\[)["']PYDARKNET_(\w+)""", code)
    assert {name for name in read if "EMU" not in name} <= {*environment.READ}
