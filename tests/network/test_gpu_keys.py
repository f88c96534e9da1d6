"""Keys that AlexeyAB's GPU build follows and his CPU build doesn't, by his formulas."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet import CfgError, Network
from pydarknet.dialects import DIALECTS
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.train.step import Stepper

NET = "[net]\nwidth=5\nheight=4\nchannels=3\nbatch=2\n"
CONV = "[convolutional]\nfilters={}\nsize=1\nactivation={}\n"


@pytest.mark.parametrize("filters", [1, 2, 3, 5])
@pytest.mark.parametrize("activation", ["linear", "mish"])
def test_coordconv(filters: int, activation: str) -> None:
    """The first three channels are x, y and the distance from the middle, behind the activation."""
    text = NET + CONV.format(filters, activation)
    bare, net = Network(parse_cfg_text(text)), Network(parse_cfg_text(text + "coordconv=1\n"))
    pictures = np.random.default_rng(1).random((2, 3, 4, 5), np.float32)
    expected = bare.forward(pictures)
    y, x = np.mgrid[-1:1:0.5, -1:1:0.4]
    known = np.stack([x, y, np.sqrt(x * x + y * y)])[:filters]
    expected[:, : len(known)] = known
    np.testing.assert_allclose(net.forward(pictures), expected, rtol=1e-6, atol=1e-6)
    assert not net.is_lazy


def test_coordconv_of_shares() -> None:
    with pytest.raises(CfgError, match="coordconv=1: places are no part of what normalize_channels makes"):
        Network(parse_cfg_text(NET + CONV.format(4, "normalize_channels") + "coordconv=1\n"))


def test_what_is_overwritten_learns_nothing() -> None:
    text = NET + CONV.format(5, "tanh") + "batch_normalize=1\ncoordconv=1\n[cost]\n"
    s = Stepper(Network(parse_cfg_text(text), dialect="alexeyab"), DIALECTS["alexeyab"])
    random = np.random.default_rng(2)
    s.mini(random.random((2, 3, 4, 5), np.float32), random.random((2, 5, 4, 5), np.float32))
    updates = s.parameters.updates
    assert np.count_nonzero(updates[:5]) == np.count_nonzero(updates[5:10]) == 2  # biases, scales
    assert not updates[:3].any()


PEAKS = NET + "[maxpool]\nsize=3\nmaxpool_zero_nonmax=1\n"


def test_pixels_that_are_no_maximum() -> None:
    x = np.random.default_rng(3).random((2, 3, 4, 5), np.float32) - 0.5
    pooled = Network(parse_cfg_text(PEAKS.replace("maxpool_zero_nonmax=1", ""))).forward(x)
    expected = np.where(x == pooled, x, 0)
    assert 0 < np.count_nonzero(expected) < expected.size
    np.testing.assert_array_equal(Network(parse_cfg_text(PEAKS)).forward(x), expected)


def test_deltas_of_peaks() -> None:
    """A pixel gets the deltas of all windows that it is the largest of, if its own is one of them: his way back."""
    text = PEAKS.replace("[maxpool]", CONV.format(3, "linear") + "[maxpool]") + "[cost]\n"
    s = Stepper(Network(parse_cfg_text(text), dialect="alexeyab"), DIALECTS["alexeyab"])
    x = np.random.default_rng(4).random((2, 3, 4, 5), np.float32)
    s.mini(x, np.zeros((2, 3, 4, 5), np.float32))
    inner = Network(s.engine.cfg, dialect="alexeyab").layers[0]
    weights, biases = (s.engine.layers[0].parameters[name] for name in ("weights", "biases"))
    z = np.einsum("oc,nchw->nohw", weights[:, :, 0, 0], x) + biases[:, None, None]
    padded = np.pad(z, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    largest = windows.max((4, 5)) == z
    delta = np.zeros_like(padded)
    for index in np.ndindex(z.shape):
        place = np.unravel_index(windows[index].argmax(), (3, 3))
        delta[(*index[:2], index[2] + place[0], index[3] + place[1])] -= z[index] if largest[index] else 0
    expected = (delta[:, :, 1:-1, 1:-1] * largest).sum((0, 2, 3))
    np.testing.assert_allclose(s.parameters.updates[: inner.out.c], expected, rtol=1e-5)


def test_peaks_keep_the_size() -> None:
    with pytest.raises(CfgError, match="maxpool_zero_nonmax=1: expected an output of the input's size"):
        Network(parse_cfg_text(PEAKS + "stride=2\n"))
