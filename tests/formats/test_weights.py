"""Weights files: headers, order, flags, byte-for-byte round trips, and what is said about a bad file."""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pydarknet.errors import WeightsError
from pydarknet.formats import atomic
from pydarknet.formats.weights import Record, load_weights, read_header, release, save_weights


@dataclass
class FakeLayer:
    index: int
    type: str
    records: list[Record]
    parameters: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    dontload: bool = False
    dontsave: bool = False
    dontloadscales: bool = False
    numload: int = 0
    flipped: bool = False
    transposable: bool = False


def conv(index: int, filters: int, channels: int, size: int = 3, batch_norm: bool = True, **flags: Any) -> FakeLayer:
    norm = [Record(name, (filters,)) for name in ("scales", "rolling_mean", "rolling_variance") if batch_norm]
    records = [Record("biases", (filters,)), *norm, Record("weights", (filters, channels, size, size))]
    return FakeLayer(index, "convolutional", records, **flags)


def connected(index: int, outputs: int, inputs: int) -> FakeLayer:
    records = [Record("biases", (outputs,)), Record("weights", (outputs, inputs)), Record("scales", (outputs,))]
    return FakeLayer(index, "connected", records, transposable=True)


def small_net() -> list[FakeLayer]:
    return [conv(0, 4, 3), FakeLayer(1, "maxpool", []), conv(2, 5, 4, 1, batch_norm=False), connected(3, 6, 20)]


FLOATS = 4 + 3 * 4 + 4 * 27 + 5 + 5 * 4 + 6 + 6 * 20 + 6


def header_bytes(version: tuple[int, int, int] = (0, 2, 0), seen: int = 64) -> bytes:
    wide = version[0] * 10 + version[1] >= 2 and max(version[:2]) < 1000
    return struct.pack("<3iQ" if wide else "<3ii", *version, seen)


def write(path: Path, floats: npt.ArrayLike, version: tuple[int, int, int] = (0, 2, 0), tail: bytes = b"") -> Path:
    path.write_bytes(header_bytes(version) + np.asarray(floats, "<f4").tobytes() + tail)
    return path


def counting(count: int = FLOATS) -> npt.NDArray[np.float32]:
    return np.arange(1, count + 1, dtype=np.float32)


# Headers


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


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.weights", tmp_path, f"{tmp_path}/nul\0byte"):
        for read in (read_header, lambda path: load_weights(path, [])):
            with pytest.raises(WeightsError, match="can't read the weights"):
                read(path)


# Order and flags


def test_records_in_file_order(tmp_path: Path) -> None:
    layers = small_net()
    result = load_weights(write(tmp_path / "a.weights", counting()), layers)
    assert (result.loaded_layers, result.trailing_bytes, result.warnings) == (4, 0, [])
    first = layers[0].parameters
    assert list(first) == ["biases", "scales", "rolling_mean", "rolling_variance", "weights"]
    np.testing.assert_array_equal(first["biases"], [1, 2, 3, 4])
    np.testing.assert_array_equal(first["rolling_variance"], [13, 14, 15, 16])
    np.testing.assert_array_equal(first["weights"], np.arange(17, 125).reshape(4, 3, 3, 3))
    assert layers[1].parameters == {}
    np.testing.assert_array_equal(layers[3].parameters["scales"], counting()[-6:])


def test_parameters_are_readonly_views(tmp_path: Path) -> None:
    layers = small_net()
    load_weights(write(tmp_path / "a.weights", counting()), layers)
    weights = layers[0].parameters["weights"]
    assert not weights.flags.writeable
    assert not weights.flags.owndata
    assert weights.dtype == np.float32
    assert weights.flags.c_contiguous


def test_dontload_is_not_in_the_file(tmp_path: Path) -> None:
    layers = [conv(0, 2, 1, dontload=True), conv(1, 2, 2, 1, batch_norm=False)]
    load_weights(write(tmp_path / "a.weights", counting(6)), layers)
    assert layers[0].parameters == {}
    np.testing.assert_array_equal(layers[1].parameters["weights"].ravel(), [3, 4, 5, 6])


