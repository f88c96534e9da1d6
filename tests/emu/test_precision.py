"""`precision=` of networks and trainings: what a device's convolutions round their factors to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet import DeviceError, Network, Trainer
from pydarknet.backends import cuda
from pydarknet.backends.base import Backend, EmulatedBackend
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.train.validation import Validation
from tests.lib import cli_nets, nets, toy_training
from tests.lib.chosen import DEVICE
from tests.lib.networks_trained import steppers, truth_of

NET = nets.net_text(nets.DETECTOR, 32)
# Relative errors in the norm of the output. A factor is rounded to 2**-11 (TF32 and FP16) or 2**-8 (BF16) of its
# value at most; roundings of a sum cancel in part, and a network is three convolutions. Below the lower bound
# nothing was rounded.
ERRORS = {"fp32": (0, 1e-5), "tf32": (5e-5, 2e-3), "fp16": (5e-5, 2e-3), "bf16": (5e-4, 2e-2)}


@pytest.mark.parametrize("precision", ERRORS)
def test_a_network_is_close_to_the_cpus(precision: str) -> None:
    here = Network(parse_cfg_text(NET), device="cpu", precision="fp32")
    there = Network(parse_cfg_text(NET), device=DEVICE, precision=precision)
    x = nets.batch(here, 2, 0)
    expected = here.forward(x)
    wrong = float(np.linalg.norm(there.forward(x) - expected) / np.linalg.norm(expected))
    least, most = ERRORS[precision]
    assert least <= wrong < most


def test_networks_of_one_process_keep_their_precisions() -> None:
    """All are made, and in another order run, before one of them runs again: whatever is chosen when is its own."""
    cfg = parse_cfg_text(NET)
    x = nets.batch(Network(cfg), 2, 0)
    alone = {precision: Network(cfg, device=DEVICE, precision=precision).forward(x) for precision in ERRORS}
    assert len({output.tobytes() for output in alone.values()}) == len(ERRORS)
    together = {precision: Network(cfg, device=DEVICE, precision=precision) for precision in ERRORS}
    for precision in [*reversed(ERRORS), *ERRORS]:
        np.testing.assert_array_equal(together[precision].forward(x), alone[precision])
    usual = Network(cfg, device=DEVICE)
    assert usual.backend.precision == "tf32"
    np.testing.assert_array_equal(usual.forward(x), alone["tf32"])


def test_trainings_of_one_process_keep_their_precisions(tmp_path: Path) -> None:
    alone, exact, coarse = steppers("region", "paper2017", tmp_path, DEVICE, DEVICE, DEVICE)
    coarse.engine.backend = coarse.engine.backend.with_precision("bf16")
    rng = np.random.default_rng(1)
    x, truth = rng.random((2, *alone.engine.inputs), np.float32), truth_of(alone, rng)
    costs = [[stepper.mini(x, truth).cost for stepper in (alone, exact, coarse)] for _ in range(2)]
    for stepper in (alone, exact, coarse):
        stepper.update()
        stepper.publish()
    assert all(first == second != third for first, second, third in costs)
    for mine, theirs, others in zip(*(each.engine.layers for each in (alone, exact, coarse)), strict=True):
        for record in mine.records:
            np.testing.assert_array_equal(mine.parameters[record.name], theirs.parameters[record.name])
            assert record.name != "weights" or (mine.parameters[record.name] != others.parameters[record.name]).any()


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_training_lowers_the_loss(precision: str, tmp_path: Path) -> None:
    exact, stepper = steppers("region", "paper2017", tmp_path, "cpu", DEVICE)
    stepper.engine.backend = stepper.engine.backend.with_precision(precision)
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
    data.write_text(data.read_text() + f"valid = {data.parent}/train.txt\n")
    with Trainer(cfg, data, device=DEVICE, precision="bf16", workers=1, map=Validation(every=1)) as trainer:
        assert trainer.engine.backend.precision == "bf16"
        assert trainer.evaluator is not None
        assert trainer.evaluator.network.backend.precision == "bf16"


def test_the_cpu_has_no_tf32() -> None:
    with pytest.raises(DeviceError, match="precision 'tf32': cpu has fp32, fp16, bf16"):
        Network(parse_cfg_text(NET), precision="tf32")


@pytest.mark.parametrize("device", ["cpu", DEVICE])
def test_unknown_words(device: str) -> None:
    with pytest.raises(DeviceError, match="precision 'half': expected one of fp32, tf32, fp16, bf16"):
        Network(parse_cfg_text(NET), device=device, precision="half")


def test_where_auto_fell_back_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: int) -> None:
        raise DeviceError("there is no NVIDIA GPU")

    monkeypatch.setattr(cuda, "cuda_backend", absent)
    message = r"cpu has fp32, fp16, bf16 \(device auto: running on the CPU, since there is no NVIDIA GPU\)"
    with pytest.raises(DeviceError, match=message):
        Network(parse_cfg_text(NET), device="auto", precision="tf32")


@pytest.mark.emulator
def test_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cli_nets.write_files(tmp_path)
    chosen: list[str] = []

    def with_precision(self: Backend, name: str) -> Backend:
        chosen.append(name)
        return Backend.with_precision(self, name)

    monkeypatch.setattr(EmulatedBackend, "with_precision", with_precision)
    words = ["detect", "net.cfg", "net.weights", "a.jpg", "--names", "toy.names", "--no-draw", "--precision", "fp16"]
    assert cli_nets.LINE in cli_nets.call(capsys, *words, "--device", "emu").results
    assert chosen == ["fp16"]
    refused = cli_nets.call(capsys, *words[:-1], "tf32")
    assert (refused.code, refused.err) == (2, "pydarknet: error: precision 'tf32': cpu has fp32, fp16, bf16\n")


def test_the_command_line_of_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, cfg = toy_training.make(tmp_path)
    refused = cli_nets.call(capsys, "train", data, cfg, "--precision", "half")
    assert refused.code == 2
    assert "precision 'half': expected one of" in refused.err


def test_the_command_line_of_speed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cfg, _ = nets.write(tmp_path)
    refused = cli_nets.call(capsys, "speed", cfg, 1, "--precision", "tf32")
    assert (refused.code, refused.err) == (2, "pydarknet: error: precision 'tf32': cpu has fp32, fp16, bf16\n")
