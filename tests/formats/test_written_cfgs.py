"""The cfgs that tools/write_cfgs.py writes are the published networks, layer by layer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pydarknet.formats.cfg import parse_cfg
from pydarknet.graph.graph import Graph
from tests.formats.test_cfg_files import network
from tools.write_cfgs import NETWORKS

CFG = Path(__file__).parents[2] / "cfg"
# Of AlexeyAB's files of these names at commit 59596d78.
DIGESTS = {
    "yolov4": "4c6c70caac1b26964cac2201defc8455911838c1b39eec8562162a4f7a802337",
    "yolov4-tiny": "bae7b29e178db190dd47adc16a060d5c85b4d73f4ecd41e55242dce71a087861",
    "yolov7": "a7f719d1a85000767276d8b2748263b482fd41156daa325652593887e4a0b398",
    "yolov7-tiny": "b75398a1e6c1215f609234157e16708b63d71dbfdabc3b8440d13fda4c2cbc6f",
}


def digest(path: Path) -> str:
    """Of all sections and options by value, whichever way other layers are named in."""
    head, *layers = network(parse_cfg(path))
    for index, (_, options) in enumerate(layers):
        for key in options.keys() & {"from", "layers"}:
            numbers = options[key]
            assert isinstance(numbers, list)
            options[key] = [number if number >= 0 else index + number for number in numbers]
    return hashlib.sha256(json.dumps([head, *layers], sort_keys=True).encode()).hexdigest()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_is_the_published_one(name: str) -> None:
    assert digest(CFG / f"{name}.cfg") == DIGESTS[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_file_is_what_the_tool_writes(name: str) -> None:
    assert (CFG / f"{name}.cfg").read_text() == NETWORKS[name]()


@pytest.mark.parametrize("name", NETWORKS)
def test_no_doubts_about_them(name: str) -> None:
    assert Graph(CFG / f"{name}.cfg").warnings == []