def test_dontsave_is_not_written(tmp_path: Path) -> None:
    layers = [conv(0, 2, 1, dontsave=True), conv(1, 2, 2, 1, batch_norm=False)]
    layers[1].parameters = {"biases": counting(2), "weights": counting(4).reshape(2, 2, 1, 1)}
    save_weights(tmp_path / "a.weights", layers, seen=64)
    assert (tmp_path / "a.weights").read_bytes() == header_bytes() + np.array([1, 2, 1, 2, 3, 4], "<f4").tobytes()


def test_dontloadscales(tmp_path: Path) -> None:
    layers = [conv(0, 2, 1, 1, dontloadscales=True), FakeLayer(1, "batchnorm", [Record("scales", (2,))])]
    layers[1].dontloadscales = True  # pjreddie's [batchnorm] ignores it
    load_weights(write(tmp_path / "a.weights", counting(6)), layers)
    assert list(layers[0].parameters) == ["biases", "weights"]
    np.testing.assert_array_equal(layers[0].parameters["weights"].ravel(), [3, 4])
    np.testing.assert_array_equal(layers[1].parameters["scales"], [5, 6])


@pytest.mark.parametrize("kind", ["convolutional", "conv"])
def test_numload_fills_the_first_filters(kind: str, tmp_path: Path) -> None:
    layer = conv(0, 3, 2, 1, batch_norm=False, numload=2)
    layer.type = kind
    layer.parameters["weights"] = np.full((3, 2, 1, 1), 9, np.float32)
    load_weights(write(tmp_path / "a.weights", counting(6)), [layer])
    np.testing.assert_array_equal(layer.parameters["biases"], [1, 2, 0])
    np.testing.assert_array_equal(layer.parameters["weights"].ravel(), [3, 4, 5, 6, 9, 9])


@pytest.mark.parametrize("numload", [-5, 0, 3, 100])
def test_numload_of_all_filters_or_nonsense_loads_all(numload: int, tmp_path: Path) -> None:
    layer = conv(0, 3, 2, 1, batch_norm=False, numload=numload)
    load_weights(write(tmp_path / "a.weights", counting(9)), [layer])
    np.testing.assert_array_equal(layer.parameters["weights"].ravel(), [4, 5, 6, 7, 8, 9])


def test_flipped_weights_are_stored_inputs_first(tmp_path: Path) -> None:
    layer = conv(0, 2, 3, 1, batch_norm=False, flipped=True)
    load_weights(write(tmp_path / "a.weights", counting(8)), [layer])
    np.testing.assert_array_equal(layer.parameters["weights"].reshape(2, 3), [[3, 5, 7], [4, 6, 8]])
    assert layer.parameters["weights"].flags.c_contiguous


def test_transposed_files_transpose_connected_layers_only(tmp_path: Path) -> None:
    layers = [conv(0, 2, 3, 1, batch_norm=False), connected(1, 2, 3)]
    load_weights(write(tmp_path / "a.weights", counting(8 + 10), (1001, 0, 0)), layers)
    np.testing.assert_array_equal(layers[0].parameters["weights"].reshape(2, 3), [[3, 4, 5], [6, 7, 8]])
    np.testing.assert_array_equal(layers[1].parameters["weights"], [[11, 13, 15], [12, 14, 16]])
    np.testing.assert_array_equal(layers[1].parameters["scales"], [17, 18])


# Round trips


@pytest.mark.parametrize("version", [(0, 1, 0), (0, 2, 0), (0, 2, 5), (1001, 0, 0)])
def test_round_trip_byte_for_byte(version: tuple[int, int, int], tmp_path: Path) -> None:
    layers = small_net()
    layers[2].flipped = True
    values = np.random.default_rng(3).standard_normal(FLOATS)
    values[12:16] = abs(values[12:16])
    path = write(tmp_path / "a.weights", values, version)
    header = load_weights(path, layers).header
    again = tmp_path / "b.weights"
    save_weights(again, layers, header.seen, (header.major, header.minor, header.revision))
    assert again.read_bytes() == path.read_bytes()


def test_saving_over_the_mapped_file(tmp_path: Path) -> None:
    layers = small_net()
    path = write(tmp_path / "a.weights", counting())
    before = path.read_bytes()
    load_weights(path, layers)
    save_weights(path, layers, seen=64)
    assert path.read_bytes() == before
    np.testing.assert_array_equal(layers[0].parameters["biases"], [1, 2, 3, 4])
    assert os.listdir(tmp_path) == ["a.weights"]


