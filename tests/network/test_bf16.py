"""Activations in BF16, as matrix registers multiply them: networks against FP32; the same bits however they run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.backends.base import cpu_backend, multiplier
from pydarknet.backends.int8_ops import MatrixOps
from pydarknet.formats.cfg import Cfg, parse_cfg, parse_cfg_text
from pydarknet.graph.engine import Engine
from pydarknet.plan.bf16 import HalfValue
from pydarknet.plan.plan import Builder
from tests.lib import nets, tree_nets

CFG = Path(__file__).parents[2] / "cfg"
# Of the largest output: each layer rounds to 2**-9 of a value, and its weights too.
CLOSE = 3e-2

# Everything that yolov4 has: residuals, groups of a route, several windows of a pyramid, upsampling, three heads.
LIKE_YOLOV4 = """
[convolutional]
batch_normalize=1
filters=32
size=3
pad=1
activation=mish
[convolutional]
batch_normalize=1
filters=64
size=3
stride=2
pad=1
activation=mish
[convolutional]
batch_normalize=1
filters=32
size=1
activation=mish
[convolutional]
batch_normalize=1
filters=64
size=3
pad=1
activation=mish
[shortcut]
from=-3
activation=linear
[convolutional]
filters=32
size=1
activation=mish
[route]
layers=-1,-4
[route]
layers=-1
groups=2
group_id=1
[convolutional]
filters=64
size=3
stride=2
pad=1
activation=leaky
[maxpool]
size=5
stride=1
[route]
layers=-2
[maxpool]
size=3
stride=1
[route]
layers=-1,-3,-4
[convolutional]
filters=48
size=1
activation=leaky
[convolutional]
filters=16
size=1
activation=linear
[yolo]
mask=0,1
anchors=1,1, 2,2
classes=3
num=2
[route]
layers=-3
[upsample]
stride=2
[route]
layers=-1,4
[convolutional]
filters=40
size=3
pad=1
activation=leaky
[maxpool]
size=2
stride=2
[convolutional]
filters=16
size=1
activation=logistic
[yolo]
mask=0,1
anchors=1,1, 2,2
classes=3
num=2
"""


@pytest.fixture(autouse=True)
def plain_matrices() -> Iterator[None]:
    """What AMX computes, in plain C++."""
    ops = cast(MatrixOps, cpu_backend().ops)
    if ops.use_matrices("plain") != "plain":
        pytest.skip("matrices are built for AVX-512 only")
    yield
    ops.use_matrices(multiplier())


def network(cfg: str | Cfg, precision: str, size: int | None = None) -> Network:
    net = Network(
        parse_cfg_text(nets.net_text(cfg, 32)) if isinstance(cfg, str) else cfg, precision=precision, seed=4
    )
    if size is not None:
        net.resize(size, size)
    return net


def distance(found: Any, expected: Any) -> float:
    return float(abs(found - expected).max() / max(abs(expected).max(), 1e-6))


def halves_of(net: Network, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many values of its plan are BF16."""
    counts = []

    def counted(self: Builder) -> None:
        counts.append(sum(isinstance(value, HalfValue) for value in self._values))

    monkeypatch.setattr(Builder, "fuse", counted)
    net.plan_bytes(1)
    monkeypatch.undo()
    net.parameters_changed()
    return counts[0]


