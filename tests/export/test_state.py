"""Parameters as .npz and as a state dict, and the command."""

from __future__ import annotations

import argparse
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from pydarknet.cli.commands import export as command
from pydarknet.errors import ExportError, WeightsError
from pydarknet.export import export, npz
from pydarknet.network import Network

from .networks import archive, assert_close, images, network, run

CFG = """[net]
height=6
width=5
channels=3
[convolutional]
filters=4
size=3
pad=1
groups=1
batch_normalize=1
activation=leaky
[convolutional]
filters=2
size=1
activation=linear
[batchnorm]
[local]
filters=2
size=1
activation=linear
[connected]
output=7
batch_normalize=1
activation=relu
[connected]
output=3
activation=linear
"""

SHAPES = {
    "seen": (),
    "layers.0.bn.bias": (4,),
    "layers.0.bn.weight": (4,),
    "layers.0.bn.running_mean": (4,),
    "layers.0.bn.running_var": (4,),
    "layers.0.conv.weight": (4, 3, 3, 3),
    "layers.1.conv.bias": (2,),
    "layers.1.conv.weight": (2, 4, 1, 1),
    "layers.2.bn.weight": (2,),
    "layers.2.bn.running_mean": (2,),
    "layers.2.bn.running_var": (2,),
    "layers.3.local.bias": (2, 6, 5),
    "layers.3.local.weight": (30, 2, 2, 1, 1),
    "layers.4.bn.bias": (7,),
    "layers.4.fc.weight": (7, 60),
    "layers.4.bn.weight": (7,),
    "layers.4.bn.running_mean": (7,),
    "layers.4.bn.running_var": (7,),
    "layers.5.fc.bias": (3,),
    "layers.5.fc.weight": (3, 7),
}


def test_npz_names_and_shapes(tmp_path: Path) -> None:
    net = network(CFG)
    net.seen = 123
    export(net, tmp_path / "out.npz")
    arrays = archive((tmp_path / "out.npz").read_bytes())
    assert {name: array.shape for name, array in arrays.items()} == SHAPES
    assert arrays["seen"] == 123
    np.testing.assert_array_equal(arrays["layers.0.bn.running_var"], net.layers[0].parameters["rolling_variance"])


def test_npz_round_trip_to_weights(tmp_path: Path) -> None:
    """Weights, archive, weights: the same bytes, `seen` included."""
    (tmp_path / "net.cfg").write_text(CFG)
    net = network(CFG)
    net.seen = 2**40 + 1
    net.save_weights(tmp_path / "first.weights")
    export(Network(tmp_path / "net.cfg", tmp_path / "first.weights"), tmp_path / "net.npz")
    other = Network(tmp_path / "net.cfg", seed=5)
    x = images(net)
    before = other.forward(x)
    npz.load(tmp_path / "net.npz", other)
    other.save_weights(tmp_path / "second.weights")
    assert (tmp_path / "second.weights").read_bytes() == (tmp_path / "first.weights").read_bytes()
    np.testing.assert_array_equal(other.forward(x), net.forward(x))
    assert not np.array_equal(before, net.forward(x))


def test_npz_folded(tmp_path: Path) -> None:
    """Without normalisation a network with the same weights and biases gives the same results."""
    net = network(CFG.replace("[batchnorm]\n", ""))
    export(net, tmp_path / "out.npz", keep_bn=False)
    arrays = archive((tmp_path / "out.npz").read_bytes())
    assert not [name for name in arrays if ".bn." in name]
    plain = network(CFG.replace("[batchnorm]\n", "").replace("batch_normalize=1\n", ""), seed=9)
    npz.load(tmp_path / "out.npz", plain)
    x = images(net)
    assert_close(plain.forward(x), net.forward(x), 1e-5)
    with pytest.raises(WeightsError, match=r"has no layers\.0\.bn\.bias, which layer 0 \(convolutional\) needs"):
        npz.load(tmp_path / "out.npz", net)


