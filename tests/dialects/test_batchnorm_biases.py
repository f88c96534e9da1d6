"""[batchnorm] is stored with biases by AlexeyAB's Darknet, without by pjreddie's: the file's length tells, or it is
an error, and what is read is what is written again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet.dialects import DIALECTS
from pydarknet.errors import CfgError, WeightsError
from pydarknet.export.npz import load, save
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.engine import Engine
from tests.lib.cli_nets import call

CFG = """[net]
width=6
height=6
channels=3
{}
[convolutional]
filters=4
activation=linear
[batchnorm]
[convolutional]
filters=2
activation=linear
"""
THEIRS, OURS = "alexeyab", "paper2017"


def engine(*weights: Path, net: str = "", **options: object) -> Engine:
    return Engine(parse_cfg_text(CFG.format(net), "a.cfg"), *weights, **options)  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Weights as AlexeyAB's Darknet writes them."""
    net = engine(dialect=THEIRS)
    net.layers[1].parameters["biases"][:] = [1, 2, 3, 4]
    net.save_weights(tmp_path / "his.weights")
    return tmp_path / "his.weights"


def test_each_dialect_writes_its_own(tmp_path: Path) -> None:
    sizes = []
    for dialect in (OURS, "darknet2018", THEIRS):
        engine(dialect=dialect).save_weights(tmp_path / "a.weights")
        sizes.append((tmp_path / "a.weights").stat().st_size)
    assert sizes[0] == sizes[1] == sizes[2] - 16


@pytest.mark.parametrize("dialect", [None, OURS, THEIRS])
@pytest.mark.parametrize("stored", [OURS, THEIRS])
def test_length_tells(file: Path, tmp_path: Path, stored: str, dialect: str | None) -> None:
    if stored == OURS:
        file = tmp_path / "ours.weights"
        engine(dialect=OURS).save_weights(file)
    net = engine(file, dialect=dialect)
    assert ("biases" in net.layers[1].parameters) == (stored == THEIRS)
    assert any("stored as" in text for text in net.warnings) == ((dialect or OURS) != stored)
    net.save_weights(tmp_path / "again.weights")
    assert (tmp_path / "again.weights").read_bytes() == file.read_bytes()
    x = np.ones((1, 3, 6, 6), np.float32)
    np.testing.assert_allclose(net.forward(x), engine(file, dialect=stored).forward(x), rtol=1e-4)


def test_backbone(file: Path) -> None:
    """All of the file's length tells, where a part of it is read."""
    net = engine()
    net.load_weights(file, cutoff=2)
    np.testing.assert_array_equal(net.layers[1].parameters["biases"], [1, 2, 3, 4])


@pytest.mark.parametrize("more", [-8, 4, 100])
def test_length_that_tells_nothing(file: Path, more: int, capsys: pytest.CaptureFixture[str]) -> None:
    raw = file.read_bytes()
    file.write_bytes((raw + bytes(100))[: len(raw) + more])
    with pytest.raises(WeightsError, match=r"layer 1 \(batchnorm\) is stored .* which doesn't tell; .* --dialect"):
        engine(file)
    file.with_suffix(".cfg").write_text(CFG.format(""))
    assert call(capsys, "info", file.with_suffix(".cfg"), file).code == 2
    if more > 0:
        assert any("follow the last layer" in text for text in engine(file, dialect=THEIRS).warnings)
        engine(file, net=f"dialect={OURS}")


@pytest.mark.parametrize("dialect", [OURS, THEIRS])
def test_archives(file: Path, dialect: str) -> None:
    """They say what they have."""
    save(engine(file), file.with_suffix(".npz"))
    net = engine(dialect=dialect)
    load(file.with_suffix(".npz"), net)
    np.testing.assert_array_equal(net.layers[1].parameters["biases"], [1, 2, 3, 4])
    save(engine(dialect=OURS), file.with_suffix(".npz"))
    load(file.with_suffix(".npz"), net)
    assert "biases" not in net.layers[1].parameters


def test_training_loses_no_biases(file: Path) -> None:
    net = engine(file)
    with pytest.raises(CfgError, match="biases, which dialect paper2017 would lose"):
        net.adopt(DIALECTS[OURS])
    net.adopt(DIALECTS[THEIRS])
    np.testing.assert_array_equal(net.layers[1].parameters["biases"], [1, 2, 3, 4])
