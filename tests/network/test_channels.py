"""Sections of the YOLOR line: numbers that a network knows, added to channels or multiplied with them."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet import CfgError, Network
from pydarknet.formats.cfg import parse_cfg_text

NET = "[net]\nwidth=5\nheight=4\nchannels=3\n[empty]\n[implicit_add]\nfilters=3\n[implicit_mul]\nfilters=3\n"
BOTH = "[route]\nlayers=0\n[shift_channels]\nfrom=1\n[control_channels]\nfrom=-3\n"


def test_shift_and_control() -> None:
    """As yolor's program has them: a + x, m * x."""
    net = Network(parse_cfg_text(NET + BOTH))
    a, m = (layer.parameters["weights"] for layer in net.layers[1:3])
    assert abs(a).max() < 0.1 < 0.9 < m.min() < m.max() < 1.1  # they begin near 0 and 1
    x = np.random.default_rng(1).random((2, 3, 4, 5), np.float32)
    np.testing.assert_allclose(net.forward(x), (x + a) * m, rtol=1e-6)


@pytest.mark.parametrize("section", ["shift_channels", "control_channels"])
def test_a_number_for_each_channel(section: str) -> None:
    for source in ("0", "3"):
        cfg = parse_cfg_text(f"{NET}[implicit_add]\nfilters=4\n[route]\nlayers=0\n[{section}]\nfrom={source}\n")
        with pytest.raises(CfgError, match="expects a number for each of 3 channels from layer"):
            Network(cfg)
