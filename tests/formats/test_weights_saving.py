"""Weights files that can't be saved, and what stays in memory of those that are loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pydarknet.errors import WeightsError
from pydarknet.formats import atomic
from pydarknet.formats.mapped import release
from pydarknet.formats.weights import load_weights, save_weights
from tests.lib.full_disk import small_files
from tests.lib.weights_files import conv, counting, header_bytes, small_net, write

# Saving


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
    with small_files(100), pytest.raises(WeightsError, match="can't write the weights: File too large"):
        save_weights(path, layers, seen=0)
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
from tests.lib.weights_files import conv
from pydarknet.formats.mapped import release
from pydarknet.formats.weights import load_weights

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
