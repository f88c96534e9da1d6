"""Downloads from a local server that fails in every way a real one does."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pydarknet.catalog import download
from pydarknet.catalog.checksum import Expected
from pydarknet.catalog.download import Url, obtain
from pydarknet.catalog.partfile import PartFile
from pydarknet.errors import DownloadError
from tests.lib.file_server import CONTENT, SHA256, WHOLE, Server, leftovers


def test_a_whole_file(server: Server, target: Path) -> None:
    assert obtain(target, WHOLE, [Url(server.url("/a"))]) == target
    assert target.read_bytes() == CONTENT
    assert leftovers(target) == []


def test_an_unknown_file_is_taken_as_it_comes(server: Server, target: Path) -> None:
    obtain(target, Expected(), [Url(server.url("/a", length=False))])
    assert target.read_bytes() == CONTENT


def test_a_cut_connection_is_resumed_where_it_ended(server: Server, target: Path) -> None:
    obtain(target, WHOLE, [Url(server.url("/a", cuts=[100_000, 200_000]))])
    assert target.read_bytes() == CONTENT
    assert [wanted for _, wanted in server.requests] == [None, "bytes=100000-", "bytes=200000-"]


def test_a_later_run_resumes(server: Server, target: Path) -> None:
    url = server.url("/a", cuts=[50_000, 0])
    with pytest.raises(DownloadError, match="cut after 50000 of 307200 bytes"):
        obtain(target, WHOLE, [Url(url)])
    assert leftovers(target) == ["a.weights.part"]
    obtain(target, WHOLE, [Url(url)])
    assert server.requests[-1] == ("/a", "bytes=50000-")
    assert target.read_bytes() == CONTENT
    assert leftovers(target) == []


def test_a_file_that_changed_meanwhile_starts_again(server: Server, target: Path) -> None:
    url = server.url("/a", content=b"x" * len(CONTENT), cuts=[50_000, 0])
    with pytest.raises(DownloadError):
        obtain(target, WHOLE, [Url(url)])
    server.url("/a")
    obtain(target, WHOLE, [Url(url)])
    assert target.read_bytes() == CONTENT


def test_a_file_of_another_length_starts_again(server: Server, target: Path) -> None:
    url = server.url("/a", content=b"x" * 400_000, cuts=[50_000, 0])
    with pytest.raises(DownloadError):
        obtain(target, Expected(), [Url(url)])
    server.url("/a")
    obtain(target, Expected(), [Url(url)])
    assert target.read_bytes() == CONTENT


def test_a_stale_part_without_validator_is_fetched_again(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("a.weights.part").write_bytes(b"x" * 1000)
    obtain(target, WHOLE, [Url(server.url("/a"))])
    assert target.read_bytes() == CONTENT
    assert [wanted for _, wanted in server.requests] == ["bytes=1000-", None]


def test_without_a_checksum_a_source_continues_its_own_part_only(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("a.weights.part").write_bytes(b"x" * 1000)
    size = Expected((len(CONTENT),))
    other, url = server.url("/b", content=b"x" * len(CONTENT), cuts=[500, 0]), server.url("/a", cuts=[9, 0])
    with pytest.raises(DownloadError):
        obtain(target, size, [Url(other), Url(url)])
    obtain(target, size, [Url(url)])
    assert target.read_bytes() == CONTENT
    assert server.requests[2:] == [("/a", None), ("/a", "bytes=9-"), ("/a", "bytes=9-")]
    assert leftovers(target) == []


def test_without_checksum_and_size_a_later_run_starts_anew(server: Server, target: Path) -> None:
    url = server.url("/a", content=b"x" * 1000, cuts=[500, 0])
    with pytest.raises(DownloadError):
        obtain(target, Expected(), [Url(url)])
    server.url("/a", content=b"y" * 1000)
    obtain(target, Expected(), [Url(url)])
    assert target.read_bytes() == b"y" * 1000


def test_a_part_that_is_already_whole_needs_no_server(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("a.weights.part").write_bytes(CONTENT)
    obtain(target, WHOLE, [Url(server.url("/a"))])
    assert target.read_bytes() == CONTENT
    assert server.requests == []


def test_a_server_that_ignores_range(server: Server, target: Path) -> None:
    obtain(target, WHOLE, [Url(server.url("/a", ranges=False, cuts=[100_000]))])
    assert target.read_bytes() == CONTENT


def test_a_server_that_resumes_elsewhere(server: Server, target: Path) -> None:
    with pytest.raises(DownloadError, match="resumes at another place"):
        obtain(target, WHOLE, [Url(server.url("/a", resumes_at=7, cuts=[100_000, 200_000, 1000, 0]))])
    assert not target.exists()


def test_the_next_source_continues_what_the_first_began(server: Server, target: Path) -> None:
    urls = [server.url("/one", cuts=[90_000, 0]), server.url("/two")]
    obtain(target, WHOLE, [Url(url) for url in urls])
    assert target.read_bytes() == CONTENT
    assert server.requests[-1] == ("/two", "bytes=90000-")


def test_the_next_source_does_not_suffer_from_a_wrong_beginning(server: Server, target: Path) -> None:
    wrong = server.url("/one", content=b"x" * len(CONTENT), cuts=[90_000, 0])
    obtain(target, WHOLE, [Url(wrong), Url(server.url("/two"))])
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"status": 404}, "HTTP 404"),
        ({"status": 503}, "HTTP 503"),
        ({"content": CONTENT[:-1] + b"x"}, f"expected sha256 {SHA256}, found "),
        ({"content": CONTENT[:-1]}, "offers 307199 bytes, expected 307200"),
        ({"content": CONTENT[:-1], "length": False}, "expected 307200 bytes, found 307199"),
        ({"content": CONTENT + b"x", "length": False}, "sends more than the expected 307200 bytes"),
        ({"claims": 307_201}, "offers 307201 bytes"),
        ({"claims": 307_199}, "offers 307199 bytes"),
        ({"type": "text/html"}, "web page"),
    ],
)
def test_a_failing_source_is_reported_and_the_next_one_tried(
    server: Server, target: Path, fault: dict[str, Any], reason: str
) -> None:
    bad = server.url("/bad", **fault)
    with pytest.raises(DownloadError) as caught:
        obtain(target, WHOLE, [Url(bad)])
    message = str(caught.value)
    assert f"{bad}: " in message
    assert reason in message
    assert f"put it at {target}" in message
    assert f"pydarknet weights verify {target}" in message
    assert leftovers(target) == []
    assert not target.exists()
    obtain(target, WHOLE, [Url(bad), Url(server.url("/good"))])
    assert target.read_bytes() == CONTENT


def test_a_length_that_lies_is_a_cut(server: Server, target: Path) -> None:
    with pytest.raises(DownloadError, match="cut after 307200 of 400000"):
        obtain(target, Expected(), [Url(server.url("/a", claims=400_000, ranges=False))])
    assert not target.exists()


def test_a_silent_server(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    release = threading.Event()
    try:
        with pytest.raises(DownloadError, match=r"no answer within 0\.2 s"):
            obtain(target, WHOLE, [Url(server.url("/a", hang=release))])
    finally:
        release.set()


def test_nobody_there(target: Path) -> None:
    with pytest.raises(DownloadError, match="refused"):
        obtain(target, WHOLE, [Url("http://127.0.0.1:9/a")])


def test_pieces_are_joined_and_resumed(server: Server, target: Path) -> None:
    one = server.url("/xaa", content=CONTENT[:200_000], cuts=[150_000])
    two = server.url("/xab", content=CONTENT[200_000:], cuts=[50_000, 0])
    pieces = Url(one, two, lengths=[200_000])
    with pytest.raises(DownloadError, match="cut after 50000 of 107200"):
        obtain(target, WHOLE, [pieces])
    obtain(target, WHOLE, [pieces])
    assert target.read_bytes() == CONTENT
    assert server.requests == [
        ("/xaa", None),
        ("/xaa", "bytes=150000-"),
        ("/xab", None),
        ("/xab", "bytes=50000-"),
        ("/xab", "bytes=50000-"),
    ]


def test_pieces_without_a_checksum(server: Server, target: Path) -> None:
    urls = (
        server.url("/xaa", content=CONTENT[:200_000]),
        server.url("/xab", content=CONTENT[200_000:], cuts=[9, 0]),
    )
    only_size = Expected((len(CONTENT),))
    with pytest.raises(DownloadError):
        obtain(target, only_size, [Url(*urls, lengths=[200_000])])
    obtain(target, only_size, [Url(*urls, lengths=[200_000])])
    assert target.read_bytes() == CONTENT


def test_a_full_disk(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def full(descriptor: int, view: memoryview) -> int:
        if os.fstat(descriptor).st_size > 100_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, view[:50_000])

    monkeypatch.setattr(os, "write", full)
    url = server.url("/a")
    with pytest.raises(DownloadError, match=r"no room for a\.weights: the file needs 307200 bytes, \d+ bytes"):
        obtain(target, WHOLE, [Url(url), Url(url)])
    assert len(server.requests) == 1  # another source would not help
    assert leftovers(target) == []
    assert not target.exists()


def test_too_little_room_is_seen_before_the_first_byte(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(DownloadError, match="needs 307200 bytes, 1000 bytes are free"):
        obtain(target, Expected(), [Url(server.url("/a"))])
    assert leftovers(target) == []


def test_a_folder_that_can_not_be(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match=r"a\.weights\.part: can't be written"):
        obtain(tmp_path / "file" / "a.weights", WHOLE, [Url(server.url("/a"))])


def test_interrupted_by_the_user(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def interrupted(descriptor: int, view: memoryview) -> int:
        if os.fstat(descriptor).st_size > 100_000:
            raise KeyboardInterrupt
        return write(descriptor, view)

    url = server.url("/a")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            obtain(target, WHOLE, [Url(url)])
    kept = target.with_name("a.weights.part").stat().st_size
    assert kept > 100_000
    obtain(target, WHOLE, [Url(url)])
    assert server.requests[-1][1] == f"bytes={kept}-"
    assert target.read_bytes() == CONTENT


def test_two_at_once(server: Server, target: Path) -> None:
    with PartFile(target, WHOLE), pytest.raises(DownloadError, match="another process"):
        obtain(target, WHOLE, [Url(server.url("/a"))])


def test_what_is_said_and_when_quiet(server: Server, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad, good = server.url("/bad", status=404), server.url("/good")
    obtain(target, WHOLE, [Url(bad), Url(good)])
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        f"pydarknet: a.weights: from {bad}",
        "pydarknet: a.weights: HTTP 404 Not Found",
        f"pydarknet: a.weights: from {good}",
    ]
    target.unlink()
    obtain(target, WHOLE, [Url(good)], quiet=True)
    assert capsys.readouterr() == ("", "")


PLANTED = {
    "link": lambda path, victim: path.symlink_to(victim),
    "endless": lambda path, victim: path.symlink_to("/dev/zero"),
    "full": lambda path, victim: path.symlink_to("/dev/full"),
    "folder": lambda path, victim: path.mkdir(),
    "pipe": lambda path, victim: os.mkfifo(path),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_others_put_at_the_place_of_the_part(kind: str, server: Server, target: Path, tmp_path: Path) -> None:
    """In a folder that many may write to."""
    target.parent.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    PLANTED[kind](target.with_name("a.weights.part"), victim)
    with pytest.raises(DownloadError, match=r"a\.weights\.part: can't be written: "):
        obtain(target, WHOLE, [Url(server.url("/a"))], True)
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("length", ["²", "9" * 5000, "-5", "many"])
def test_a_length_that_is_none(length: str, server: Server, target: Path) -> None:
    obtain(target, WHOLE, [Url(server.url("/a", length=length))], True)
    assert target.read_bytes() == CONTENT


def test_a_place_that_is_none(server: Server, target: Path) -> None:
    with pytest.raises(DownloadError, match="sends a part without saying which"):
        obtain(target, WHOLE, [Url(server.url("/a", cuts=[100_000], resumes_at="9" * 5000))], True)
