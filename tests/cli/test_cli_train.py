"""The commands that train."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest

from pydarknet import Network, Trainer
from pydarknet.cli.main import main
from pydarknet.formats.weights import read_header
from pydarknet.train.names import backbone_layers
from tests.lib.toy_training import make


@pytest.mark.parametrize("command", [["train"], ["detector", "train"]])
def test_a_detector(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    data, cfg = make(tmp_path)
    log = tmp_path / "log.csv"
    words = [str(data), str(cfg), "--max-batches", "4", "--log", str(log), "--dialect", "alexeyab"]
    assert main([*command, *words]) == 0
    out, errors = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 4 * 3
    assert lines[-1].startswith("4: ")
    assert lines[0].startswith("Region Avg IOU: ")
    assert "dialect alexeyab" in errors
    assert "batch 4, subdivisions 2, size 32 x 32; steps rate 0.01, momentum 0.9" in errors
    assert len(log.read_text().splitlines()) == 5
    assert read_header(tmp_path / "backup" / "toy_final.weights").seen == 16
    assert cv2.imread(str(tmp_path / "backup" / "chart_toy.png")) is not None
    assert "polyline" in (tmp_path / "backup" / "chart_toy.svg").read_text()


def test_a_classifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, cfg = make(tmp_path)
    assert main(["classifier", "train", str(data), str(cfg.parent / "classifier.cfg"), "--max-batches", "3"]) == 0
    assert capsys.readouterr().out.startswith("1: ")
    assert (tmp_path / "backup" / "classifier_final.weights").exists()


def test_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, cfg = make(tmp_path)
    assert main(["train", str(data), str(cfg), "--max-batches", "2", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_brief(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line with each backup and what is measured; at the end the commands that go on from there, which work."""
    data, cfg = make(tmp_path)
    data.write_text(data.read_text() + f"valid = {tmp_path}/train.txt\n")
    words = ["train", str(data), str(cfg), "--max-batches", "5", "--save-every", "2", "--brief", "--map-every", "3"]
    assert main(words) == 0
    out, errors = capsys.readouterr()
    lines = [line.partition(":")[0].partition("(")[0].strip() for line in out.splitlines()]
    assert lines == ["2", "mean_average_precision", "4", "5", "mean_average_precision"]
    assert "mAP@0.50 of the valid list every 3 iterations, from 3 on, and at the end" in errors
    commands = [
        line.partition(": pydarknet ")[2] for line in errors.splitlines() if line.startswith("pydarknet: to ")
    ]
    assert len(commands) == 2
    assert main(commands[0].split()) == 0
    score = out.splitlines()[-1].split(" = ")[1][:6]
    found, said = capsys.readouterr()
    assert f"(mAP@0.50) = {score}" in found
    assert "trained with" not in said
    assert main([*commands[0].removesuffix(" --fit stretch").split(), "--quiet"]) == 0
    assert main(commands[0].removesuffix(" --fit stretch").split()) == 0
    assert "trained with dialect paper2017, which has images by stretch, here by letterbox" in capsys.readouterr().err
    assert main([*commands[1].replace("IMAGE", str(tmp_path / "images" / "dark1.png")).split(), "--no-draw"]) == 0


def test_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, cfg = make(tmp_path)
    words = ["train", str(data), str(cfg), "--max-batches", "2", "--no-chart"]
    assert main(words) == 0
    assert main([*words, "--resume"]) == 2
    assert "nothing to do" in capsys.readouterr().err


