"""The catalogue and the command on it: what is published, where it is put and found, how it is verified."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
from pathlib import Path

import pytest

from pydarknet import catalog
from pydarknet.catalog import Cut, Entry, table
from pydarknet.catalog.download import Url
from pydarknet.cli.commands import weights as command
from pydarknet.errors import DataError, DownloadError, WeightsError
from pydarknet.formats import resources
from pydarknet.formats.cfg import parse_cfg
from tests.lib.file_server import CONTENT, Server


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
        assert each.kind in {"weights", "backbone", "image"}
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
            channels //= section.int_("groups", 1)
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
        *("yolov4", "yolov4-tiny", "yolov7", "yolov7-tiny", "yolov4.conv.137", "yolov4-tiny.conv.29"),
        *("yolov7.conv.132", "yolov7-tiny.conv.87"),
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
    monkeypatch.setattr(catalog, "share", lambda: tmp_path)  # a checkout's weights/ may hold fetched ones
    assert catalog.cache_folder() is None
    assert catalog.default_folder() == Path("weights")
    with pytest.raises(WeightsError, match=r"tried yolov3-tiny, weights.yolov3-tiny\.weights, .*; to fetch it"):
        catalog.find_weights("yolov3-tiny")


def test_a_device_is_no_file_of_the_catalogue(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a device"):
        catalog.identify(Path("/dev/zero"))
