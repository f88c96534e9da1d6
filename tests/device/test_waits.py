"""What a pass over the network costs the host: waits, copies and allocations of Python and of the launchers in C++,
counted on a fake CuPy whose extension is the emulator. Nothing is on the default stream."""

from __future__ import annotations

import ctypes
import importlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pydarknet import DeviceError, Network, Trainer
from pydarknet.backends import cuda
from pydarknet.backends.base import emu_backend
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.layers.region import Region
from pydarknet.plan.plan import Builder, Value
from pydarknet.plan.tape import Tape
from tests.lib import nets, toy_training
from tests.lib.fake_cupy import Machine
from tests.lib.networks_trained import steppers, truth_of

pytestmark = pytest.mark.emulator
REGION = nets.net_text(nets.DETECTOR)
CONV = nets.CONV.format(filters=8, size=3)
CLASSIFIER = nets.net_text(CONV + "[avgpool]\n[connected]\noutput=4\n[softmax]\ngroups=2\n", 8)


class Launched(ctypes.Structure):
    """Counts of csrc/emu/machine/counts.h."""

    _fields_ = [(name, ctypes.c_int64) for name in ("launches", "waits", "copies_in", "allocations", "unordered")]


def launched() -> Launched:
    """What the emulator's launchers have counted; the structure goes on counting."""
    library = ctypes.CDLL(importlib.import_module("pydarknet._emu").__file__)
    library.pydarknet_emu_counts.restype = ctypes.POINTER(Launched)
    counts: Launched = library.pydarknet_emu_counts().contents
    return counts


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """One GPU, whose kernels the emulator runs."""
    emu_backend()  # says how to build it where it is missing
    counts = launched()
    machine = Machine(ops=importlib.import_module("pydarknet._emu"), waited=lambda: counts.waits)
    monkeypatch.setattr(cuda, "load_extension", lambda: machine.extension)
    monkeypatch.setattr(cuda, "load_cupy", lambda: machine.cupy)
    cuda.cuda_backend.cache_clear()
    yield machine
    cuda.cuda_backend.cache_clear()


def cost(machine: Machine, work: Callable[[], object]) -> dict[str, int]:
    """What some work costs. Python's part: transfers `in` and `out`, `waits`, `allocations` out of CuPy's pool and
    `questions` to the driver; with a star the launchers': `waits*`, `copies_in*`, `allocations*` of scratch memory in
    the order of the stream. What costs nothing is left out."""
    machine.taken()
    machine.counts.clear()
    counts = launched()
    before = {name: getattr(counts, name) for name, *_ in Launched._fields_}
    work()
    stars = {name: getattr(counts, name) - number for name, number in before.items()}
    assert stars.pop("launches") > 0
    assert stars.pop("unordered") == 0
    python = Counter(direction for direction, _ in machine.taken()) + machine.counts
    return dict(python) | {f"{name}*": number for name, number in stars.items() if number}


def warm(net: Network) -> np.ndarray:
    """An input of a network whose plan is recorded."""
    x = nets.batch(net, 2)
    for _ in range(2):
        net.forward(x)
    return x


@pytest.mark.parametrize("text", [REGION, CLASSIFIER], ids=["region", "classifier"])
def test_a_forward_pass_waits_for_its_output_alone(machine: Machine, text: str) -> None:
    net = Network(parse_cfg_text(text), device="cuda")
    x = warm(net)
    assert cost(machine, lambda: net.forward(x)) == {"in": 1, "out": 1, "waits": 1}
    given = net.backend.to_device(x)
    assert cost(machine, lambda: net.forward(given, on_device=True)) == {"allocations": 1}
    assert machine.launches == 3


