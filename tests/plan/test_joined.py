"""Concatenations without copies: the bits of those with them."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.plan.joined import joined

NET = "[net]\nwidth=12\nheight=8\nchannels=3\n"
CONV = "[convolutional]\nfilters={}\nsize=3\npad=1\nactivation=mish\n"
ROUTE = "[route]\nlayers={}\n"


def network(*sections: str) -> Network:
    return Network(parse_cfg_text(NET + "".join(sections)))


def copies_of(monkeypatch: pytest.MonkeyPatch, net: Network, images: int) -> int:
    """How many copies its plan has; its output is that of a plan in which nothing shares memory."""
    left = []

    def counted(*args):  # type: ignore[no-untyped-def]
        calls, parts = joined(*args)
        left.append(sum(op is net.backend.ops.copy_channels for op, _ in calls))
        return calls, parts

    monkeypatch.setattr("pydarknet.plan.plan.joined", counted)
    x = np.random.default_rng(0).standard_normal((images, 3, 8, 12)).astype(np.float32)
    for _ in range(2):  # as good as new the second time
        y = net.forward(x)
        assert np.array_equal(y, net.layer_output(net.layers[-1].index))
    return left[0]


def conv(filters: int) -> str:
    return CONV.format(filters)


PAIR = [conv(16), conv(32), ROUTE.format("-1,-2")]


@pytest.mark.parametrize(
    ("sections", "copies"),
    [
        pytest.param([*PAIR, conv(8)], 0, id="two parts"),
        pytest.param([*PAIR, conv(16), ROUTE.format("-1,-4"), conv(8)], 1, id="in two"),
        pytest.param([conv(16), ROUTE.format("-1,-1"), conv(8)], 2, id="the same twice"),
        pytest.param([*PAIR, ROUTE.format("-1,-2"), conv(8)], 2, id="a whole and its part"),
        pytest.param([*PAIR, conv(16), ROUTE.format("-1,-2"), conv(8)], 0, id="of another"),
        pytest.param([conv(16), conv(7), ROUTE.format("-1,-2"), conv(8)], 2, id="not whole blocks"),
        pytest.param([conv(16), conv(21), conv(16), ROUTE.format("-3,-2,-1"), conv(8)], 2, id="broken by the second"),
        pytest.param([conv(32), "[maxpool]\nsize=2\nstride=1\n", ROUTE.format("-1,-2")], 0, id="the output"),
    ],
)  # fmt: skip
def test_one_image(monkeypatch: pytest.MonkeyPatch, sections: list[str], copies: int) -> None:
    net = network(*sections)
    assert copies_of(monkeypatch, net, 1) == copies


def test_several_images_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    assert copies_of(monkeypatch, network(conv(32), conv(16), ROUTE.format("-1,-2"), conv(8)), 2) == 2
