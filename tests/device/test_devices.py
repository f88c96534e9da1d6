"""Which device is meant, what is missing where it can't be used, and how its failures read."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydarknet.darknet as dn
from pydarknet import Network
from pydarknet.backends import cuda
from pydarknet.backends.base import backend, choose, cpu_backend, parse_device
from pydarknet.backends.device_ops import DeviceOps
from pydarknet.cli.options import add_machine, device_of
from pydarknet.cli.parser import Parser
from pydarknet.compat import _networks
from pydarknet.errors import DeviceError
from pydarknet.formats.cfg import parse_cfg_text
from tests.lib import cli_nets, nets
from tests.lib.fake_cupy import Machine, RuntimeFailureError

TEXT = nets.net_text(nets.DETECTOR)


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("cpu", ("cpu", 0)),
        ("emu", ("emu", 0)),
        ("cuda", ("cuda", 0)),
        ("cuda:3", ("cuda", 3)),
        ("auto:1", ("auto", 1)),
    ],
)
def test_names(device: str, expected: tuple[str, int]) -> None:
    assert parse_device(device) == expected


NO_DEVICES: list[Any] = ["", "gpu", "cuda:", "cuda:-1", "cpu:0", "cuda:99999", "CUDA", "cuda:0 ", "emu:1", None]


@pytest.mark.parametrize("device", NO_DEVICES)
def test_other_names_are_errors(device: Any) -> None:
    message = f"device {str(device)!r}: expected cpu, cuda, cuda:N, auto or emu"
    with pytest.raises(DeviceError, match=re.escape(message)):
        Network(parse_cfg_text(TEXT), device=device)


@pytest.mark.parametrize(
    ("words", "device"),
    [
        ([], "cpu"),
        (["-i", "0"], "auto:0"),
        (["-i", "2"], "auto:2"),
        (["-gpus", "2"], "auto:2"),
        (["-i", "-1"], "cpu"),
        (["-nogpu"], "cpu"),
        (["-i", "1", "-nogpu"], "cpu"),
        (["--device", "cuda:1"], "cuda:1"),
        (["-device", "emu", "-i", "1"], "emu"),
        (["--device", "cuda", "-nogpu"], "cpu"),
    ],
)
def test_options(words: list[str], device: str) -> None:
    parser = Parser()
    parser.add_argument("words", nargs="*")
    add_machine(parser)
    assert device_of(parser.parse([*words, "net.cfg"])) == device


def test_of_several_gpus_the_first_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    result = cli_nets.call(capsys, "detector", "train", "toy.data", "net.cfg", "-gpus", "0,1")
    assert "-gpus 0,1: a network runs on one GPU; 0 is taken" in result.err


# What is missing, one after the other.


def missing(name: str) -> Any:
    """An import_module for which this one module is not installed."""
    real = importlib.import_module

    def imported(wanted: str, *rest: Any) -> Any:
        if wanted == name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(wanted, *rest)

    return imported


def unloadable(name: str) -> Any:
    def imported(wanted: str, *_: Any) -> Any:
        raise ImportError("libcudart.so.13: cannot open shared object file: No such file or directory", name=wanted)

    return imported


def test_no_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", missing("pydarknet._cuda"))
    with pytest.raises(DeviceError, match=r"built without CUDA.*PYDARKNET_CUDA=1 pip install"):
        cuda.load_extension()


def test_an_extension_without_its_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", unloadable("pydarknet._cuda"))
    with pytest.raises(DeviceError, match=r"_cuda can't be loaded \(libcudart.*install the CUDA runtime"):
        cuda.load_extension()


def test_no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", missing("cupy"))
    with pytest.raises(DeviceError, match=r"CuPy is not installed; run `pip install cupy-cuda13x`"):
        cuda.load_cupy()


def test_a_broken_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", unloadable("cupy"))
    with pytest.raises(DeviceError, match=r"CuPy can't be loaded \(libcudart"):
        cuda.load_cupy()


@pytest.mark.parametrize(
    ("status", "text", "message"),
    [
        (
            35,
            "cudaErrorInsufficientDriver: CUDA driver version is insufficient",
            "there is no NVIDIA driver, or one too",
        ),
        (100, "cudaErrorNoDevice: no CUDA-capable device is detected", "there is no NVIDIA GPU"),
        (802, "cudaErrorSystemNotReady: system not yet initialized", "CUDA can't be used: cudaErrorSystemNotReady"),
    ],
)
def test_no_driver_and_no_gpu(machine: Machine, status: int, text: str, message: str) -> None:
    def fail() -> int:
        raise RuntimeFailureError(status, text)

    machine.cupy.cuda.runtime.getDeviceCount = fail
    with pytest.raises(DeviceError, match=message) as caught:
        backend("cuda")
    assert text in str(caught.value)


def test_no_gpu_is_counted(machine: Machine) -> None:
    machine.count = 0
    with pytest.raises(DeviceError, match="there is no NVIDIA GPU"):
        backend("cuda")


def test_too_high_a_number(machine: Machine) -> None:
    assert backend("cuda:1").name == "cuda:1"
    with pytest.raises(DeviceError, match="there is no cuda:2: this machine has 2 GPUs"):
        backend("cuda:2")


def test_a_gpu_that_others_hold(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "cudaErrorDevicesUnavailable: CUDA-capable device(s) is/are busy or unavailable"

    def fail(_: Any) -> None:
        raise RuntimeFailureError(46, text)

    monkeypatch.setattr(machine.cupy.cuda.Device, "__enter__", fail)
    with pytest.raises(DeviceError, match=r"^cuda:1: cudaErrorDevicesUnavailable"):
        backend("cuda:1")
    chosen, warning = choose("auto")
    assert chosen is cpu_backend()
    assert warning == f"device auto: running on the CPU, since cuda:0: {text}"


def test_kernels_for_other_gpus(machine: Machine) -> None:
    def fill(*_: Any, **__: Any) -> None:
        raise DeviceError("fill: no kernel image is available for execution on the device")

    machine.extension.fill = fill  # type: ignore[attr-defined]
    with pytest.raises(
        DeviceError, match=r"don't run on cuda:0, of compute capability 9\.0 .*no kernel image.*ARCHS=90"
    ):
        backend("cuda")


def reason() -> str | None:
    """Why this machine has no usable GPU."""
    cuda.cuda_backend.cache_clear()
    try:
        backend("cuda")
    except DeviceError as error:
        return str(error)
    return None


def test_this_machine() -> None:
    """`auto` gives a network that runs; without a usable GPU it says what is missing."""
    why = reason()
    net = Network(parse_cfg_text(TEXT), device="auto")
    assert np.isfinite(net.forward(nets.batch(net))).all()
    assert net.warnings == ([] if why is None else [f"device auto: running on the CPU, since {why}"])
    known = "built without CUDA|can't be loaded|not installed|no NVIDIA driver|no NVIDIA GPU"
    assert why is None or re.search(known, why)


def test_the_extension_needs_no_driver() -> None:
    """Where it was built it can be imported, and is never the reason that `cuda` is missing."""
    if importlib.util.find_spec("pydarknet._cuda") is None:
        assert "built without CUDA" in str(reason())
    else:
        assert importlib.import_module("pydarknet._cuda").block == 4
        assert "_cuda" not in str(reason())


def test_describe(machine: Machine) -> None:
    assert backend("cuda").describe() == "cuda:0 (NVIDIA Paper, compute capability 9.0)"


# Falling back.


def test_auto_takes_the_gpu(machine: Machine) -> None:
    chosen, warning = choose("auto:1")
    assert (chosen.name, warning) == ("cuda:1", None)


def test_auto_falls_back_and_says_so(machine: Machine) -> None:
    machine.count = 0
    chosen, warning = choose("auto")
    assert chosen is cpu_backend()
    assert warning == "device auto: running on the CPU, since there is no NVIDIA GPU"


def test_the_command_line_says_so_once(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cli_nets.write_files(tmp_path)
    words = ["detect", "net.cfg", "net.weights", "a.jpg", "--names", "toy.names", "--no-draw"]
    assert "cuda:1 (NVIDIA Paper" in cli_nets.call(capsys, *words, "-i", 1).err
    machine.count = 0
    cuda.cuda_backend.cache_clear()
    result = cli_nets.call(capsys, *words, "-i", 1)
    assert result.err.count("running on the CPU, since there is no NVIDIA GPU") == 1
    assert cli_nets.LINE in result.results
    result = cli_nets.call(capsys, *words, "--device", "cuda")
    assert result.code == 2
    assert result.err == "pydarknet: error: there is no NVIDIA GPU\n"


def test_old_scripts_choose_a_gpu(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_networks.chosen, "device", "cpu")
    _networks.say_once.cache_clear()
    cfg, weights = nets.write(tmp_path)
    files = str(cfg).encode(), str(weights).encode()
    assert dn.load_net(*files).network.backend.name == "cpu"
    dn.set_gpu(1)
    assert dn.load_net(*files).network.backend.name == "cuda:1"
    dn.set_gpu(5)
    for _ in range(2):
        assert dn.load_net(*files).network.backend.name == "cpu"
    assert capsys.readouterr().err.count("running on the CPU, since there is no cuda:5") == 1


# Failures while computing.


def test_a_failure_names_op_and_shapes() -> None:
    class Failing:
        def maxpool_forward(self, *_: Any, stream: int) -> None:
            raise DeviceError("maxpool_forward: an illegal memory access was encountered")

    ops = DeviceOps(Failing())
    x = np.zeros((1, 2, 3, 4, 4), np.float32)
    with pytest.raises(DeviceError, match=r"^maxpool_forward\(1x2x3x4x4, 1x2x1x2x4\): .*illegal memory access"):
        ops.maxpool_forward(x, x[:, :, :1, :2], 2, 2, 0)


def test_out_of_memory_proposes_a_batch(machine: Machine) -> None:
    net = Network(parse_cfg_text(TEXT), device="cuda")
    net.resize(8 * net.inputs.w, 8 * net.inputs.h)  # larger than the scratch of three threads
    with net.plan(1) as plan:
        each = plan.bytes
    machine.free = 5 * each
    batches = [64]
    for _ in range(3):  # activations don't grow exactly with the batch: the proposal of a proposal must fit
        with contextlib.suppress(DeviceError):
            net.forward(np.zeros((batches[-1], *net.inputs), np.float32))
            break
        match = r"cuda:0: the activations of \d+ images need .* GiB.*; use a batch of about (\d+), or a smaller"
        with pytest.raises(DeviceError, match=match) as error:
            net.forward(np.zeros((batches[-1], *net.inputs), np.float32))
        found = re.search(match, str(error.value))
        batches.append(int(found[1]) if found else 0)
    assert 4 <= batches[-1] < 64
    net.forward(np.zeros((batches[-1], *net.inputs), np.float32))


def test_out_of_memory_for_one_buffer(machine: Machine) -> None:
    b = backend("cuda")
    machine.free = 1 << 20
    with pytest.raises(DeviceError, match=r"cuda:0: out of memory: 8 MiB needed for one buffer, 1 MiB are free"):
        b.empty((1 << 21,))


def test_without_memory_pools_nothing_is_recorded(machine: Machine) -> None:
    machine.pools = False
    net = Network(parse_cfg_text(TEXT), device="cuda")
    for _ in range(3):
        net.forward(nets.batch(net))
    assert machine.launches == 0


def test_graphs_can_be_turned_off(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDARKNET_CUDA_GRAPHS", "0")
    net = Network(parse_cfg_text(TEXT), device="cuda")
    for _ in range(3):
        net.forward(nets.batch(net))
    assert machine.launches == 0


@pytest.mark.parametrize("step", ["to_host", "write", "copy", "empty", "wait"])
def test_what_a_recording_forbids_is_an_error(machine: Machine, step: str) -> None:
    b = backend("cuda")
    array, host = b.zeros((3,)), np.zeros(3, np.float32)
    arguments = {"to_host": (array,), "write": (array, host), "copy": (array,), "empty": ((3,),), "wait": ()}
    run = b.program([lambda: getattr(b, step)(*arguments[step])])
    run()
    with pytest.raises(DeviceError, match=r"^cuda:0: cudaErrorStreamCaptureUnsupported"):
        run()
    assert machine.recorded is None