def test_detection_waits_for_boxes_alone(machine: Machine) -> None:
    """In: the image, sorted boxes and the runs of their classes. Out: how many boxes each image has, their
    numbers, their values, which of them stay."""
    net = Network(parse_cfg_text(nets.net_text(nets.DETECTOR, 32)), device="cuda")
    picture = nets.picture(50, 40)
    for _ in range(2):
        net.detect(picture, thresh=0.2)
    expected = {"in": 3, "out": 4, "waits": 4, "allocations": 7, "allocations*": 1}
    assert cost(machine, lambda: net.detect(picture, thresh=0.2)) == expected
    without = cost(machine, lambda: net.detect(picture, thresh=0.2, nms=0))
    assert (without["in"], without["out"], without["waits"]) == (1, 3, 3)


class Training:
    """A training on the GPU, with a mini-batch that can be repeated."""

    def __init__(self, kind: str, folder: Path) -> None:
        (self.stepper,) = steppers(kind, "paper2017", folder, "cuda")
        rng = np.random.default_rng(1)
        self.x = rng.random((2, *self.stepper.engine.inputs), np.float32)
        self.truth = truth_of(self.stepper, rng)

    def mini(self) -> None:
        self.stepper.mini(self.x, self.truth)


@pytest.mark.parametrize(("kind", "scratch"), [("region", 12), ("tree", 6)])
def test_a_training_step_waits_for_the_loss_line_alone(
    machine: Machine, kind: str, scratch: int, tmp_path: Path
) -> None:
    training = Training(kind, tmp_path)
    assert cost(machine, training.mini) == {"in": 2, "waits*": 1, "allocations*": scratch}
    assert cost(machine, training.stepper.update) == {}


def test_a_trainer_waits_for_the_loss_line_and_a_check(machine: Machine, tmp_path: Path) -> None:
    """A mini-batch: its loss, and whether updates are finite; after the update, whether they and parameters are."""
    data, cfg = toy_training.make(tmp_path)
    with Trainer(cfg, data, max_batches=100, save_every=50, device="cuda") as trainer:
        next(trainer)
        subdivisions = trainer.stepper.subdivisions
        found = cost(machine, lambda: next(trainer))
        del found["allocations*"]
        assert found == {"in": 2 * subdivisions, "waits*": 2 * subdivisions + 2}


# The counts find what they are for.


def test_a_planted_wait_of_python_is_counted(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    net = Network(parse_cfg_text(REGION), device="cuda")
    x = warm(net)
    write = cuda.CudaBackend.write

    def waiting(self: cuda.CudaBackend, *arrays: object) -> None:
        write(self, *arrays)
        self.wait()

    monkeypatch.setattr(cuda.CudaBackend, "write", waiting)
    assert cost(machine, lambda: net.forward(x))["waits"] == 2


def test_a_planted_wait_of_a_launcher_is_counted(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    train = Region.train

    def waiting(self: Region, p: Tape, x: Value) -> Value:
        y = train(self, p, x)
        p.emit(p.ops.all_finite, y)
        return y

    monkeypatch.setattr(Region, "train", waiting)
    assert cost(machine, Training("region", tmp_path).mini)["waits*"] == 2


def test_a_launcher_that_waits_cannot_be_recorded(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Region.plan

    def waiting(self: Region, p: Builder, x: Value) -> Value:
        y = plan(self, p, x)
        p.emit(p.ops.all_finite, y)
        return y

    monkeypatch.setattr(Region, "plan", waiting)
    net = Network(parse_cfg_text(REGION), device="cuda")
    x = nets.batch(net)
    net.forward(x)
    with pytest.raises(DeviceError, match="cudaErrorStreamCaptureUnsupported"):
        net.forward(x)


def test_the_default_stream_is_noticed(machine: Machine) -> None:
    net = Network(parse_cfg_text(REGION), device="cuda")
    x = warm(net)
    with net.plan(2) as plan:
        array = plan.input._hidden
    with pytest.raises(AssertionError, match="unordered"):
        cost(machine, lambda: (net.forward(x), machine.ops.fill(array, 0.0)))