def test_npz_is_deterministic(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        export(network(CFG), tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("layers.5.fc.weight"), r"has no layers\.5\.fc\.weight"),
        (lambda a: a.update(extra=np.zeros(3)), "the network has no extra"),
        (
            lambda a: a.update({"layers.5.fc.bias": np.zeros(4, np.float32)}),
            r"float32 of shape \(3,\), found float32",
        ),
        (lambda a: a.update({"layers.5.fc.bias": np.zeros(3)}), r"float32 of shape \(3,\), found float64 of \(3,\)"),
    ],
)
def test_npz_of_another_network(tmp_path: Path, change: Any, message: str) -> None:
    net = network(CFG)
    export(net, tmp_path / "out.npz")
    arrays = archive((tmp_path / "out.npz").read_bytes())
    change(arrays)
    np.savez(tmp_path / "out.npz", **arrays)
    other = network(CFG, seed=3)
    kept = other.layers[0].parameters["weights"]
    with pytest.raises(WeightsError, match=message):
        npz.load(tmp_path / "out.npz", other)
    assert other.layers[0].parameters["weights"] is kept


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_npz_unreadable(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "out.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"out\.npz: (can't read the|is no) archive"):
        npz.load(path, network(CFG))


def test_npz_a_single_array(tmp_path: Path) -> None:
    with open(tmp_path / "out.npz", "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(WeightsError, match="is no archive"):
        npz.load(tmp_path / "out.npz", network(CFG))


def test_npz_unwritable(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="can't write the parameters"):
        export(network(CFG), tmp_path / "absent" / "out.npz")


def test_torch_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ExportError, match=r"needs PyTorch: pip install torch; or export to \.npz"):
        export(network(CFG), tmp_path / "out.pt")
    assert not list(tmp_path.iterdir())


def test_torch_gets_the_names_of_npz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What PyTorch is given, seen through a stand-in that writes it as .npz."""
    stand_in = types.ModuleType("torch")
    stand_in.from_numpy = lambda array: array  # type: ignore[attr-defined]
    stand_in.save = lambda state, file: np.savez(file, **state)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", stand_in)
    export(network(CFG), tmp_path / "out.pth")
    arrays = archive((tmp_path / "out.pth").read_bytes())
    assert {name: array.shape for name, array in arrays.items()} == {k: v for k, v in SHAPES.items() if k != "seen"}


def arguments(*texts: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(texts)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A cfg and its weights."""
    cfg, weights = tmp_path / "net.cfg", tmp_path / "net.weights"
    cfg.write_text("[net]\nheight=8\nwidth=8\nchannels=3\n[convolutional]\nfilters=2\nbatch_normalize=1\n[avgpool]\n")
    network(cfg).save_weights(weights)
    return str(cfg), str(weights)


def test_command_onnx(tmp_path: Path, files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net.onnx"
    options = ["--batch", "dynamic", "--opset", "15", "--width", "16", "--keep-bn"]
    assert command.run(arguments(*files, str(out), *options)) == 0
    assert capsys.readouterr().out.startswith(f"{out}: 0.0 MB, from ")
    model = onnx.load(out)
    assert model.opset_import[0].version == 15
    shape = model.graph.input[0].type.tensor_type.shape.dim
    assert shape[0].dim_param == "N"
    assert [d.dim_value for d in shape[1:]] == [3, 8, 16]
    assert "BatchNormalization" in [node.op_type for node in model.graph.node]
    net = Network(*files)
    net.resize(16, 8)
    x = images(net, 2)
    assert_close(run(model, x)["avgpool_1"], net.forward(x), 1e-6)


def test_command_npz(tmp_path: Path, files: tuple[str, str]) -> None:
    assert command.run(arguments(*files, str(tmp_path / "net.npz"))) == 0
    assert command.run(arguments(*files, str(tmp_path / "folded"), "--format", "npz", "--fold-bn")) == 0
    assert "layers.0.bn.weight" in archive((tmp_path / "net.npz").read_bytes())
    assert "layers.0.conv.bias" in archive((tmp_path / "folded").read_bytes())


def test_command_refuses_before_reading(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"net: expected a name that ends in"):
        command.run(arguments("absent.cfg", "absent.weights", str(tmp_path / "net")))


@pytest.mark.parametrize("batch", ["0", "-1", "many", "1.5"])
def test_command_wrong_batch(batch: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments("a.cfg", "a.weights", "a.onnx", f"--batch={batch}")
    assert "expected a positive number or 'dynamic'" in capsys.readouterr().err


def test_arguments_from_code() -> None:
    for given in ({"path": None}, {"batch": "x"}, {"opset": "x"}):
        with pytest.raises(ValueError, match=f"^{next(iter(given))}.*: expected a "):
            export(network(CFG), **{"path": "x.onnx", **given})
