"""A photograph on the emulated GPU, in whatever order its threads run, and what fresh arrays hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pydarknet import Network, catalog
from pydarknet.backends.base import backend
from pydarknet.errors import DeviceError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.writers import darknet_lines
from tests.lib.nets import DETECTOR, batch, net_text

ROOT = Path(__file__).parents[2]
DOG = Path("/usr/share/darknet/data/dog.jpg")  # of Debian's package darknet


def test_a_fresh_array_has_no_values() -> None:
    emu = backend("emu")
    x = emu.empty((5,))
    with pytest.raises(
        DeviceError, match="uninitialised read: reads 4 bytes of 'x' at byte 0, which nobody has written"
    ):
        emu.ops.all_finite(x)


def test_real_weights() -> None:
    """yolov3-tiny on a photograph: the labels, whole percents and boxes of the CPU, and the labels of Darknet."""
    files = ROOT / "cfg" / "yolov3-tiny.cfg", catalog.get("yolov3-tiny", quiet=True)
    names = ROOT / "data" / "coco.names"
    cpu, emu = (Network(*files, names=names, device=device).detect(DOG, thresh=0.25) for device in ("cpu", "emu"))
    assert darknet_lines(emu) == darknet_lines(cpu)
    for ours, theirs in zip(emu, cpu, strict=True):
        assert np.abs(np.subtract(ours.box, theirs.box)).max() < 1, ours
    golden = json.loads((ROOT / "tests" / "goldens" / "real_weights.json").read_text())
    expected = golden["networks"]["yolov3-tiny"]["dog"]["0.25"]
    assert sorted(d.name for d in emu) == sorted(d["label"] for d in expected)


@pytest.mark.parametrize("order", ["0", "1"])
def test_every_layer_of_a_small_detector(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order blocks and threads run."""
    monkeypatch.setenv("PYDARKNET_EMU_SEED", order)
    cfg = parse_cfg_text(net_text(DETECTOR, 32), "small.cfg")
    cpu, emu = (Network(cfg, seed=0, device=device) for device in ("cpu", "emu"))
    x = batch(cpu, 2)
    cpu.forward(x)
    emu.forward(x)
    for ours, theirs in zip(emu.layers, cpu.layers, strict=True):
        scale = np.abs(theirs.output).max()
        # TF32 factors have 11 significant bits: each product is off by 2^-11 at most, sums by less.
        np.testing.assert_allclose(ours.output, theirs.output, rtol=0, atol=2e-3 * scale)
