"""Parameters of networks without weights."""

from __future__ import annotations

import pytest

from pydarknet import CfgError, Network
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph import initialise


def test_parameters_without_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(initialise, "_start", start)
    with pytest.raises(CfgError, match=r":3: \[connected\] its biases are 7 numbers, for which there is no memory"):
        Network(parse_cfg_text("[net]\ninputs=3\n[connected]\noutput=7\n"))
