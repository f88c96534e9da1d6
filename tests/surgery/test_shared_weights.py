"""Changes of weights that several layers have by `share_index`: once, whichever layer they are looked at in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pydarknet import surgery
from pydarknet.errors import CfgError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.network import Network
from tests.lib import nets

CONV = "[convolutional]\nfilters=8\nsize=3\npad=1\nactivation=leaky\n{}"
NORM = CONV.format("batch_normalize=1\n")


def network(more: str) -> Network:
    text = nets.net_text(CONV.format(more) * 2 + CONV.format(f"{more}share_index=1\ndilation=2\n"), 8)
    net = Network(parse_cfg_text(text, "shared.cfg"))
    rng = np.random.default_rng(1)
    for layer in net.layers:
        for record in layer.records:
            low = 0.5 if record.name in ("scales", "rolling_variance") else -0.5
            layer.parameters[record.name] = rng.uniform(low, low + 1, record.shape).astype(np.float32)
    net.parameters_changed()
    return net


def reset(net: Network) -> Network:
    surgery.reset(net)
    return net


@pytest.mark.parametrize(
    ("change", "more"),
    [
        (reset, "batch_normalize=1\n"),
        (lambda net: surgery.denormalize(net)[0], "batch_normalize=1\n"),
        (lambda net: surgery.normalize(net)[0], ""),
    ],
)
def test_the_answers_stay(change: Callable[[Network], Network], more: str, tmp_path: Path) -> None:
    net = network(more)
    x = nets.batch(net, 2)
    before = net.forward(x).copy()
    changed = change(net)
    # Batch norm that is neutral divides by sqrt(1 + 1e-5) at most, three times.
    np.testing.assert_allclose(changed.forward(x), before, rtol=2e-5, atol=1e-5)
    assert changed.layers[2].parameters is changed.layers[1].parameters
    changed.save_weights(tmp_path / "a.weights")
    again = Network(changed.cfg, tmp_path / "a.weights", dialect=changed.dialect.name)
    np.testing.assert_array_equal(again.forward(x), changed.forward(x))


@pytest.mark.parametrize("change", [surgery.rescale, surgery.rgbgr])
def test_weights_that_others_have_too_are_not_made_those_of_other_pictures(change: Callable[[Network], None]) -> None:
    conv = CONV.format("").replace("=8", "=3")
    net = Network(parse_cfg_text(nets.net_text(conv * 2 + "share_index=0\n", 8), "shared.cfg"))
    with pytest.raises(CfgError, match=r"shared\.cfg:\d+: .* layer 1 has its weights"):
        change(net)