@pytest.mark.parametrize("name", ["yolov2-tiny", "yolov3-tiny", "yolov4-tiny", "yolov7-tiny", "stamps", "darknet19"])
def test_networks_are_close_to_those_of_fp32(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = parse_cfg(CFG / f"{name}.cfg")
    exact, rounded = (network(cfg, precision, 64) for precision in ("fp32", "bf16"))
    assert halves_of(rounded, monkeypatch) > 5
    x = nets.batch(exact, 2, 0)
    difference = distance(rounded.forward(x), exact.forward(x))
    assert 1e-5 < difference < CLOSE
    for layer in exact.layers:
        assert distance(rounded.layer_output(layer.index), exact.layer_output(layer.index)) < CLOSE, layer.index


def test_a_network_like_yolov4(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layer by layer; of several sizes and batches, each image as it is alone."""
    exact, rounded = (network(LIKE_YOLOV4, precision) for precision in ("fp32", "bf16"))
    assert halves_of(rounded, monkeypatch) > 15
    for size in (32, 48):
        for net in (exact, rounded):
            net.resize(size, size)
        x = nets.batch(exact, 3, size)
        expected, found = exact.forward(x), rounded.forward(x)
        assert 1e-5 < distance(found, expected) < CLOSE
        for layer in exact.layers:
            assert distance(rounded.layer_output(layer.index), exact.layer_output(layer.index)) < CLOSE, layer.index
        for image, output in zip(x, found, strict=True):
            np.testing.assert_array_equal(rounded.forward(image[None])[0], output)


def test_nothing_passes_through_memory_that_need_not() -> None:
    """Convolutions add, pool, write the parts of a concatenation, and floats for heads."""
    names: list[str] = []
    fuse = Builder.fuse

    def noted(self: Builder) -> None:
        fuse(self)
        names.extend(op.__name__ for op, _ in self._calls)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Builder, "fuse", noted)
        network(LIKE_YOLOV4, "bf16").plan_bytes(1)
    assert names.count("forward_then") == 2  # the shortcut, and the window of 2 x 2
    assert names.count("narrow_maxpool") == 2
    assert names.count("narrow_copy_channels") == 3  # a half of the channels; 48 of them, and what is behind these
    assert not {"bf16_add", "bf16_from_blocked", "bf16_to_blocked"} & set(names)


def test_fresh_and_kept_memory_give_the_same_bits() -> None:
    """Nothing shows of what lay in memory before."""
    net = network(LIKE_YOLOV4, "bf16")
    x, other = nets.batch(net, 1, 0), nets.batch(net, 1, 1) * 1e20
    expected = net.forward(x)
    net.forward(other)
    np.testing.assert_array_equal(net.forward(x), expected)
    assert np.isfinite(expected).all()


@pytest.mark.parametrize("kind", [kind for kind, section in nets.LAYERS.items() if section])
def test_every_kind_of_layer(kind: str) -> None:
    """Behind a convolution in BF16, and before one."""
    section = nets.LAYERS[kind]
    assert section is not None
    wide = nets.CONV.format(filters=8, size=3)
    text = nets.net_text(wide + section, 8, channels=5)  # no image: the first layer is in BF16
    exact, rounded = (Network(parse_cfg_text(text), precision=precision, seed=0) for precision in ("fp32", "bf16"))
    x = nets.batch(exact, 2, 0)
    expected, found = exact.forward(x), rounded.forward(x)
    decides = kind in ("xnor", "maxpool_zero_nonmax")  # by what rounding may turn around
    assert np.isfinite(found).all()
    assert decides or distance(found, expected) < CLOSE
    last = rounded.layer_output(rounded.layers[-1].index).reshape(found.shape)
    if kind == "shortcut":  # whose terms are seen rounded, and added as they are
        assert distance(last, found) < 2**-7
    else:
        np.testing.assert_array_equal(last, found)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(threads: int) -> None:
    ops = cpu_backend().ops
    before, outputs = ops.num_threads(), []
    try:
        for count in (1, threads):
            ops.set_num_threads(count)
            net = network(LIKE_YOLOV4, "bf16", 48)
            outputs.append(net.forward(nets.batch(net, 2, 0)))
    finally:
        ops.set_num_threads(before)
    np.testing.assert_array_equal(*outputs)


def test_a_tree_of_classes_is_computed_for_who_asks(tmp_path: Path) -> None:
    """The lazy head reads floats."""
    found = []
    for precision in ("fp32", "bf16"):
        net = tree_nets.detector(tmp_path, 1, precision=precision)
        found.append(net.detect(nets.picture(), thresh=0.3))
    assert found[0]
    for each in found[0]:
        assert any(abs(each.confidence - other.confidence) < 0.02 for other in found[1])


@pytest.mark.parametrize("wanted", ["plain", "vectors"])
def test_packed_weights_are_kept_by_algorithm(tmp_path: Path, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one way to multiply has kept, another doesn't take for its own."""
    cfg, weights = nets.write(tmp_path)
    ops = cast(MatrixOps, cpu_backend().ops)
    x = nets.batch(Network(cfg, weights), 1, 0)
    expected: dict[str, Any] = {}
    for way in ("plain", "vectors", "plain", "vectors"):
        ops.use_matrices(way)
        first = expected.setdefault(way, Network(cfg, weights, precision="bf16").forward(x))
        np.testing.assert_array_equal(Network(cfg, weights, precision="bf16", packed_cache=True).forward(x), first)
    ops.use_matrices(wanted)

    def pack(*_: Any) -> Any:
        raise AssertionError("packed anew")

    from pydarknet.layers.convolutional import Convolution

    monkeypatch.setattr(Convolution, "packed_by_filters", pack)
    kept = Network(cfg, weights, precision="bf16", packed_cache=True)
    np.testing.assert_array_equal(kept.forward(x), expected[wanted])


def test_without_matrices_nothing_is_new() -> None:
    """Activations in floats, as on machines that have none."""
    cast(MatrixOps, cpu_backend().ops).use_matrices("vectors")
    net = network(LIKE_YOLOV4, "bf16")
    assert isinstance(net, Engine)
    names: list[str] = []

    def noted(self: Builder) -> None:
        names.extend(type(value).__name__ for value in self._values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Builder, "fuse", noted)
        net.plan_bytes(1)
    assert set(names) == {"Value"}
