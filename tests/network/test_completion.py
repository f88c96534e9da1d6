"""What IPython and Jupyter complete: they ask jedi, which looks at every property of an object."""

from __future__ import annotations

import pytest

import pydarknet
from tests.lib import nets

jedi = pytest.importorskip("jedi")
net = nets.network()
found = net.detect(nets.picture(), thresh=0.1)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("pydarknet.Netw", "Network"),
        ("net.det", "detect"),
        ("net.layers[0].par", "parameters"),
        ("net.cfg.sec", "sections"),
        ("found.plo", "plot"),
        ("found.boxes.xyx", "xyxy"),
        ("found[0].conf", "confidence"),
        ("found[0].box.le", "left"),
    ],
)
def test_names_are_completed(text: str, name: str) -> None:
    names = {"pydarknet": pydarknet, "net": net, "found": found}
    assert name in [each.name for each in jedi.Interpreter(text, [names]).complete()]
