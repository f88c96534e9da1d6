"""Networks in 8 bits: what they compute, for whom they are, and for whom not."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.backends.base import cpu_backend
from pydarknet.errors import CfgError, DarknetError, DataError, DeviceError, WeightsError
from pydarknet.export import export
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.plan import fuse
from pydarknet.plan.int8 import ByteValue
from pydarknet.quantize import Choice, choose, quantize, wide_keep
from pydarknet.quantize.statistics import best_range
from pydarknet.surgery import average
from pydarknet.train.trainer import Trainer
from tests.conftest import RUNNABLE
from tests.lib import nets

CONV = "[convolutional]\nfilters={}\nsize=3\npad=1\nactivation={}\n"
# A layer of each type between two convolutions in 8 bits, the first of 8 filters on 16 x 16 pixels.
BETWEEN = {
    "convolution": "",
    "maxpool": "[maxpool]\nsize=2\nstride=2\n",
    "maxpool of stride 1": "[maxpool]\nsize=3\nstride=1\n",
    "route": CONV.format(12, "leaky") + "[route]\nlayers=-1,0\n",
    "route back": CONV.format(12, "leaky") + "[route]\nlayers=0\n",
    "route of groups": "[route]\nlayers=0\ngroups=2\ngroup_id=1\n",
    "reorg": "[reorg]\nstride=2\n",
    "upsample": "[upsample]\nstride=2\nscale=.5\n",
    "shortcut": CONV.format(8, "leaky") + "[shortcut]\nfrom=-2\nactivation=linear\nalpha=.5\nbeta=2\n",
    "shortcut of other channels": CONV.format(12, "leaky") + "[shortcut]\nfrom=-2\nactivation=linear\n",
    "shortcut with an activation": CONV.format(8, "leaky") + "[shortcut]\nfrom=-2\nactivation=leaky\n",
    "shortcut of several": CONV.format(8, "leaky") * 2 + "[shortcut]\nfrom=-2,-3\nactivation=linear\n",
    "shortcut with weights": CONV.format(8, "leaky") + "[shortcut]\nfrom=-2\nweights_type=per_feature\n",
    "maxpool over channels": "[maxpool]\nmaxpool_depth=1\nout_channels=4\n",
    "maxpool with a blur": "[maxpool]\nsize=2\nstride=2\nantialiasing=1\n",
    "blur": "[convolutional]\nfilters=8\nsize=3\nstride=2\npad=1\nantialiasing=1\nactivation=leaky\n",
    "shared weights": CONV.format(8, "leaky") + CONV.format(8, "leaky") + "share_index=1\n",
    "across channels": CONV.format(8, "normalize_channels"),
    "mish": CONV.format(8, "mish"),
    "relu": CONV.format(8, "relu"),
    "stride": "[convolutional]\nfilters=8\nsize=3\nstride=2\npad=1\nbatch_normalize=1\nactivation=leaky\n",
    "groups": "[convolutional]\nfilters=8\nsize=3\npad=1\ngroups=8\nactivation=leaky\n",
    "dilation": "[convolutional]\nfilters=8\nsize=3\npad=1\ndilation=2\nactivation=leaky\n",
    "connected": "[connected]\noutput=20\nactivation=leaky\n",
    "avgpool": "[avgpool]\n",
    "dropout": "[dropout]\nprobability=.5\n",
    "xnor": "[convolutional]\nfilters=9\nsize=3\npad=1\nxnor=1\nbatch_normalize=1\nactivation=leaky\n",
}
TILED = CONV.format(8, "leaky") * 2 + BETWEEN["maxpool"] + CONV.format(12, "relu") * 2
NOISE = 0.02  # of the largest output, the root of the mean square: 8 bits have some 0.003 of their range, a layer


def pictures(count: int = 6) -> list[np.ndarray]:
    return [nets.picture(seed=seed) for seed in range(count)]


def in_8_bits(net: Network, path: Path, keep: list[int] | None = None) -> Network:
    """The network from a file in 8 bits."""
    quantize(net, pictures(), path, keep=keep)
    return Network(net.cfg, path)


def between(kind: str) -> Network:
    last = CONV.format(16, "linear") if kind not in ("connected", "avgpool") else "[connected]\noutput=16\n"
    return nets.network(CONV.format(8, "leaky") + BETWEEN[kind] + last)


@pytest.mark.parametrize("kind", BETWEEN)
def test_outputs_are_those_of_floats_but_for_rounding(tmp_path: Path, kind: str) -> None:
    net = between(kind)
    quantised = in_8_bits(net, tmp_path / "net.int8", keep=[])
    x = nets.batch(net, 3)
    want, found = net.forward(x), quantised.forward(x)
    assert np.sqrt(np.square(found - want).mean()) < NOISE * abs(want).max()
    assert not np.array_equal(found, want), "8 bits round"


@pytest.mark.parametrize("kind", ["maxpool", "route", "route of groups", "reorg", "upsample", "shortcut"])
def test_what_can_hands_bytes_on(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And none are made floats between the layers."""
    quantised = in_8_bits(between(kind), tmp_path / "net.int8", keep=[])
    kinds: list[bool] = []
    plan = type(quantised.int8).plan

    def noted(*args):
        kinds.append(isinstance(value := plan(*args), ByteValue))
        return value

    monkeypatch.setattr(type(quantised.int8), "plan", noted)
    quantised.forward(nets.batch(quantised))
    assert kinds[:-1] == [True] * (len(kinds) - 1)


