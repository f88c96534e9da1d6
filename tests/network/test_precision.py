"""`precision=` on the CPU: weights of sixteen bits, and products of them where the processor has such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet import Network, Trainer, TrainingError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.formats.resources import share
from tests.lib import cli_nets, nets, toy_training

NET = nets.net_text(nets.DETECTOR, 32)
# Relative errors in the norm of the output: a weight is rounded to 2**-11 (FP16) or 2**-8 (BF16) of its value at
# most; roundings of a sum cancel in part, and a network is three convolutions. Below the lower bound nothing was
# rounded.
ERRORS = {"fp16": (2e-5, 2e-3), "bf16": (2e-4, 2e-2)}


@pytest.mark.parametrize("precision", ERRORS)
def test_a_network_is_close_to_that_of_fp32(precision: str) -> None:
    cfg = parse_cfg_text(NET)
    exact, rounded = Network(cfg), Network(cfg, precision=precision)
    x = nets.batch(exact, 2, 0)
    expected = exact.forward(x)
    wrong = float(np.linalg.norm(rounded.forward(x) - expected) / np.linalg.norm(expected))
    least, most = ERRORS[precision]
    assert least <= wrong < most


@pytest.mark.parametrize("precision", ERRORS)
def test_what_trained_weights_detect_moves_by_less_than_a_percent_point(precision: str) -> None:
    image = str(share() / "data" / "stamps.jpg")
    exact = Network("stamps", "stamps").detect(image, thresh=0.2)
    rounded = Network("stamps", "stamps", precision=precision).detect(image, thresh=0.19)  # none falls below it
    assert len(exact) > 10
    for each in exact:
        near = [other for other in rounded if other.class_id == each.class_id]
        assert min(abs(other.confidence - each.confidence) for other in near) < 0.01, each
        assert min(max(abs(np.subtract(other.box, each.box))) for other in near) < 0.02 * max(each.box), each


def test_networks_of_one_process_keep_their_precisions() -> None:
    cfg = parse_cfg_text(NET)
    x = nets.batch(Network(cfg), 2, 0)
    alone = {precision: Network(cfg, precision=precision).forward(x) for precision in ("fp32", *ERRORS)}
    assert len({output.tobytes() for output in alone.values()}) == len(alone)
    together = {precision: Network(cfg, precision=precision) for precision in alone}
    for precision in [*reversed(alone), *alone]:
        np.testing.assert_array_equal(together[precision].forward(x), alone[precision])
    usual = Network(cfg)
    assert usual.backend.precision == "fp32"
    np.testing.assert_array_equal(usual.forward(x), alone["fp32"])


def test_weights_beyond_fp16_stay_in_fp32() -> None:
    cfg = parse_cfg_text(NET)
    exact, rounded = Network(cfg), Network(cfg, precision="fp16")
    x = nets.batch(exact, 1, 0)
    for net in (exact, rounded):
        for layer in net.layers:
            if "weights" in layer.parameters:
                layer.parameters["weights"][:] = layer.parameters["weights"] * 1e7
        net.parameters_changed()
    np.testing.assert_array_equal(rounded.forward(x), exact.forward(x))


def test_training_in_fp16_is_refused(tmp_path: Path) -> None:
    data, cfg = toy_training.make(tmp_path)
    with pytest.raises(TrainingError, match="precision 'fp16': cpu trains in fp32, bf16 only"):
        Trainer(cfg, data, precision="fp16")


def test_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cli_nets.write_files(tmp_path)
    words = ["detect", "net.cfg", "net.weights", "a.jpg", "--names", "toy.names", "--no-draw", "--precision"]
    for precision in ("fp32", *ERRORS):
        assert cli_nets.LINE in cli_nets.call(capsys, *words, precision).results