def test_no_time_to_train(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, cfg = make(tmp_path)
    assert main(["train", str(data), str(cfg), "--max-hours", "0"]) == 2
    assert "--max-hours: expected a number above 0 to 1e+06, found '0'" in capsys.readouterr().err
    assert not (tmp_path / "backup" / "toy.backup").exists()
    assert main(["train", str(data), str(cfg), "--max-hours", "1e-12"]) == 0
    assert "stopped at iteration 0, before any was trained, saved" in capsys.readouterr().err


def test_bad_input_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, cfg = make(tmp_path)
    (tmp_path / "labels" / "dark1.txt").unlink()
    assert main(["train", str(data), str(cfg)]) == 2
    assert "dark1.png has no label file" in capsys.readouterr().err
    assert main(["train", str(data), str(cfg), "--no-labels-is-background", "--max-batches", "1"]) == 0
    assert main(["train", str(data), str(cfg), "--dialect", "paper2018"]) == 2
    assert "did you mean" in capsys.readouterr().err


def started(folder: Path, hangup: Any = signal.SIG_DFL) -> subprocess.Popen[str]:
    """A training of a minute, in its sixth iteration; `hangup` is what it finds SIGHUP to do."""

    def prepare() -> None:
        signal.signal(signal.SIGHUP, hangup)
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # which a shell ignores for jobs in the background

    data, cfg = make(folder)
    words = [sys.executable, "-m", "pydarknet", "train", str(data), str(cfg), "--max-batches", "1000000"]
    words += ["--max-hours", "0.017"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=prepare)
    assert process.stdout is not None
    while not (line := process.stdout.readline()).startswith("5: "):
        assert line, "it ended by itself"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
@pytest.mark.slow
def test_signals_save(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, docker stop, a closed terminal (which sends SIGHUP twice, from the shell and the kernel)."""
    process = started(tmp_path)
    for _ in range(1 if number == signal.SIGINT else 2):
        process.send_signal(number)
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        out, errors = process.stdout.read(), process.stderr.read()
    assert process.returncode == 128 + number, errors
    seen = [int(line.split()[-2]) for line in out.splitlines() if line.endswith("images")]
    assert read_header(tmp_path / "backup" / "toy.backup").seen == (seen[-1] if seen else 5 * 4)
    assert (tmp_path / "backup" / "toy.state.npz").exists()
    assert "--resume goes on" in errors


@pytest.mark.slow
def test_nohup(tmp_path: Path) -> None:
    """A SIGHUP that was ignored at the start stays ignored."""
    process = started(tmp_path, signal.SIG_IGN)
    process.send_signal(signal.SIGHUP)
    assert process.stdout is not None
    while not (line := process.stdout.readline()).startswith("20: "):
        assert line, "it ended"
    process.terminate()
    process.communicate(timeout=60)


@pytest.mark.slow
def test_a_reader_that_leaves_ends_no_training(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    words = [sys.executable, "-m", "pydarknet", "train", str(data), str(cfg), "--max-batches", "30"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0, errors
    assert errors.count("warning: standard output: Broken pipe; nothing more is printed there, training goes on") == 1
    assert read_header(tmp_path / "backup" / "toy_final.weights").seen == 30 * 4


@pytest.mark.slow
def test_a_full_disk_under_standard_output_ends_no_training(tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    words = [sys.executable, "-m", "pydarknet", "train", str(data), str(cfg), "--max-batches", "3"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    assert "warning: standard output: No space left on device; nothing more is printed" in done.stderr
    assert read_header(tmp_path / "backup" / "toy_final.weights").seen == 3 * 4


@pytest.mark.slow
def test_a_backbone_is_cut_by_its_name_from_python_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, cfg = make(tmp_path)
    Network(cfg, seed=3).save_weights(tmp_path / "toy.conv.1", cutoff=1)
    with Trainer(cfg, data, weights=tmp_path / "toy.conv.1", max_batches=1) as trainer:
        first = trainer.engine.layers[0].parameters["weights"].copy()
    assert (first == Network(cfg, seed=3).layers[0].parameters["weights"]).all()


def test_backbones_by_name() -> None:
    assert backbone_layers("darknet19_448.conv.23") == 23
    assert backbone_layers("yolov2.weights") is None
    assert backbone_layers(None) is None
