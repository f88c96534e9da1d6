"""`pydarknet quantize`, and other commands on what it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lib import nets
from tests.lib.cli_nets import call, write_picture


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """In a folder with a network and images."""
    nets.write(tmp_path)
    (tmp_path / "photos").mkdir()
    for seed in range(3):
        write_picture(tmp_path / "photos" / f"{seed}.png", seed=seed)
    monkeypatch.chdir(tmp_path)
    return lambda *words: call(capsys, *words)


FILES = ("small.cfg", "small.weights")


def test_quantize_and_detect(cli) -> None:
    made = cli("quantize", *FILES, "--images", "photos")
    assert (made.code, Path("small.int8").exists()) == (0, True)
    assert "2 layers in 8 bits, 1 in floats" in made.err
    found = cli("detect", "small.cfg", "small.int8", "photos/0.png", "-thresh", "0.01", "--out", "o.png")
    assert (found.code, "weights in 8 bits" in found.err) == (0, True)
    assert "8 bits in 2 layers, made from 'small.weights', fits" in cli("info", "small.cfg", "small.int8").out
    assert "8-bit weights" in cli("weights", "verify", "small.int8").out


def test_tiles_are_counted(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("--images", "photos", "--out", "x", "--quick", "--tiles")
    assert "2 layers in 8 bits (0 of them by tiles)" in cli("quantize", *FILES, *words).err
    monkeypatch.setattr("pydarknet.quantize.choice.TILED", 8)
    assert "2 layers in 8 bits (1 of them by tiles)" in cli("quantize", *FILES, *words).err


def test_more_is_kept_and_less_is_looked_at(cli) -> None:
    words = ("--images", "photos/0.png", "--images", "photos", "--keep", "0, 4", "--limit", "1", "--out", "x")
    made = cli("quantize", *FILES, *words)
    assert (made.code, "1 layers in 8 bits, 2 in floats" in made.err) == (0, True)


def test_layers_are_kept_by_what_they_are_worth(cli) -> None:
    made = cli("quantize", *FILES, "--images", "photos", "--keep", "auto:1", "--out", "x", "--quick")
    assert (made.code, "2 layers in 8 bits" in made.err) == (0, False)
    made = cli("quantize", *FILES, "--images", "photos", "--keep", "wide", "--out", "x", "--quick")
    assert (made.code, "2 layers in 8 bits" in made.err) == (0, True), "none has 128 channels"
    for share in ("0", "1.5", "nan", "most"):
        refused = cli("quantize", *FILES, "--images", "photos", "--keep", f"auto:{share}")
        assert refused.code != 0
        assert "expected a share above 0 and up to 1" in refused.err


@pytest.mark.parametrize("command", ["statistics", "denormalize", "partial", "export", "doctor", "train"])
def test_commands_that_need_floats(cli, command: str) -> None:
    cli("quantize", *FILES, "--images", "photos")
    Path("train.txt").write_text("photos/0.png\n")
    Path("mine.data").write_text("classes=3\ntrain=train.txt\nnames=n\n")
    Path("n").write_text("a\nb\nc\n")
    files = ("small.cfg", "small.int8")
    words = {
        "statistics": files, "denormalize": (*files, "x.weights"), "partial": (*files, "x.weights", "2"),
        "export": (*files, "x.npz"), "doctor": ("mine.data", *files), "train": ("mine.data", *files),
    }  # fmt: skip
    result = cli(command, *words[command])
    told = result.out + result.err
    assert result.code != 0
    assert "8" in told
    assert "take the .weights file they were made from" in told
    assert not list(Path.cwd().glob("x.*"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--images", "nowhere"), "nowhere"),
        (("--images", "photos", "--keep", "1"), "layer 1 to keep in floats"),
        (("--images", "photos", "--keep", "a"), "expected numbers of layers"),
        (("--images", "photos", "--out", "small.weights"), "would replace a file that is read"),
        ((), "--images"),
    ],
)
def test_wrong_words(cli, words: tuple[str, ...], told: str) -> None:
    result = cli("quantize", *FILES, *words)
    assert result.code == 2
    assert told in result.err
    assert not Path("small.int8").exists()