def test_pooling_is_part_of_the_convolution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the bits of steps one by one."""
    quantised = in_8_bits(between("maxpool"), tmp_path / "net.int8", keep=[])
    x, joined = nets.batch(quantised, 2), []
    of_bytes = fuse.of_bytes
    monkeypatch.setattr(fuse, "of_bytes", lambda *args: joined.append(of_bytes(*args)) or joined[-1])
    together = quantised.forward(x)
    assert any(call is not None for call in joined) == (RUNNABLE[-1] in ("avx2", "avx512"))
    monkeypatch.setattr(fuse, "of_bytes", lambda *_: None)
    quantised.parameters_changed()
    np.testing.assert_array_equal(quantised.forward(x), together)


@pytest.fixture
def tiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    """A network with tiles in all layers that have them, one of them before a maximum pool."""
    monkeypatch.setattr("pydarknet.quantize.choice.TILED", 8)
    net = nets.network(TILED)
    quantize(net, pictures(), tmp_path / "tiled.int8", keep=[], tiles=True)
    return Network(net.cfg, tmp_path / "tiled.int8")


def test_tiles(tiled: Network, tmp_path: Path) -> None:
    """Other roundings than direct sums, of the same size; the choice is in the file."""
    assert tiled.int8 is not None
    assert [own.tiles for own in tiled.int8.convolutions.values()] == [False, True, True, True]
    net, x = nets.network(TILED), nets.batch(tiled, 3)
    want, found = net.forward(x), tiled.forward(x)
    assert np.sqrt(np.square(found - want).mean()) < NOISE * abs(want).max()
    assert not np.array_equal(in_8_bits(net, tmp_path / "direct.int8", keep=[]).forward(x), found)


def test_tiles_give_the_same_bits_everywhere(tiled: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every instruction set, with pooling in the pass and after it, and in any number of threads."""
    x, outputs = nets.batch(tiled, 2), []
    for isa in RUNNABLE:
        tiled.backend = cpu_backend(isa)
        for threads in (1, 3):
            tiled.backend.ops.set_num_threads(threads)
            tiled.parameters_changed()
            outputs.append(tiled.forward(x))
    monkeypatch.setattr(fuse, "of_bytes", lambda *_: None)
    tiled.parameters_changed()
    outputs.append(tiled.forward(x))
    assert all(np.array_equal(each, outputs[0]) for each in outputs)


def test_every_instruction_set_gives_the_same_bits(tmp_path: Path) -> None:
    quantised = in_8_bits(between("route"), tmp_path / "net.int8", keep=[])
    x, outputs = nets.batch(quantised, 2), []
    for isa in RUNNABLE:
        quantised.backend = cpu_backend(isa)
        quantised.parameters_changed()
        outputs.append(quantised.forward(x))
    assert all(np.array_equal(each, outputs[0]) for each in outputs)


def test_heads_read_floats() -> None:
    """What people see of a network is computed in floats, unless they say otherwise."""
    net = nets.network()
    assert choose(net) == Choice((0, 2), frozenset({0}), ())
    assert choose(net, []) == Choice((0, 2, 4), frozenset({0, 2}), ())
    assert wide_keep(nets.network(CONV.format(128, "leaky") * 2 + CONV.format(8, "leaky") * 2)) == {1, 2, 3}
    assert choose(nets.network(CONV.format(8, "leaky") * 2)) == Choice((0,), frozenset(), ())


def test_detections_and_another_size(tmp_path: Path) -> None:
    net = nets.network()
    quantised = in_8_bits(net, tmp_path / "net.int8")
    for size in (16, 32):
        for each in (net, quantised):
            each.resize(size, size)
        found, want = (each.detect(nets.picture(), thresh=0.01) for each in (quantised, net))
        assert len(want) > 0
        assert abs(len(found) - len(want)) <= len(want) // 4 + 1


