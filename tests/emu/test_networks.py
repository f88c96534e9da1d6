"""Networks on CUDA's kernels, emulated (or on a GPU, with PYDARKNET_TEST_BACKENDS=cuda), against the CPU's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.backends import base as backend_module
from pydarknet.backends.base import backend, cpu_backend
from pydarknet.detection.results import Box, Detection
from pydarknet.formats.cfg import Cfg, parse_cfg_text
from pydarknet.writers.lines import darknet_lines
from tests.lib import nets
from tests.lib.chosen import DEVICE
from tests.lib.networks_trained import IN_DIALECTS, TRAINED, TWO_HEADS, steppers, truth_of

# Sums of products in another order; a network is a few of them.
RELATIVE = 1e-4


@pytest.fixture(autouse=True, scope="module")
def apart() -> Iterator[None]:
    """On a GPU each array by itself, so that a sanitizer sees where it ends."""
    cupy = backend(DEVICE).arrays
    if DEVICE == "cuda":
        cupy.cuda.set_allocator(None)
    yield
    if DEVICE == "cuda":
        cupy.cuda.set_allocator(cupy.get_default_memory_pool().malloc)


def pair(cfg: Cfg) -> tuple[Network, Network]:
    """The network on the CPU and on the device, with factors as they are: what is compared is not the tensor cores'
    rounding."""
    return Network(cfg), Network(cfg, device=DEVICE, precision="fp32")


def error(actual: np.ndarray, expected: np.ndarray) -> float:
    """The norm of the difference, relative to that of what is expected."""
    return float(np.linalg.norm(actual - expected) / max(float(np.linalg.norm(expected)), 1e-20))


@pytest.mark.parametrize("kind", [*nets.LAYERS, "two heads"])
def test_every_layer(kind: str) -> None:
    cfg = parse_cfg_text(TRAINED[kind]) if kind == "two heads" else nets.layer_network(kind).cfg
    here, there = pair(cfg)
    for seed in range(2):
        x = nets.batch(here, 2, seed)
        assert error(there.forward(x), here.forward(x)) < RELATIVE
    for mine, theirs in zip(here.layers, there.layers, strict=True):
        assert error(theirs.output, mine.output) < RELATIVE, mine


@pytest.mark.parametrize("layers", [nets.DETECTOR, TWO_HEADS], ids=["region", "two heads"])
def test_detections(layers: str) -> None:
    here, there = pair(parse_cfg_text(nets.net_text(layers, 32)))
    pictures = [nets.picture(50, 40, seed) for seed in range(2)]
    expected = here.detect(pictures, thresh=0.2)
    assert sum(map(len, expected)) > 10
    for found, wanted in zip(there.detect(pictures, thresh=0.2), expected, strict=True):
        assert_same(found, wanted, 0.2)


def assert_same(found: list[Detection], expected: list[Detection], thresh: float) -> None:
    """The same detections, strongest first. Those whose confidences are nearer to each other than RELATIVE may stand
    in any order, and those as near to the threshold may be there or not."""
    least = thresh * (1 + RELATIVE)
    found, expected = list(found), list(expected)
    twins = [twin(each, expected) for each in found if each.confidence > least]
    assert len(set(twins)) == len(twins)
    assert [i for i, each in enumerate(expected) if each.confidence > least and i not in twins] == []
    wanted = np.array([expected[i].confidence for i in twins])
    np.testing.assert_allclose([each.confidence for each in found[: len(twins)]], wanted, rtol=RELATIVE)
    assert (wanted[1:] <= wanted[:-1] * (1 + 2 * RELATIVE)).all()


def test_near_ties_are_compared_as_sets() -> None:
    tied, other, weak = (
        Detection(i, f"{i}", confidence, confidence, Box(i, i, 1, 1)) for i, confidence in enumerate((0.9, 0.9, 0.5))
    )
    assert_same([other, tied, weak], [tied, other, weak], 0.2)
    assert_same([tied, other], [tied, other, weak], 0.5)
    for found in ([weak, tied, other], [tied, other], [tied, tied, weak]):
        with pytest.raises(AssertionError):
            assert_same(found, [tied, other, weak], 0.2)


def test_detections_differ_in_near_ties_alone() -> None:
    """All that may differ between backends: the order of detections whose confidences are nearer to each other than
    those of the backends are, and a printed percentage whose unrounded number is that near to a half. Never which
    boxes and classes. With yolov2-tiny on a photograph at 0.02 it is one pair among 1,162, 2.2e-6 apart."""
    here, there = pair(parse_cfg_text(nets.net_text(nets.DETECTOR, 32)))
    picture = nets.picture(60, 50, 3)
    expected, found = (network.detect(picture, thresh=0.02, nms=0.1) for network in (here, there))
    assert 100 < len(expected) < len(here.detect(picture, thresh=0.02, nms=0))
    twins = [twin(each, expected) for each in found]
    assert sorted(twins) == list(range(len(expected)))
    wanted = np.array([expected[i].confidence for i in twins])
    farthest = float(np.abs(np.array([each.confidence for each in found]) / wanted - 1).max())
    assert farthest < RELATIVE
    assert (wanted[1:] <= wanted[:-1] * (1 + 2 * farthest)).all()
    for line, i in zip(darknet_lines(found), twins, strict=True):
        above_half = 100 * expected[i].confidence % 1 - 0.5
        assert [line] == darknet_lines([expected[i]]) or abs(above_half) <= 100 * farthest


def twin(given: Detection, others: list[Detection]) -> int:
    """Which of the others is the same class of the same box."""
    near = [i for i, other in enumerate(others) if other.class_id == given.class_id]
    near = [i for i in near if np.allclose(others[i].box, given.box, rtol=RELATIVE, atol=0.01)]
    assert len(near) == 1, given
    return near[0]


@pytest.mark.parametrize(("kind", "dialect"), IN_DIALECTS)
def test_training(kind: str, dialect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two updates: the loss, its statistics, and every parameter."""
    # Masks of [dropout] are drawn lane by lane: the baseline has as many lanes as CUDA.
    monkeypatch.setattr(backend_module, "cpu_backend", partial(cpu_backend, "baseline"))
    here, there = steppers(kind, dialect, tmp_path, "cpu", DEVICE)
    rng = np.random.default_rng(1)
    for _ in range(2):
        for _ in range(here.subdivisions):
            x = rng.random((here.mini_batch, *here.engine.inputs), np.float32)
            truth = truth_of(here, rng)
            mine, theirs = here.mini(x, truth), there.mini(x, truth)
            assert mine.cost > 0
            np.testing.assert_allclose(theirs.cost, mine.cost, rtol=RELATIVE)
            for index, statistics in mine.statistics.items():
                np.testing.assert_allclose(theirs.statistics[index], statistics, rtol=RELATIVE, atol=1e-4)
        here.update()
        there.update()
    there.publish()
    for layer, other in zip(here.engine.layers, there.engine.layers, strict=True):
        for record in layer.records:
            wrong = error(other.parameters[record.name], layer.parameters[record.name])
            assert wrong < RELATIVE, f"{layer} {record.name}"
