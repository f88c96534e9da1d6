"""Whose batch norm: pjreddie's sqrt(v) + 1e-6 or AlexeyAB's sqrt(v + 1e-5), wherever a network runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from pydarknet import CfgError, DataError, Network
from pydarknet.cli.main import main
from pydarknet.compat import alexeyab
from pydarknet.export.onnx import build
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.train.choice import training_dialect

CFG = """[net]
width=2
height=2
channels=1
{}
[convolutional]
batch_normalize=1
activation=linear

[batchnorm]
"""
DEVIATIONS = {"pjreddie": np.sqrt(1e-8) + 1e-6, "alexeyab": np.sqrt(1e-8 + 1e-5)}
PICTURE = np.full((1, 1, 2, 2), 0.5, np.float32)


def network(key: str = "", **options: str) -> Network:
    """A convolution by 1 and two normalisations of variance 1e-8, so small that epsilon counts."""
    net = Network(parse_cfg_text(CFG.format(key), "a.cfg"), **options)
    for layer in net.layers:
        for name, values in layer.parameters.items():
            fill = {"rolling_variance": 1e-8, "scales": 0.01, "weights": 1}.get(name, 0)
            layer.parameters[name] = np.full(values.shape, fill, np.float32)
    net.parameters_changed()
    return net


def run(model: bytes) -> np.ndarray:
    """The output of an ONNX model for the image."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"images": PICTURE})[0]


def expected(whose: str) -> float:
    return float(0.5 * (0.01 / DEVIATIONS[whose]) ** 2)


@pytest.mark.parametrize(
    ("key", "options", "whose"),
    [("", {}, "pjreddie"), ("dialect=alexeyab", {}, "alexeyab"), ("dialect=darknet2018", {}, "pjreddie"),
     ("", {"dialect": "alexeyab"}, "alexeyab"), ("dialect=alexeyab", {"dialect": "paper2017"}, "pjreddie")],
)  # fmt: skip
def test_forward_and_export(key: str, options: dict[str, str], whose: str) -> None:
    net = network(key, **options)
    np.testing.assert_allclose(net.forward(PICTURE), expected(whose), rtol=1e-5)
    for keep_bn in (False, True):
        found = run(build(net, keep_bn=keep_bn).SerializeToString())
        np.testing.assert_allclose(found, expected(whose), rtol=1e-5)


def test_drop_in_and_command_line(tmp_path: Path) -> None:
    cfg, weights = tmp_path / "a.cfg", tmp_path / "a.weights"
    cfg.write_text(CFG.format(""))
    network().save_weights(weights)
    handle = alexeyab.load_net_custom(str(cfg), str(weights))
    np.testing.assert_allclose(handle.run(PICTURE), expected("alexeyab"), rtol=1e-5)
    out = tmp_path / "a.onnx"
    assert main(["export", str(cfg), str(weights), str(out), "--dialect", "alexeyab"]) == 0
    found = run(out.read_bytes())
    np.testing.assert_allclose(found, expected("alexeyab"), rtol=1e-5)


def test_unknown_ones() -> None:
    with pytest.raises(CfgError, match=r"a.cfg:5: \[net\] unknown dialect 'alexey'; did you mean 'alexeyab'"):
        network("dialect=alexey")
    with pytest.raises(DataError, match="unknown dialect"):
        network(dialect="nobody")


@pytest.mark.parametrize(
    ("sections", "name"),
    [
        ("[yolo]\n", "darknet2018"),
        ("[yolo]\niou_loss=ciou\n", "alexeyab"),
        ("[region]\n", "paper2017"),
        ("[Gaussian_yolo]\n", "alexeyab"),
        ("[scale_channels]\n", "alexeyab"),
        ("[implicit]\n", "alexeyab"),
        ("[shortcut]\nweights_type=none\n[yolo]\n", "alexeyab"),
    ],
)
def test_what_is_trained_in_which_dialect(sections: str, name: str) -> None:
    cfg = parse_cfg_text(f"[net]\nwidth=8\nheight=8\nchannels=3\n{sections}", "a.cfg")
    assert training_dialect(cfg, None, None).name == name
