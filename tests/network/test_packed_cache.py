"""Packed weights kept beside the weights file: the next network maps them, and never those of anything else."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.layers.convolutional import Convolution
from tests.lib import cli_nets, nets


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A cfg and weights."""
    return nets.write(tmp_path, size=64)


def output(net: Network) -> Any:
    return net.forward(nets.batch(net))


def cache_of(weights: Path, precision: str = "fp32") -> Path:
    (found,) = weights.parent.glob(f"small.weights.*-{precision}.packed")
    return found


def pack_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def pack(*_: Any) -> Any:
        raise AssertionError("packed anew")

    monkeypatch.setattr(Convolution, "packed_by_filters", pack)


def owner(array: Any) -> Any:
    while isinstance(array, (np.ndarray, memoryview)):
        array = array.base if isinstance(array, np.ndarray) else array.obj
    return array


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_the_next_network_maps_what_the_first_has_packed(
    files: tuple[Path, Path], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = output(Network(*files, precision=precision))
    assert not list(files[1].parent.glob("*.packed"))
    np.testing.assert_array_equal(output(Network(*files, precision=precision, packed_cache=True)), expected)
    written = cache_of(files[1], precision).stat().st_ino
    pack_nothing(monkeypatch)
    net = Network(*files, precision=precision, packed_cache=True)
    np.testing.assert_array_equal(output(net), expected)
    mapped = [value[1] for value in net._constants.values() if isinstance(value, tuple)]
    assert mapped
    assert all(isinstance(owner(array), mmap.mmap) for array in mapped)
    assert cache_of(files[1], precision).stat().st_ino == written
    assert net.warnings == []


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 4)


def lengthened(file: Path) -> None:
    file.write_bytes(file.read_bytes() + bytes(4))


def changed(at: int) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        content = bytearray(file.read_bytes())
        content[at] ^= 1
        file.write_bytes(content)

    return change


def other(key: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        start, found, end = file.read_bytes().partition(f'"{key}": '.encode())
        assert found
        file.write_bytes(start + found + end[:1] + (b"1" if end[1:2] == b"0" else b"0") + end[2:])

    return change


def listed(text: bytes) -> Callable[[Path], None]:
    """The list of arrays is something else."""

    def change(file: Path) -> None:
        start, found, end = file.read_bytes().partition(b'"arrays": ')
        assert found
        file.write_bytes(
            start + found + text + b"}" + b" " * (end.index(b"}") - len(text)) + end[end.index(b"}") + 1 :]
        )

    return change


def empty(file: Path) -> None:
    file.write_bytes(b"")


def other_start(file: Path) -> None:
    file.write_bytes(b"[net]\n" * 100)


def long_header(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:12] + b"\xff\xff\xff\xff" + content[16:])


def deep_header(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:12] + (100_000).to_bytes(4, "little") + b"[" * 100_000)