def test_saving_up_to_a_layer(tmp_path: Path) -> None:
    layers = small_net()
    load_weights(write(tmp_path / "a.weights", counting()), layers)
    save_weights(tmp_path / "b.weights", layers, seen=64, cutoff=2)
    assert (tmp_path / "b.weights").read_bytes() == header_bytes() + counting(124).tobytes()


# Files of the wrong length


def test_short_file_names_layer_and_record(tmp_path: Path) -> None:
    layers = small_net()
    path = write(tmp_path / "a.weights", counting(20), tail=b"xy")
    with pytest.raises(WeightsError) as caught:
        load_weights(path, layers)
    message = str(caught.value)
    assert "ends in layer 0 (convolutional), weights: expected 432 bytes, found 18;" in message
    assert f"the network needs {20 + 4 * FLOATS} bytes, the file has 102" in message
    assert "cutoff" in message
    assert all(layer.parameters == {} for layer in layers)


def test_backbone_needs_a_cutoff_and_the_error_says_which(tmp_path: Path) -> None:
    path = write(tmp_path / "a.conv.2", counting(124))
    with pytest.raises(WeightsError, match=r"ends in layer 2 \(convolutional\), biases.*cutoff=2 loads it"):
        load_weights(path, small_net())
    layers = small_net()
    result = load_weights(path, layers, cutoff=2)
    assert (result.loaded_layers, result.trailing_bytes, result.warnings) == (2, 0, [])
    assert layers[2].parameters == {}


def test_short_before_the_cutoff_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"layer 2 \(convolutional\), biases"):
        load_weights(write(tmp_path / "a.weights", counting(124)), small_net(), cutoff=3)


def test_trailing_bytes_warn_with_their_count(tmp_path: Path) -> None:
    path = write(tmp_path / "a.weights", counting(FLOATS + 2), tail=b"abc")
    result = load_weights(path, small_net())
    assert result.trailing_bytes == 11
    assert len(result.warnings) == 1
    assert "11 bytes follow the last layer" in result.warnings[0]
    assert load_weights(path, small_net(), cutoff=4).warnings == []


@pytest.mark.parametrize("cutoff", [0, -1])
def test_cutoff_of_nothing(cutoff: int, tmp_path: Path) -> None:
    layers = small_net()
    assert load_weights(write(tmp_path / "a.weights", counting(1)), layers, cutoff=cutoff).loaded_layers == 0
    assert layers[0].parameters == {}


def test_nothing_is_allocated_for_what_the_cfg_claims(tmp_path: Path) -> None:
    layer = FakeLayer(0, "convolutional", [Record("biases", (2**31 - 1,)), Record("weights", (2**31 - 1, 2**31 - 1))])
    with pytest.raises(WeightsError, match="the network needs 18446744065119617044 bytes"):
        load_weights(write(tmp_path / "a.weights", counting(4)), [layer])


# Numbers that can't be


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_names_the_layer(bad: float, tmp_path: Path) -> None:
    values = counting()
    values[130] = bad
    path = write(tmp_path / "a.weights", values)
    layers = small_net()
    with pytest.raises(
        WeightsError, match=r"layer 2 \(convolutional\), weights: 1 of 20 numbers are NaN or infinite"
    ):
        load_weights(path, layers)
    assert layers[0].parameters == {}
    result = load_weights(path, layers, allow_nan=True)
    assert ["layer 2" in warning for warning in result.warnings] == [True]
    np.testing.assert_array_equal(layers[2].parameters["weights"].ravel()[1], np.float32(bad))


def test_a_sum_that_overflows_is_no_infinity(tmp_path: Path) -> None:
    values = np.full(FLOATS, 3e38, np.float32)
    assert load_weights(write(tmp_path / "a.weights", values), small_net()).warnings == []


def test_infinities_that_cancel_are_seen(tmp_path: Path) -> None:
    values = counting()
    values[20:22] = np.inf, -np.inf
    with pytest.raises(WeightsError, match="2 of 108 numbers"):
        load_weights(write(tmp_path / "a.weights", values), small_net())


