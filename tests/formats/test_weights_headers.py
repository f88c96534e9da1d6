"""Headers of weights files: their widths, versions and counts of images."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pydarknet.errors import WeightsError
from pydarknet.formats.weights import load_weights, read_header, save_weights
from tests.lib.weights_files import FLOATS, counting, header_bytes, small_net, write

OTHER_WIDTHS = {
    "five int32 of PyTorch's ports": struct.pack("<5i", 0, 0, 0, 64, 0),
    "five int32, version 0.1": struct.pack("<5i", 0, 1, 0, 64, 0),
    "a Darknet of 32 bits": struct.pack("<4i", 0, 2, 0, 64),
    "a Darknet of 32 bits, version 1": struct.pack("<4i", 1, 0, 0, 64),
}


@pytest.mark.parametrize("program", OTHER_WIDTHS)
@pytest.mark.parametrize("cutoff", [None, 1])
def test_a_header_of_another_width(program: str, cutoff: int | None, tmp_path: Path) -> None:
    start = OTHER_WIDTHS[program]
    (tmp_path / "a.weights").write_bytes(start + counting().astype("<f4").tobytes())
    layers, expected = small_net(), small_net()
    result = load_weights(tmp_path / "a.weights", layers, cutoff)
    load_weights(write(tmp_path / "b.weights", counting()), expected, cutoff)
    for layer, other in zip(layers, expected, strict=True):
        assert {k: v.tolist() for k, v in layer.parameters.items()} == {
            k: v.tolist() for k, v in other.parameters.items()
        }
    assert (result.header.size, result.header.seen) == (len(start), 64)
    assert f"a header of {len(start)} bytes where version" in result.warnings[0]
    assert len(result.warnings) == 1


@pytest.mark.parametrize("size", [0, 1])
def test_a_backbone_with_a_header_of_another_width(size: int, tmp_path: Path) -> None:
    """The file has the layers before the cutoff, and no others."""
    layers = small_net()
    count = sum(record.size for record in layers[0].records)
    start = list(OTHER_WIDTHS.values())[2 * size]
    (tmp_path / "a.weights").write_bytes(start + counting(count).astype("<f4").tobytes())
    assert load_weights(tmp_path / "a.weights", layers, 1).header.size == len(start)
    assert layers[0].parameters["biases"].tolist() == [1, 2, 3, 4]


def test_four_bytes_too_many_or_too_few_are_no_header(tmp_path: Path) -> None:
    more = write(tmp_path / "more.weights", counting(), (0, 0, 0), b"abcd")
    assert "4 bytes follow the last layer" in load_weights(more, small_net()).warnings[0]
    cut = write(tmp_path / "cut.weights", counting(FLOATS - 1))
    with pytest.raises(WeightsError, match="ends in layer 3"):
        load_weights(cut, small_net())
    lucky = write(tmp_path / "lucky.weights", [0.0, *counting(FLOATS)], (0, 0, 0))
    assert "a header of 20 bytes" in load_weights(lucky, small_net()).warnings[0]


@pytest.mark.parametrize(
    ("version", "size", "transposed"),
    [
        ((0, 1, 0), 16, False),
        ((0, 0, 7), 16, False),
        ((0, 2, 0), 20, False),
        ((0, 2, 5), 20, False),
        ((1, 0, 0), 20, False),
        ((999, 999, 0), 20, False),
        ((1000, 0, 0), 16, False),
        ((1001, 0, 0), 16, True),
        ((0, 1001, 0), 16, True),
    ],
)
def test_header(version: tuple[int, int, int], size: int, transposed: bool, tmp_path: Path) -> None:
    path = write(tmp_path / "a.weights", [], version)
    header = read_header(path)
    assert (header.major, header.minor, header.revision) == version
    assert (header.seen, header.size, header.transposed) == (64, size, transposed)
    assert size == path.stat().st_size


def test_seen_beyond_32_bits(tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    save_weights(path, [], seen=(1 << 40) + 7)
    assert read_header(path).seen == (1 << 40) + 7
    save_weights(path, [], seen=(1 << 40) + 7, version=(0, 1, 0))
    assert read_header(path).seen == 7


def test_the_transposed_files_of_2013_begin_with_floats(tmp_path: Path) -> None:
    path = tmp_path / "old.weights"
    path.write_bytes(struct.pack("<3fi", 0.001, 0.9, 0.0005, 1234))
    assert (read_header(path).transposed, read_header(path).seen) == (True, 1234)


@pytest.mark.parametrize("length", [0, 1, 11, 15, 19])
def test_header_cut_short(length: int, tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    path.write_bytes(header_bytes()[:length])
    with pytest.raises(WeightsError, match="expected a header of 16 or 20 bytes"):
        read_header(path)
    with pytest.raises(WeightsError, match="expected a header of 16 or 20 bytes"):
        load_weights(path, [])


@pytest.mark.parametrize("start", [b"<!DOCTYPE html><html>", b"PK\x03\x04" + bytes(range(200, 220)), b"\xff" * 32])
def test_something_else(start: bytes, tmp_path: Path) -> None:
    path = tmp_path / "page.weights"
    path.write_bytes(start)
    with pytest.raises(WeightsError, match=r"page\.weights: is not a weights file; it starts with b"):
        load_weights(path, small_net())


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (b"\n<html><title>Quota exceeded", "a server's answer"),
        (b"404: Not Found", "a server's answer"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"PK\x03\x04" + bytes(range(200, 220)), "an archive"),
        (b"\xff\xd8\xff\xe0" + bytes(range(100, 120)), "the right order"),
    ],
)
def test_what_came_in_place_of_weights_is_said(start: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "page.weights"
    path.write_bytes(start)
    with pytest.raises(WeightsError, match=told):
        read_header(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.weights", tmp_path, f"{tmp_path}/nul\0byte"):
        for read in (read_header, lambda path: load_weights(path, [])):
            with pytest.raises(WeightsError, match="can't read the weights"):
                read(path)
