"""`precision=` of networks and trainings: what a device's convolutions round their factors to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cli_nets
import nets
import numpy as np
import pytest
import toy_training
from networks_trained import steppers, truth_of

from pydarknet import DeviceError, Network, Trainer
from pydarknet.backend import backend
from pydarknet.cfg import parse_cfg_text

NET = nets.net_text(nets.DETECTOR, 32)
# Relative errors in the norm of the output. A factor is rounded to 2**-11 (TF32 and FP16) or 2**-8 (BF16) of its
# value at most; roundings of a sum cancel in part, and a network is three convolutions. Below the lower bound
# nothing was rounded.
ERRORS = {"fp32": (0, 1e-5), "tf32": (5e-5, 2e-3), "fp16": (5e-5, 2e-3), "bf16": (5e-4, 2e-2)}


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    ops = backend("emu").ops
    before = ops.precision()
    yield
    ops.set_precision(before)


@pytest.mark.parametrize("precision", ERRORS)
def test_a_network_is_close_to_the_cpus(precision: str) -> None:
    here = Network(parse_cfg_text(NET), device="cpu", precision="fp32")
    there = Network(parse_cfg_text(NET), device="emu", precision=precision)
    x = nets.batch(here, 2, 0)
    expected = here.forward(x)
    wrong = float(np.linalg.norm(there.forward(x) - expected) / np.linalg.norm(expected))
    least, most = ERRORS[precision]
    assert least <= wrong < most


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_training_lowers_the_loss(precision: str, tmp_path: Path) -> None:
    exact, stepper = steppers("region", "paper2017", tmp_path, "cpu", "emu")
    stepper.engine.backend.set_precision(precision)
    rng = np.random.default_rng(1)
    x, truth = rng.random((2, *stepper.engine.inputs), np.float32), truth_of(stepper, rng)
    expected = sum(exact.mini(x, truth).cost for _ in range(exact.subdivisions))
    costs = []
    for _ in range(4):
        costs.append(sum(stepper.mini(x, truth).cost for _ in range(stepper.subdivisions)))
        stepper.update()
    least, most = ERRORS[precision]
    assert least <= abs(costs[0] / expected - 1) < most
    assert costs[-1] < costs[0]
    stepper.publish()
    assert all(a.dtype == np.float32 for layer in stepper.engine.layers for a in layer.parameters.values())


def test_a_trainer_takes_it(tmp_path: Path) -> None:
    data, cfg = toy_training.make(tmp_path)
    with Trainer(cfg, data, device="emu", precision="bf16", workers=1) as trainer:
        assert trainer.engine.backend.ops.precision() == "bf16"


@pytest.mark.parametrize("precision", ["tf32", "fp16", "bf16"])
def test_the_cpu_has_fp32_only(precision: str) -> None:
    with pytest.raises(DeviceError, match=f"precision '{precision}': cpu computes in fp32 only"):
        Network(parse_cfg_text(NET), precision=precision)


@pytest.mark.parametrize("device", ["cpu", "emu"])
def test_unknown_words(device: str) -> None:
    with pytest.raises(DeviceError, match="precision 'half': expected one of fp32, tf32, fp16, bf16"):
        Network(parse_cfg_text(NET), device=device, precision="half")


def test_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cli_nets.write_files(tmp_path)
    words = ["detect", "net.cfg", "net.weights", "a.jpg", "--names", "toy.names", "--no-draw", "--precision", "fp16"]
    assert cli_nets.LINE in cli_nets.call(capsys, *words, "--device", "emu").results
    assert backend("emu").ops.precision() == "fp16"
    refused = cli_nets.call(capsys, *words)
    assert (refused.code, refused.err) == (2, "pydarknet: error: precision 'fp16': cpu computes in fp32 only\n")


def test_the_command_line_of_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, cfg = toy_training.make(tmp_path)
    refused = cli_nets.call(capsys, "train", data, cfg, "--precision", "half")
    assert refused.code == 2
    assert "precision 'half': expected one of" in refused.err


def test_the_command_line_of_speed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cfg, _ = nets.write(tmp_path)
    refused = cli_nets.call(capsys, "speed", cfg, 1, "--precision", "bf16")
    assert (refused.code, refused.err) == (2, "pydarknet: error: precision 'bf16': cpu computes in fp32 only\n")
