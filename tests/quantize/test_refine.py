"""Scales, and layers in floats, that are chosen by what the network's output makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.plan.int8 import Quantisation
from pydarknet.quantize import choose, quantize, statistics
from pydarknet.quantize.judge import Judge, confidences, restored
from pydarknet.quantize.refine import is_live, made_up, with_scales
from pydarknet.quantize.weights import in_8_bits
from tests.lib import nets

CONV = "[convolutional]\nfilters={}\nsize=3\npad=1\nactivation=leaky\n"
LAYERS = CONV.format(8) + "[maxpool]\nsize=2\nstride=2\n" + CONV.format(16) + CONV.format(12) + CONV.format(12)


@pytest.fixture
def pictures() -> list[np.ndarray]:
    return [nets.picture(seed=seed) for seed in range(6)]


def error(net: Network, file: Path) -> float:
    """By the same inputs that the scales were chosen on."""
    inputs = []
    for seed in range(6):
        with net.plan(1) as plan:
            net.fit_images(plan.input, [nets.picture(seed=seed)], net.usual_fit())
            inputs.append(plan.input.copy())
    judge = Judge(net, inputs, 1)
    layers = Network(net.cfg, file).int8
    assert layers is not None
    try:
        return judge.error(layers)
    finally:
        net.int8 = None
        net.parameters_changed()


def test_refined_scales_change_less_of_the_output(
    tmp_path: Path, pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ranges twice as large as the values."""
    monkeypatch.setattr(statistics, "best_range", lambda _, low, high: statistics._of_range(2 * low, 2 * high))
    net = nets.network(LAYERS)
    x = nets.batch(net)
    before = net.forward(x)
    quantize(net, pictures, tmp_path / "quick.int8", refined=False)
    quantize(net, pictures, tmp_path / "net.int8")
    assert error(net, tmp_path / "net.int8") < error(net, tmp_path / "quick.int8")
    assert net.int8 is None, "the network keeps its floats"
    np.testing.assert_array_equal(net.forward(x), before)


def test_biases_make_up_for_the_mean_of_what_rounding_does(pictures: list[np.ndarray]) -> None:
    """Ranges of which half is cut off take much of each channel; in the mean nothing is missing behind it."""
    net = nets.network(LAYERS)
    choice = choose(net, [0, 3, 4])  # layer 2 alone reads bytes, the maximum of floats
    found = statistics.collect(net, pictures, choice.measured, net.usual_fit())
    own, (scale, zero) = in_8_bits(net, 2, choice, found), found.quantisation(1)
    table = {**{i: found.quantisation(i) for i in choice.measured}, 1: Quantisation(scale / 2, zero)}
    wanted = np.mean([output_of(net, x) for x in found.inputs], 0)
    missing = []
    for convolutions in ({2: own}, made_up(net, {2: own}, table, choice, found.inputs)):
        with restored(net):
            net.requantise(with_scales(convolutions, table, choice))
            missing.append(abs(np.mean([output_of(net, x) for x in found.inputs], 0) - wanted).mean())
    assert missing[1] < missing[0] / 2


def output_of(net: Network, x: np.ndarray) -> np.ndarray:
    """The means of the channels of layer 2."""
    net.forward(x)
    return net.layers[2].output.mean((0, 2, 3))


def test_other_scales_of_the_same_weights(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    """What was packed stays, and the output is that of the whole file."""
    net = nets.network(LAYERS)
    for name in "ab":
        quantize(net, pictures if name == "a" else pictures[:1], tmp_path / name)
    a, b = (Network(net.cfg, tmp_path / name) for name in "ab")
    x = nets.batch(net)
    a.forward(x)
    assert b.int8 is not None
    a.requantise(b.int8)
    np.testing.assert_array_equal(a.forward(x), b.forward(x))


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_share_of_the_operations_stays_in_floats(tmp_path: Path, pictures: list[np.ndarray], share: float) -> None:
    net = nets.network(LAYERS)
    everything = choose(net).convolutions
    quantize(net, pictures, tmp_path / "all.int8")
    choice = quantize(net, pictures, tmp_path / "some.int8", keep=share)
    kept = set(everything) - set(choice.convolutions)
    assert kept
    assert sum(net.layers[i].flops for i in kept) <= share * sum(net.layers[i].flops for i in everything)
    assert error(net, tmp_path / "some.int8") < error(net, tmp_path / "all.int8")


def test_outputs_in_bytes_that_are_handed_on_have_no_scale_of_their_own() -> None:
    net = nets.network(LAYERS)
    assert [is_live(net.layers, i, choose(net, [])) for i in range(4)] == [True, False, True, True]
    assert is_live(net.layers, 1, choose(net, [0])), "a maximum of floats, which the next layer wants in bytes"


def test_what_counts_of_a_head() -> None:
    """Objectness, and classes times it; where boxes lie doesn't."""
    net = nets.network()
    head = net.heads()[0]
    output = np.random.default_rng(0).uniform(size=(1, *head.out)).astype(np.float32)
    said = confidences(head, output)
    boxes = output.reshape(-1, head.box_values, head.out.h * head.out.w)
    assert said.size == boxes[:, head.coords :].size
    boxes[:, : head.coords] += 1
    np.testing.assert_array_equal(confidences(head, output), said)
    boxes[:, head.coords] = 0
    assert not confidences(head, output).any()
