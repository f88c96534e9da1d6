"""The published yolov3-tiny.weights in 8 bits on Debian's photographs: what the floats find is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from pydarknet import Network, catalog
from pydarknet.images.image import load_image
from pydarknet.quantize import quantize

from .oracle_library import SHARE
from .test_real_weights import PHOTOGRAPHS, ROOT

# Measured on these: 0.064 and 0.78. docs/quantization.md has the distribution.
CONFIDENCE, OVERLAP = 0.15, 0.6


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, Network]:
    """In floats and in 8 bits."""
    cfg, file = ROOT / "cfg" / "yolov3-tiny.cfg", tmp_path_factory.mktemp("int8") / "yolov3-tiny.int8"
    net = Network(cfg, catalog.get("yolov3-tiny", quiet=True))
    quantize(net, [load_image(path(each)) for each in PHOTOGRAPHS], file)
    return net, Network(cfg, file)


def path(photograph: str) -> Path:
    return SHARE / "data" / f"{photograph}.jpg"


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
def test_photograph(networks: tuple[Network, Network], photograph: str) -> None:
    net, in_8_bits = networks
    near = in_8_bits.detect(path(photograph), thresh=0.1)
    for each in net.detect(path(photograph), thresh=0.3):
        same = [d for d in near if d.class_id == each.class_id and overlap(d.box, each.box) > OVERLAP]
        assert min((abs(d.confidence - each.confidence) for d in same), default=1.0) < CONFIDENCE, each


def overlap(a, b) -> float:
    """IoU of two boxes by centre and size."""
    w = min(a.x + a.w / 2, b.x + b.w / 2) - max(a.x - a.w / 2, b.x - b.w / 2)
    h = min(a.y + a.h / 2, b.y + b.h / 2) - max(a.y - a.h / 2, b.y - b.h / 2)
    both = max(w, 0) * max(h, 0)
    return both / (a.w * a.h + b.w * b.h - both)
