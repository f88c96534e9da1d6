"""The command line as a function, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lib.cli_nets import call, write_files


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Calls the command line in a folder of its own that holds the toy networks; no display."""
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: call(capsys, *words)
