"""Forward passes and training steps of a network as jobs that can be timed, as a whole or call by call."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pydarknet import Network
from pydarknet.backend import Backend
from pydarknet.cfg import parse_cfg
from pydarknet.dialects import dialect
from pydarknet.train.step import Stepper

WARM = 3  # loads kernels, records the graph, launches it
OBJECTS = 4  # of each picture
BACKWARD = 3  # a step's operations, in forward passes: forward, and two gradients of the same size


@dataclass(frozen=True)
class Job:
    """`make(backend)` gives the function that does it once; `net` has the layers, `training` says which job."""

    what: str
    net: Network
    batch: int
    training: bool
    make: Callable[[Backend], Callable[[], object]]

    @property
    def flops(self) -> float:
        """By Darknet's count."""
        return self.net.flops * self.batch * (BACKWARD if self.training else 1)

    def seconds(self, runs: int) -> float:
        """Median of so many runs."""
        return timed(self.make(self.net.backend), self.net.backend.wait, runs)


def timed(run: Callable[[], object], wait: Callable[[], None], runs: int) -> float:
    """Median time of a function whose work `wait` waits for."""
    seconds = []
    for _ in range(WARM + runs):
        start = time.perf_counter()
        run()
        wait()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[WARM:])


def open_network(cfg: str, device: str, precision: str, batch: int, size: int | None) -> Network:
    """The network with random weights, for mini-batches of `batch`."""
    parsed = parse_cfg(cfg)
    for key, value in (("batch", batch), ("subdivisions", 1)):
        parsed.net.set(key, value)
    net = Network(parsed, device=device, precision=None if device == "cpu" else precision)
    if size:
        net.resize(size, size)
    return net


def inference(cfg: str, device: str, precision: str, batch: int, size: int | None) -> Job:
    """A forward pass without its transfers."""
    net = open_network(cfg, device, precision, batch, size)

    def make(backend: Backend) -> Callable[[], object]:
        net.backend = backend
        net.parameters_changed()
        with net.plan(batch) as plan:
            backend.write(plan.input, np.random.default_rng(1).random(plan.input.shape, np.float32))
            return plan.run

    return Job(f"forward, batch {batch}", net, batch, False, make)


def training(cfg: str, device: str, precision: str, batch: int, size: int | None) -> Job:
    """A step: pictures in, forward, loss, backward, update."""
    net = open_network(cfg, device, precision, batch, size)
    x = np.random.default_rng(1).random((batch, *net.inputs), np.float32)

    def make(backend: Backend) -> Callable[[], object]:
        net.backend = backend
        stepper = Stepper(net, dialect("paper2017"))
        truth = truth_for(net, stepper, batch)

        def step() -> None:
            stepper.mini(x, truth)
            stepper.update()

        return step

    return Job(f"training step, batch {batch}", net, batch, True, make)


def truth_for(net: Network, stepper: Stepper, batch: int) -> np.ndarray:
    """Some boxes of random classes, or one class of a whole picture."""
    rng, head = np.random.default_rng(2), net.layers[-1]
    if not head.is_head:
        return np.eye(head.out.size, dtype=np.float32)[rng.integers(head.out.size, size=batch)]
    truth = np.zeros((batch, head.max_boxes, 5), np.float32)
    truth[:, :OBJECTS] = rng.uniform(0.2, 0.6, (batch, OBJECTS, 5))
    truth[:, :OBJECTS, 4] = rng.integers(head.classes if head.map is None else len(head.map), size=(batch, OBJECTS))
    return truth