def test_a_variance_below_zero_by_underflow_is_no_hint(tmp_path: Path) -> None:
    floats = counting()
    floats[12] = -7e-44
    assert load_weights(write(tmp_path / "a.weights", floats), small_net()).warnings == []


def test_negative_variance_hints_at_another_network(tmp_path: Path) -> None:
    values = counting()
    values[13] = -1
    warnings = load_weights(write(tmp_path / "a.weights", values), small_net()).warnings
    assert len(warnings) == 1
    assert "layer 0 (convolutional), rolling_variance: negative variances" in warnings[0]


# Saving when it can't be done


def test_saving_what_is_not_there(tmp_path: Path) -> None:
    layer = conv(3, 2, 1)
    with pytest.raises(WeightsError, match=r"layer 3 \(convolutional\), biases: has no values"):
        save_weights(tmp_path / "a.weights", [layer], seen=0)
    layer.parameters["biases"] = np.zeros(7, np.float32)
    with pytest.raises(WeightsError, match=r"expected the shape \(2,\), found \(7,\)"):
        save_weights(tmp_path / "a.weights", [layer], seen=0)
    assert os.listdir(tmp_path) == []


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="can't write the weights: No such file or directory"):
        save_weights(tmp_path / "absent" / "a.weights", [], seen=0)


def test_target_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.weights").mkdir()
    with pytest.raises(WeightsError, match="can't write the weights: Is a directory"):
        save_weights(tmp_path / "a.weights", [], seen=0)
    assert os.listdir(tmp_path) == ["a.weights"]


def test_full_disk_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = write(tmp_path / "a.weights", counting())
    before = path.read_bytes()
    layers = small_net()
    load_weights(path, layers)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, old[1]))  # Python ignores SIGXFSZ, so write fails
    try:
        with pytest.raises(WeightsError, match="can't write the weights: File too large"):
            save_weights(path, layers, seen=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.weights"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.weights"
    real.write_bytes(b"old")
    (tmp_path / "link.weights").symlink_to(real)
    save_weights(tmp_path / "link.weights", [], seen=64)
    assert (tmp_path / "link.weights").is_symlink()
    assert real.read_bytes() == header_bytes()


def test_an_interrupted_write_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with atomic.replacing(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


# Memory

MEMORY = """
import sys
from pathlib import Path
import numpy as np
from tests.formats.test_weights import conv
from pydarknet.formats.weights import load_weights, release

def resident():  # kB of mapped file in memory
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssFile")))

layers = [conv(i, 1024, 512) for i in range(4)]
before = resident()
load_weights(sys.argv[1], layers)
loaded = resident()
totals = [layer.parameters["weights"].sum() for layer in layers]
read = resident()
for layer in layers:
    release(layer.parameters["weights"])
print(loaded - before, read - before, resident() - before)
assert totals == [layer.parameters["weights"].sum() for layer in layers]
"""


def test_loading_and_release_keep_little_in_memory(tmp_path: Path) -> None:
    layers = [conv(i, 1024, 512) for i in range(4)]
    for layer in layers:
        layer.parameters = {record.name: np.ones(record.shape, np.float32) for record in layer.records}
    save_weights(tmp_path / "a.weights", layers, seen=0)
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "a.weights")]
    root = Path(__file__).resolve().parents[2]
    output = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    loaded, read, released = (int(kilobytes) for kilobytes in output.split())
    whole = sum(record.size for layer in layers for record in layer.records) * 4 // 1024
    assert read > 0.9 * whole  # all of it was mapped in, or the two other lines show nothing
    assert loaded < 0.1 * whole
    assert released < 0.1 * whole


def test_release_of_other_arrays_does_nothing() -> None:
    array = np.arange(10000, dtype=np.float32)
    for view in (array, array[::2], array[:0], np.frombuffer(b"abcd", np.uint8)):
        release(view)
    np.testing.assert_array_equal(array, np.arange(10000))


def test_release_keeps_the_values(tmp_path: Path) -> None:
    layers = small_net()
    load_weights(write(tmp_path / "a.weights", counting()), layers)
    for layer in layers:
        for array in layer.parameters.values():
            release(array)
    np.testing.assert_array_equal(layers[0].parameters["weights"].ravel(), np.arange(17, 125))