def test_outputs_of_layers_are_floats(tmp_path: Path) -> None:
    quantised = in_8_bits(nets.network(), tmp_path / "net.int8")
    quantised.forward(nets.batch(quantised))
    assert all(layer.output.dtype == np.float32 for layer in quantised.layers)
    assert quantised.layers[1].output.shape == (1, *quantised.layers[1].out)


def test_a_copy_computes_the_same(tmp_path: Path) -> None:
    quantised = in_8_bits(nets.network(), tmp_path / "net.int8")
    copy, x = pickle.loads(pickle.dumps(quantised)), nets.batch(quantised)
    np.testing.assert_array_equal(copy.forward(x), quantised.forward(x))


def test_floats_over_8_bits(tmp_path: Path) -> None:
    """Loading a weights file makes the network one in floats again."""
    cfg, weights = nets.write(tmp_path)
    net = Network(cfg, weights)
    quantised, x = in_8_bits(net, tmp_path / "net.int8"), nets.batch(net)
    quantised.load_weights(weights)
    np.testing.assert_array_equal(quantised.forward(x), net.forward(x))


def test_what_needs_floats_says_so(tmp_path: Path) -> None:
    file = tmp_path / "net.int8"
    quantised = in_8_bits(nets.network(), file)
    calls = [
        lambda: quantised.save_weights(tmp_path / "x.weights"),
        lambda: export(quantised, tmp_path / "x.npz"),
        lambda: average(nets.network(), [file]),
        lambda: quantize(quantised, pictures(), tmp_path / "y.int8"),
        lambda: quantised.layers[0].folded_weights(),  # type: ignore[attr-defined]
    ]
    for call in calls:
        with pytest.raises(WeightsError, match=r"8 bits.*\.weights"):
            call()
    assert sorted(tmp_path.iterdir()) == [file]


def test_no_training_begins(tmp_path: Path) -> None:
    file = tmp_path / "net.int8"
    net = nets.network()
    quantize(net, pictures(), file)
    (tmp_path / "train.txt").write_text("")
    (tmp_path / "mine.data").write_text("classes=3\ntrain=train.txt\n")
    for cutoff in (None, 2):
        with pytest.raises(DarknetError, match=r"8.bit"):
            Trainer(net.cfg, tmp_path / "mine.data", weights=file, cutoff=cutoff, backup=tmp_path)


@pytest.mark.emulator
def test_devices_refuse(tmp_path: Path) -> None:
    net = nets.network()
    quantize(net, pictures(), tmp_path / "net.int8")
    with pytest.raises(DeviceError, match="8-bit weights are computed on the CPU, the network is on emu"):
        Network(net.cfg, tmp_path / "net.int8", device="emu")


def test_another_network(tmp_path: Path) -> None:
    """Keys of training and the input's size may change; layers may not."""
    quantize(nets.network(), pictures(), tmp_path / "net.int8")
    text = nets.net_text(nets.DETECTOR)
    fitting = text.replace("width=16", "width=32\nmax_batches=7").replace("size=3", "size=3\nlearning_rate=2")
    Network(parse_cfg_text(fitting, "a.cfg"), tmp_path / "net.int8")
    for other in (text.replace("leaky", "relu"), text.replace("filters=24", "filters=25"), text + "[avgpool]\n"):
        with pytest.raises(WeightsError, match=r"another network than b\.cfg"):
            Network(parse_cfg_text(other, "b.cfg"), tmp_path / "net.int8")


def test_wrong_arguments(tmp_path: Path) -> None:
    net = nets.network()
    with pytest.raises(DataError, match="no images"):
        quantize(net, [], tmp_path / "net.int8")
    for layer in (1, 6):
        with pytest.raises(CfgError, match=f"layer {layer} to keep in floats"):
            quantize(net, pictures(), tmp_path / "net.int8", keep=[layer])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("values", [[0.0], [5.0, -1.0], [3.0, 7.0], [-3.0, -7.0], [1e-30], [1e14, 0.0]])
def test_ranges_hold_zero(values: list[float]) -> None:
    """So that padding, which is 0, is a byte."""
    sample = np.array(values * 100, np.float32)
    scale, zero = best_range(sample, min(values), max(values))
    assert scale > 0
    assert 0 <= zero <= 255
    rounded = (np.clip(np.rint(sample / scale) + zero, 0, 255) - zero) * scale
    assert abs(rounded - sample).max() <= max(2 * scale, 1e-12)


def test_outputs_that_no_byte_stands_for(tmp_path: Path) -> None:
    """As of windows in the padding, which are the lowest float."""
    net = nets.network(CONV.format(8, "leaky") + "[maxpool]\nsize=2\nstride=2\npadding=6\n" + CONV.format(8, "leaky"))
    with pytest.raises(WeightsError, match=r"layer 1: puts out numbers from -3\.4.*--keep"):
        quantize(net, pictures(), tmp_path / "net.int8", keep=[])