def link(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to(file.with_name("elsewhere"))


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


DAMAGES = {
    "cut": cut, "longer": lengthened, "a bit of the last array": changed(-1), "a bit of the start": changed(0),
    "of a later version": changed(8), "of other weights": other("weights"), "of another cfg": other("cfg"),
    "of another build": other("packed by"), "no list": listed(b"1"), "no entries": listed(b"[1]"),
    "none": listed(b"[]"), "no names": listed(b"[[1,2,3]]"), "below 0": listed(b'[["a",-1,""]]'),
    "too long": listed(b'[["a",99999999,""]]'),
    "a fraction": listed(b'[["a",1.5,""]]'), "empty": empty, "another file": other_start,
    "a header beyond the end": long_header, "a deep header": deep_header, "a link": link, "a pipe": pipe,
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_or_foreign_cache_is_made_anew(
    files: tuple[Path, Path], damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = output(Network(*files, packed_cache=True))
    file = cache_of(files[1])
    whole = file.read_bytes()
    damage(file)
    net = Network(*files, packed_cache=True)
    assert net._packed is not None
    assert not net._packed.known
    np.testing.assert_array_equal(output(net), expected)
    assert net.warnings == []
    assert file.read_bytes() == whole
    assert not file.is_symlink()
    pack_nothing(monkeypatch)
    np.testing.assert_array_equal(output(Network(*files, packed_cache=True)), expected)


def test_other_weights_of_the_same_name_are_packed(files: tuple[Path, Path]) -> None:
    output(Network(*files, packed_cache=True))
    status = files[1].stat()
    nets.network(size=64, seed=5).save_weights(files[1])
    os.utime(files[1], ns=(status.st_atime_ns, status.st_mtime_ns))
    expected = output(Network(*files))
    for _ in range(2):
        np.testing.assert_array_equal(output(Network(*files, packed_cache=True)), expected)


def test_another_size_adds_to_the_cache(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    net = Network(*files, packed_cache=True)
    small = output(net)
    net = Network(*files, packed_cache=True)
    net.resize(416, 416)
    large = output(net)
    pack_nothing(monkeypatch)
    net = Network(*files, packed_cache=True)
    np.testing.assert_array_equal(output(net), small)
    net = Network(*files, packed_cache=True)
    net.resize(416, 416)
    np.testing.assert_array_equal(output(net), large)


def test_parameters_that_have_changed_are_packed_and_not_kept(files: tuple[Path, Path]) -> None:
    output(Network(*files, packed_cache=True))
    whole = cache_of(files[1]).read_bytes()
    net, plain = Network(*files, packed_cache=True), Network(*files)
    for each in (net, plain):
        each.layers[0].parameters["weights"] = each.layers[0].parameters["weights"] * 2
        each.parameters_changed()
    np.testing.assert_array_equal(output(net), output(plain))
    assert cache_of(files[1]).read_bytes() == whole


def test_what_hinders_the_cache_is_said_once(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = output(Network(*files))
    monkeypatch.setattr(os, "access", lambda *_: False)
    net = Network(*files, packed_cache=True)
    np.testing.assert_array_equal(output(net), expected)
    (warning,) = net.warnings
    assert "the folder can't be written to" in warning
    assert not list(files[1].parent.glob("*.packed"))


def test_a_cache_that_cannot_be_written_is_one_warning(files: tuple[Path, Path]) -> None:
    output(Network(*files, packed_cache=True))
    file = cache_of(files[1])
    file.unlink()
    file.mkdir()
    (file / "something").touch()
    net = Network(*files, packed_cache=True)
    expected = output(Network(*files))
    for batch in (1, 2):
        net.forward(nets.batch(net, batch))
    np.testing.assert_array_equal(output(net), expected)
    (warning,) = net.warnings
    assert str(file) in warning


def test_nothing_is_kept_of_part_of_a_file(files: tuple[Path, Path]) -> None:
    for keywords in ({"cutoff": 1}, {"allow_nan": True}):
        net = Network(*files, packed_cache=True, **keywords)  # type: ignore[arg-type]
        output(net)
        (warning,) = net.warnings
        assert "only if all layers are read" in warning
    assert not list(files[1].parent.glob("*.packed"))


def test_the_command_line_keeps_them(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = cli_nets.write_picture(files[1].parent / "a.png")
    words = ["detect", *files, picture, "--no-draw", "-thresh", ".01"]
    plain = cli_nets.call(capsys, *words)
    assert plain.code == 0
    assert cli_nets.call(capsys, *words, "--packed-cache").results == plain.results
    pack_nothing(monkeypatch)
    again = cli_nets.call(capsys, *words, "--packed-cache")
    assert (again.results, again.err) == (plain.results, plain.err)
    cache_of(files[1]).unlink()
    monkeypatch.undo()
    monkeypatch.setattr(os, "access", lambda *_: False)
    hindered = cli_nets.call(capsys, *words, "--packed-cache")
    assert hindered.results == plain.results
    assert hindered.err.count("warning: ") == 1
