"""Weight surgery against Debian's program: the same commands on the same files write the same weights."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.cli.main import main
from pydarknet.formats.weights import read_header

from .oracle_library import PROGRAM

CFG = """[net]
width=12
height=12
channels=3
[convolutional]
{first}filters=6
size=3
pad=1
activation=leaky
[maxpool]
size=2
stride=2
[convolutional]
batch_normalize=1
filters=8
size=3
pad=1
activation=leaky
[connected]
{last}output=5
activation=linear
[softmax]
"""
PLAIN = CFG.format(first="", last="")
NORMAL = CFG.format(first="batch_normalize=1\n", last="batch_normalize=1\n")


def make(folder: Path, cfg: str, seeds: int = 1) -> None:
    """net.cfg and 0.weights, 1.weights ... with variances of at least .5."""
    (folder / "net.cfg").write_text(cfg)
    for seed in range(seeds):
        net, rng = Network(folder / "net.cfg", seed=seed), np.random.default_rng(seed)
        for layer in net.layers:
            for name, values in layer.parameters.items():
                if name != "weights":
                    low = 0.5 if name in ("scales", "rolling_variance") else -0.5
                    values[...] = rng.random(values.shape, np.float32) + np.float32(low)
        net.seen = 1000 + seed
        net.save_weights(folder / f"{seed}.weights")


def darknet(folder: Path, *words: object) -> str:
    done = subprocess.run([PROGRAM, *map(str, words)], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def both(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: object, out: str = "OUT") -> tuple[Path, Path]:
    """Run a command in both programs; `OUT` among the words is the file each writes."""
    monkeypatch.chdir(folder)
    darknet(folder, *("theirs.weights" if word == out else word for word in words))
    assert main([str("ours.weights" if word == out else word) for word in words]) == 0
    return folder / "theirs.weights", folder / "ours.weights"


def floats(path: Path) -> np.ndarray:
    return np.frombuffer(path.read_bytes()[read_header(path).size :], np.float32)


@pytest.mark.parametrize("count", [1, 3, 4])
def test_partial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    make(tmp_path, NORMAL)
    theirs, ours = both(tmp_path, monkeypatch, "partial", "net.cfg", "0.weights", "OUT", count)
    assert theirs.read_bytes() == ours.read_bytes()


def test_average(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Connected without batch norm: Darknet takes that of the first file.
    make(tmp_path, CFG.format(first="batch_normalize=1\n", last=""), 3)
    files = [f"{i}.weights" for i in range(3)]
    theirs, ours = both(tmp_path, monkeypatch, "average", "net.cfg", "OUT", *files)
    assert theirs.read_bytes() == ours.read_bytes()


def test_rgbgr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, NORMAL)
    theirs, ours = both(tmp_path, monkeypatch, "rgbgr", "net.cfg", "0.weights", "OUT")
    assert theirs.read_bytes() == ours.read_bytes()


def test_rescale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, PLAIN)
    theirs, ours = both(tmp_path, monkeypatch, "rescale", "net.cfg", "0.weights", "OUT")
    assert read_header(theirs) == read_header(ours)
    # Darknet sums 27 weights in float32.
    np.testing.assert_allclose(floats(ours), floats(theirs), rtol=0, atol=2e-6)


@pytest.mark.parametrize("command", ["denormalize", "reset"])
def test_folding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    make(tmp_path, NORMAL)
    theirs, ours = both(tmp_path, monkeypatch, command, "net.cfg", "0.weights", "OUT")
    assert read_header(theirs) == read_header(ours)
    # Darknet adds 1e-5 to variances of .5 and more here: a hundred thousandth of the scale. Biases are sums.
    np.testing.assert_allclose(floats(ours), floats(theirs), rtol=2e-5, atol=2e-5)


def test_normalize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, PLAIN)
    theirs, ours = both(tmp_path, monkeypatch, "normalize", "net.cfg", "0.weights", "OUT")
    (tmp_path / "net.cfg").write_text(NORMAL)
    for old, new in zip(Network("net.cfg", theirs).layers, Network("net.cfg", ours).layers, strict=True):
        added = old.index in (0, 3)
        for name, values in old.parameters.items():
            # Darknet's new variances are 0, which makes the network useless until it has been trained.
            expected = values + 1 if name == "rolling_variance" and added else values
            np.testing.assert_array_equal(new.parameters[name], expected)


def test_statistics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path, NORMAL)
    monkeypatch.chdir(tmp_path)
    theirs = darknet(tmp_path, "statistics", "net.cfg", "0.weights").partition("Connected Layer 3\n")[2]
    capsys.readouterr()
    assert main(["statistics", "net.cfg", "0.weights"]) == 0
    ours = capsys.readouterr().out.partition("Connected Layer 3\n")[2]
    for name in ("Scales", "Biases"):  # of the weights Darknet looks at the first few only
        line = re.compile(rf"{name} MSE: (\S+), Mean: (\S+), Variance: ([0-9.]+)")
        expected, found = (line.search(text) for text in (theirs, ours))
        assert expected is not None
        assert found is not None
        numbers = ([float(text) for text in match.groups()] for match in (found, expected))
        np.testing.assert_allclose(*numbers, rtol=0, atol=2e-6)  # six decimals, rounded


def test_answers_of_the_folded_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ours writes is the better fold: the program itself answers as before."""
    from .oracle import Oracle

    make(tmp_path, NORMAL)
    monkeypatch.chdir(tmp_path)
    assert main(["denormalize", "net.cfg", "0.weights", "out.weights", "--save-cfg", "out.cfg"]) == 0
    x = np.random.default_rng(4).random((1, 3, 12, 12), np.float32)
    with Oracle("net.cfg", "0.weights") as before, Oracle("out.cfg", "out.weights") as after:
        np.testing.assert_allclose(after.predict(x), before.predict(x), rtol=2e-5)
