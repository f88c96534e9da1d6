"""Forward passes and training steps of a network as jobs that can be timed, as a whole or call by call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from gpu_time import Clock, cupy_clock, host_clock, timed

from pydarknet import Network
from pydarknet.backends.base import Backend
from pydarknet.dialects import dialect
from pydarknet.formats.cfg import parse_cfg
from pydarknet.layers import Head
from pydarknet.train.step import Stepper

OBJECTS = 4  # of each image
BACKWARD = 3  # a step's operations, in forward passes: forward, and two gradients of the same size


@dataclass(frozen=True)
class Case:
    """A network's pass, or training step; `size` of its input squared, None as the cfg says."""

    cfg: str
    size: int | None
    batch: int
    precision: str
    training: bool = False

    def __str__(self) -> str:
        kind = "training step" if self.training else "forward"
        size = f" {self.size}" if self.size else ""
        return f"{Path(self.cfg).stem}{size} {kind}, batch {self.batch}"


@dataclass(frozen=True)
class Job:
    """`make(backend)` gives the function that does it once; `net` has the layers."""

    case: Case
    net: Network
    make: Callable[[Backend], Callable[[], object]]

    @property
    def flops(self) -> float:
        """By Darknet's count."""
        return self.net.flops * self.case.batch * (BACKWARD if self.case.training else 1)

    def seconds(self, samples: int) -> float:
        """Its time, images and all on the device."""
        backend = self.net.backend
        return timed(self.make(backend), clock_of(backend), samples)


def clock_of(backend: Backend) -> Clock:
    """The GPU's own clock; elsewhere the machine's."""
    return cupy_clock(backend.arrays.cuda) if backend.name.startswith("cuda:") else host_clock(backend.wait)


@lru_cache(maxsize=1)
def open_network(cfg: str, device: str, size: int | None, batch: int) -> Network:
    """The network with random weights, for training with mini-batches of `batch`. The last one is kept."""
    parsed = parse_cfg(cfg)
    for key, value in (("batch", batch), ("subdivisions", 1)):
        parsed.net.set(key, value)
    net = Network(parsed, device=device)
    if size:
        net.resize(size, size)
    return net


def open_job(case: Case, device: str) -> Job:
    """The job of a case. DarknetError if the device can't do it."""
    net = open_network(case.cfg, device, case.size, case.batch if case.training else 1)
    net.backend = net.backend.with_precision(case.precision)
    net.parameters_changed()
    return Job(case, net, training(net, case.batch) if case.training else inference(net, case.batch))


def inference(net: Network, batch: int) -> Callable[[Backend], Callable[[], object]]:
    """A forward pass without its transfers."""

    def make(backend: Backend) -> Callable[[], object]:
        net.backend = backend
        net.parameters_changed()
        with net.plan(batch) as plan:
            backend.write(plan.input, np.random.default_rng(1).random(plan.input.shape, np.float32))
            return plan.run

    return make


def training(net: Network, batch: int) -> Callable[[Backend], Callable[[], object]]:
    """A step: forward, loss, backward, update. Its images and truths lie on the device already."""

    def make(backend: Backend) -> Callable[[], object]:
        net.backend = backend
        stepper = Stepper(net, dialect("paper2017"))
        x = backend.to_device(np.random.default_rng(1).random((batch, *net.inputs), np.float32))
        truth = backend.to_device(truth_for(net, batch))

        def step() -> None:
            stepper.mini(x, truth)
            stepper.update()

        return step

    return make


def truth_for(net: Network, batch: int) -> np.ndarray:
    """Some boxes of random classes, or one class of a whole image."""
    rng, head = np.random.default_rng(2), net.layers[-1]
    if not isinstance(head, Head):
        return np.eye(head.out.size, dtype=np.float32)[rng.integers(head.out.size, size=batch)]
    truth = np.zeros((batch, head.max_boxes, 5), np.float32)
    truth[:, :OBJECTS] = rng.uniform(0.2, 0.6, (batch, OBJECTS, 5))
    truth[:, :OBJECTS, 4] = rng.integers(head.classes if head.map is None else len(head.map), size=(batch, OBJECTS))
    return truth
