"""AlexeyAB's `bin_output=1` leaves only signs: nothing else may be read of them."""

from __future__ import annotations

import pytest

from pydarknet.errors import CfgError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.graph import Graph

BITS = "[convolutional]\nxnor=1\nbin_output=1\nfilters=4\nactivation=leaky\n"
XNOR = "[convolutional]\nxnor=1\nfilters=4\nactivation=leaky\n"
PLAIN = "[convolutional]\nfilters=4\nactivation=leaky\n"
POOL = "[maxpool]\nsize=2\nstride=2\n"


def graph(*sections: str) -> Graph:
    return Graph(parse_cfg_text("[net]\nwidth=8\nheight=8\nchannels=3\n" + "".join(sections), "bits.cfg"))


@pytest.mark.parametrize("after", [[XNOR], [POOL, XNOR], ["[shortcut]\nfrom=-2\n"], ["[route]\nlayers=-1\n"], []])
def test_signs_are_enough(after: list[str]) -> None:
    graph(PLAIN, XNOR, BITS, *after)


@pytest.mark.parametrize("after", [[PLAIN], [POOL, PLAIN], ["[upsample]\n"], ["[connected]\noutput=3\n"]])
def test_signs_are_not_enough(after: list[str]) -> None:
    with pytest.raises(CfgError, match=r"bits\.cfg:14: .*bin_output=1: layer [34] \[\w+\] needs more than the signs"):
        graph(PLAIN, XNOR, BITS, *after)
    graph(PLAIN, XNOR, BITS.replace("bin_output=1", "bin_output=0"), *after)
