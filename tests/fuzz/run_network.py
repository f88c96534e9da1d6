"""What a random network must do: run alike with any instruction set, batch and number of threads, at another size, on
an image; learn the same with any number of threads; keep its weights."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pydarknet import _cpuid
from pydarknet.backends.base import cpu_backend
from pydarknet.backends.isas import runnable
from pydarknet.dialects import DIALECTS
from pydarknet.errors import DarknetError
from pydarknet.network import Network
from pydarknet.train.step import Stepper

from .networks import is_small, larger

Floats = NDArray[np.float32]
RUNNABLE = runnable(_cpuid.best())
# Sums in another order, a dozen layers of them; and numbers so large that their squares are near the end of floats.
RELATIVE, LARGE = 2e-3, 1e15
STEEP = ("=stair", "kappa=0", "alpha=1e30")  # they make much of little


def run_network(path: Path) -> None:
    rng = Random(path.read_text())
    runs_alike(path)
    net = Network(path, threads=2)
    looks(net)
    with suppress(DarknetError):
        net.resize(*larger(rng, net.inputs))
    if is_small(net):
        forward(net, 2)
        looks(net)
    keeps_its_weights(path)
    learns_alike(path, rng)


TARGETS = {"run": run_network}


def pictures(net: Network, count: int) -> Floats:
    return np.random.default_rng(1).random((count, *net.inputs), dtype=np.float32)


def forward(net: Network, count: int) -> Floats:
    y: Floats = net.forward(pictures(net, count)).copy()
    assert y.shape == (count, *net.outputs)
    return y


def runs_alike(path: Path) -> None:
    """Each instruction set with threads and a batch of its own, and threads that change between plan and run."""
    found = []
    for isa, threads in zip(RUNNABLE, (1, 2, 5), strict=False):
        net = Network(path)
        net.backend = cpu_backend(isa)
        for count in (threads, threads + 2):
            net.backend.ops.set_num_threads(count)
            y = forward(net, 3)
            alone = net.forward(pictures(net, 3)[1:2])
            found += [y, np.concatenate([y[:1], alone, y[2:]])]
    if any(each in path.read_text() for each in STEEP) or any(
        getattr(layer, "empty_windows", False) for layer in net.layers
    ):
        return  # sums of the lowest float overflow in any way
    for y in found[1:]:
        alike(y, found[0])


def alike(actual: Floats, expected: Floats) -> None:
    if np.isfinite(expected).all() and np.abs(expected).max() < LARGE:
        error, scale = (float(np.linalg.norm(v.astype(np.float64))) for v in (actual - expected, expected))
        assert error <= RELATIVE * max(scale, 1e-3), (error, scale)


def looks(net: Network) -> None:
    """Detects on an image, or classifies it."""
    picture = np.arange(7 * 9 * net.inputs.c, dtype=np.uint8).reshape(7, 9, net.inputs.c)
    if net.inputs.c in (1, 3):
        with suppress(DarknetError):
            net.detect(picture, thresh=0.3) if net.heads() else net.classify(picture)


def keeps_its_weights(path: Path) -> None:
    file = path.with_suffix(".weights")
    net = Network(path, seed=3)
    net.save_weights(file)
    np.testing.assert_array_equal(forward(Network(path, file), 1), forward(net, 1))
    file.unlink()


def learns_alike(path: Path, rng: Random) -> None:
    """Two updates; DarknetError where a layer can't be trained."""
    dialect, learnt = DIALECTS[rng.choice(sorted(DIALECTS))], []
    for threads in (1, 3):
        stepper = Stepper(Network(path, threads=threads), dialect, 0, sequences=True)
        x = pictures(stepper.engine, stepper.mini_batch)
        for _ in range(2):
            for _ in range(stepper.subdivisions):
                stepper.mini(x, truth(stepper))
            stepper.update()
        learnt.append(np.array(stepper.parameters.values))
    np.testing.assert_array_equal(learnt[1], learnt[0])


def truth(stepper: Stepper) -> Floats:
    """Boxes for detectors, numbers for others."""
    shape = stepper._plan().truth.shape
    head: Any = stepper.engine.layers[-1]
    values: Floats = np.random.default_rng(2).random(shape, dtype=np.float32)
    if head.type in ("region", "yolo"):
        boxes = values.reshape(shape[0], -1, 5)
        boxes[..., 2:4] /= 3
        boxes[..., 4] = np.floor(boxes[..., 4] * head.classes)
        boxes *= head.classes > 0
    if head.type == "detection":
        cells = values.reshape(shape[0], head.side * head.side, -1)
        cells[..., : 1 + head.classes] = 0
        cells[:, 0, :2] = 1
    return values
