"""A server, a place for its file, an empty home, a catalogue of one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pydarknet.catalog import Entry, table
from pydarknet.catalog.download import Url
from tests.lib.file_server import CONTENT, WHOLE, Server


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "a.weights"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder and an empty cache."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def entry(server: Server, monkeypatch: pytest.MonkeyPatch) -> Entry:
    """A catalogue of one file, which the local server has."""
    one = Entry("a.weights", "a test", digests=WHOLE.digests, size=len(CONTENT), sources=(Url(server.url("/a")),))
    monkeypatch.setattr(table, "ENTRIES", (one,))
    return one
