"""Files of 8-bit weights: whatever their bytes are, they fit, or an error says what is wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.errors import WeightsError
from pydarknet.formats.int8 import is_int8, read_int8, write_int8
from pydarknet.quantize import quantize
from tests.lib import nets


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("int8") / "net.int8"
    quantize(nets.network(), [nets.picture()], path)
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    arrays: dict[tuple[int, str], Any] = {
        (0, "weights"): np.arange(-3, 4, dtype=np.int8),
        (7, "biases"): np.ones((2, 3), np.float32),
    }
    write_int8(tmp_path / "a", {"one": 1}, arrays)
    file = read_int8(tmp_path / "a")
    assert is_int8(tmp_path / "a")
    assert file.header == {"one": 1}
    assert {key: value.tolist() for key, value in file.arrays.items()} == {k: v.tolist() for k, v in arrays.items()}


def test_a_file_cut_short(good: Path, tmp_path: Path) -> None:
    whole, short = good.read_bytes(), tmp_path / "short.int8"
    for length in [*range(0, 64), *range(64, len(whole), 997), len(whole) - 1]:
        short.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"short\.int8"):
            Network(nets.network().cfg, short)


def test_flipped_bits_and_bytes_behind_the_end(good: Path, tmp_path: Path) -> None:
    whole, wrong = good.read_bytes(), tmp_path / "wrong.int8"
    for position in [*range(0, 200), *range(200, len(whole), 331), len(whole) - 1]:
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        wrong.write_bytes(flipped)
        with pytest.raises(WeightsError, match=r"wrong\.int8"):
            Network(nets.network().cfg, wrong)
    wrong.write_bytes(whole + b"\0")
    with pytest.raises(WeightsError, match="checksum"):
        read_int8(wrong)


def put(*keys: str | int, value: object) -> Callable[[Any], None]:
    """Sets one place of the header."""

    def change(header: Any) -> None:
        for key in keys[:-1]:
            header = header[key]
        header[keys[-1]] = value

    return change


TABLES: list[Any] = [None, [], 3, {"x": None}]
COUNTS: list[Any] = [None, -1, 1 << 64, 1.5, "1"]
PAIRS: list[Any] = [None, [], [None, None], [[1.0, 0]], [[1.0, 0], 3]]
QUANTISATIONS: list[Any] = [
    [0.0, 0], [-1.0, 0], [1e300, 0], [1, 0], [1.0, 256], [1.0, -1], [1.0, 0.5], [1.0, True], [1e-29, 0]
]  # fmt: skip
TILES: list[Any] = [3, {}, ["0"], [True], [1], [0], [99]]
NO_CONVOLUTIONS = ["1", "5", "99", "-1", "\u0663", "0" * 9]


@pytest.mark.parametrize(
    "change",
    [
        *(put(key, value=value) for key in ("convolutions", "outputs") for value in TABLES),
        *(put("seen", value=value) for value in COUNTS),
        *(put("convolutions", "0", value=value) for value in PAIRS),
        *(put("convolutions", "0", 0, value=value) for value in QUANTISATIONS),
        *(put("convolutions", index, value=[[1.0, 0], None]) for index in NO_CONVOLUTIONS),
        put("outputs", "3", value=[1.0]),
        *(put("tiles", value=value) for value in TILES),
        put("cfg", value="0"),
        put("convolutions", value={}),
    ],
)
def test_a_wrong_header_with_a_right_checksum(good: Path, tmp_path: Path, change: Callable[[Any], None]) -> None:
    file = read_int8(good)
    header = copy.deepcopy(dict(file.header))
    change(header)
    write_int8(tmp_path / "made.int8", header, file.arrays)
    with pytest.raises(WeightsError, match=r"made\.int8"):
        Network(nets.network().cfg, tmp_path / "made.int8")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ((0, "weights"), np.zeros((16, 3, 3, 2), np.int8)),
        ((0, "weights"), np.zeros((16, 3, 3, 3), np.float32)),
        ((0, "weights"), np.full((16, 3, 3, 3), -128, np.int8)),
        ((0, "scales"), np.zeros(16, np.float32)),
        ((0, "scales"), np.full(16, np.nan, np.float32)),
        ((0, "scales"), np.full(16, 1e-40, np.float32)),
        ((0, "scales"), np.full(16, 3e38, np.float32)),
        ((0, "biases"), np.full(16, np.inf, np.float32)),
        ((0, "biases"), np.full(16, 3e38, np.float32)),
        ((4, "weights"), np.full((16, 24, 1, 1), np.nan, np.float32)),
        ((4, "more"), np.zeros(1, np.float32)),
        ((9, "weights"), np.zeros(1, np.float32)),
    ],
)
def test_wrong_arrays_with_a_right_checksum(
    good: Path, tmp_path: Path, key: tuple[int, str], value: np.ndarray
) -> None:
    file = read_int8(good)
    write_int8(tmp_path / "made.int8", file.header, {**file.arrays, key: value})
    with pytest.raises(WeightsError, match=r"made\.int8"):
        Network(nets.network().cfg, tmp_path / "made.int8")


def test_a_list_of_arrays_that_lies(good: Path, tmp_path: Path) -> None:
    """Of sizes that no memory has, of types and shapes that are none."""
    import hashlib
    import json

    from pydarknet.formats.int8 import DIGEST, START

    whole = good.read_bytes()
    magic, version, length = START.unpack(whole[: START.size])
    for listed in (None, 7, [None], [[0, "a", "int8", [1 << 40]]], [[0, "a", "int8", [1 << 30] * 8]],
                   [[0, "a", "complex", [1]]], [[0, "a", [], [1]]], [["0", "a", "int8", [1]]], [[0, "a", "int8", []]],
                   [[0, "a", "int8", [0]]], [[0, "a", "int8", [1.0]]], [[0, "a", "int8", [1] * 60]]):  # fmt: skip
        header = json.loads(whole[START.size : START.size + length])
        text = json.dumps({**header, "arrays": listed}).encode()
        made = START.pack(magic, version, len(text)) + text + whole[START.size + length : -DIGEST]
        (tmp_path / "made.int8").write_bytes(made + hashlib.sha256(made).digest())
        with pytest.raises(WeightsError, match=r"made\.int8"):
            Network(nets.network().cfg, tmp_path / "made.int8")
    for text in (b"[" * 100_000, b"\xff", b"[]", b"", b'{"a": NaN', b"{}"):
        made = START.pack(magic, version, len(text)) + text
        (tmp_path / "made.int8").write_bytes(made + hashlib.sha256(made).digest())
        with pytest.raises(WeightsError, match=r"made\.int8"):
            read_int8(tmp_path / "made.int8")


def test_a_later_version_says_so(good: Path, tmp_path: Path) -> None:
    whole = bytearray(good.read_bytes())
    whole[8] = 2
    (tmp_path / "later.int8").write_bytes(whole)
    with pytest.raises(WeightsError, match="version 2, expected 1"):
        read_int8(tmp_path / "later.int8")


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(WeightsError, match="can't write"):
        quantize(nets.network(), [nets.picture()], tmp_path / "folder")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
