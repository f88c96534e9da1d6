"""Texts written and judged by Debian's program and by ours, letter by letter, from the same weights and seed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pydarknet.cli.main import main
from pydarknet.network import Network

from .oracle_library import PROGRAM
from .public_cfgs import fill

CFG = """[net]
inputs=256
batch=1
time_steps=1
[rnn]
output=24
activation=leaky
batch_normalize=1
[gru]
output=17
tanh=1
[lstm]
output=20
[connected]
output=256
activation=linear
[softmax]
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "a.cfg").write_text(CFG)
    net = Network(tmp_path / "a.cfg", dialect="darknet2018")
    fill(net)
    net.layers[3].parameters["weights"] *= 4  # some letters are likelier
    net.save_weights(tmp_path / "a.weights")
    return [str(tmp_path / "a.cfg"), str(tmp_path / "a.weights")]


@pytest.mark.parametrize(
    "options", ["-len 300 -srand 1 -temp .7", "-len 300 -srand 77 -temp .3 -seed Once", "-srand 0 -temp 2 -len 7"]
)
def test_letter_by_letter(files: list[str], options: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    command = ["rnn", "generate", *files, *options.split()]
    theirs = subprocess.run([PROGRAM, *command], capture_output=True, check=True).stdout
    assert main([*command, "--quiet"]) == 0
    assert capfdbinary.readouterr().out == theirs
    assert len(set(theirs)) > 5


def test_tokens_by_name(files: list[str], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (tmp_path / "names").write_text("".join(f"word{i}\n" if i % 9 else "<NEWLINE>\n" for i in range(256)))
    command = ["rnn", "generate", *files, "-len", "50", "-srand", "3", "-tokens", str(tmp_path / "names")]
    theirs = subprocess.run([PROGRAM, *command], capture_output=True, check=True).stdout
    assert main([*command, "--quiet"]) == 0
    assert capfdbinary.readouterr().out == theirs


def test_a_text_judged(files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                       capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    text = tmp_path / "a.txt"
    text.write_text("It was the best of times,\nit was the worst of times.\n")
    command = ["rnn", "valid", *files]
    with text.open("rb") as file:
        theirs = subprocess.run([PROGRAM, *command], stdin=file, capture_output=True, check=True).stdout
    with text.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert main([*command, "--quiet"]) == 0
    ours = capfd.readouterr().out.splitlines()
    lines = theirs.decode().splitlines()
    assert len(ours) == len(lines) == len(text.read_text()) - 1
    for line, other in zip(ours, lines, strict=True):
        assert line.split()[:2] == other.split()[:2]
        for a, b in zip(line.split()[2::2], other.split()[2::2], strict=True):
            assert a == b or abs(float(a) / float(b) - 1) < 1e-4
