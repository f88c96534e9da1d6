"""Arrays of other libraries come in by DLPack, and results go out by it, on the host and on a device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.formats.cfg import parse_cfg_text
from tests.lib import nets
from tests.lib.fake_cupy import Machine, Sealed

TEXT = nets.net_text(nets.DETECTOR)
CPU, CUDA, PINNED, MANAGED, METAL = 1, 2, 3, 13, 8


class Tensor:
    """An array of a library that NumPy doesn't know, with NumPy's capsules."""

    def __init__(self, array: Any, kind: int = CPU, index: int = 0) -> None:
        self.array, self.place = array, (kind, index)
        self.streams: list[Any] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.place

    def __dlpack__(self, *, stream: Any = None, **options: Any) -> Any:
        self.streams.append(stream)
        return self.array.__dlpack__(stream=stream, **options)


class OldTensor(Tensor):
    """As before DLPack had versions: without max_version, dl_device and copy."""

    def __dlpack__(self, stream: Any = None) -> Any:  # type: ignore[override]
        return self.array.__dlpack__(stream=stream)


class Learnt(Tensor):
    """As PyTorch's tensors with requires_grad."""

    def __dlpack__(self, **_: Any) -> Any:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")


def read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flags.writeable = False
    return x


GIVEN = {
    "tensor": Tensor,
    "of old": OldTensor,
    "pinned": lambda x: Tensor(x, PINNED),
    "strided": lambda x: Tensor(np.repeat(x, 2, 3)[..., ::2]),
    "float64": lambda x: Tensor(x.astype(np.float64)),
    "read-only": lambda x: Tensor(read_only(x)),
}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("kind", GIVEN)
def test_arrays_of_the_host_come_in(machine: Machine, kind: str, device: str) -> None:
    net = Network(parse_cfg_text(TEXT), device=device)
    x = nets.batch(net, 2)
    np.testing.assert_array_equal(net.forward(GIVEN[kind](x)), net.forward(x))


@pytest.mark.parametrize("device", ["cpu", pytest.param("emu", marks=pytest.mark.emulator)])
def test_results_on_the_host_go_out(device: str) -> None:
    net = Network(parse_cfg_text(TEXT), device=device)
    x = nets.batch(net, 2)
    output = net.forward(x, on_device=True)
    taken = np.from_dlpack(Tensor(output))
    expected = taken.copy()
    assert np.shares_memory(taken, output)
    net.forward(1 - x)  # the next pass has memory of its own
    np.testing.assert_array_equal(taken, expected)


@pytest.mark.parametrize("kind", [CUDA, MANAGED])
def test_arrays_of_the_device_come_in_on_the_current_stream(machine: Machine, kind: int) -> None:
    net = Network(parse_cfg_text(TEXT), device="cuda:1")
    x = nets.batch(net, 2)
    expected = net.forward(x)
    given = Tensor(net.backend.to_device(x), kind, 1)
    machine.stream = 9
    net.forward(given)
    machine.taken()
    output = net.forward(given, on_device=True)
    assert machine.taken() == []
    assert given.streams == [9, 9]
    assert isinstance(output, Sealed)
    assert output.__dlpack_device__() == (CUDA, 1)
    np.testing.assert_array_equal(net.backend.to_host(output), expected)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_is_refused_says_why(machine: Machine, device: str) -> None:
    net = Network(parse_cfg_text(TEXT), device=device)
    x = nets.batch(net)
    with pytest.raises(ValueError, match=r"can't be taken by DLPack: .*require gradient, use tensor\.detach"):
        net.forward(Learnt(x))
    with pytest.raises(ValueError, match="the array is on a device, the network on"):
        net.forward(Tensor(x, METAL))
    with pytest.raises(ValueError, match=r"expected x with shape \(N, 3, 16, 16\), found \(3, 16, 16\)"):
        net.forward(Tensor(x[0]))


def test_what_a_device_refuses_says_why(machine: Machine) -> None:
    net = Network(parse_cfg_text(TEXT), device="cuda")
    with pytest.raises(ValueError, match=r"can't be taken by DLPack: .*require gradient, use tensor\.detach"):
        net.forward(Learnt(None, CUDA))
