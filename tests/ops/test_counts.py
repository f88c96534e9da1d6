"""More than 32 bits count: an error of the device, before it touches anything."""

from __future__ import annotations

from typing import Any

import pytest

from pydarknet.backends.ops import Ops
from pydarknet.errors import DeviceError

SIDE = 1 << 16


class Huge:
    """An array that says it is huge; nothing lies there."""

    def __init__(self, address: int, *shape: int) -> None:
        interface = {"shape": shape, "typestr": "<f4", "data": (address, False), "strides": None, "version": 3}
        self.__array_interface__: dict[str, Any] = interface
        self.__cuda_array_interface__ = interface


@pytest.fixture(autouse=True)
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator has no room to watch such arrays."""
    monkeypatch.setenv("PYDARKNET_EMU_CHECKS", "0")


def test_pixels_of_a_plane(device_ops: Ops) -> None:
    x, y = (Huge(address, 1, 1, SIDE, SIDE // 2, device_ops.block) for address in (1 << 12, 1 << 13))
    with pytest.raises(DeviceError, match="a plane of 2147483648 pixels; expected 2147483647 at most"):
        device_ops.upsample_forward(x, y, 1, 1.0)


def test_pixels_of_a_convolution(device_ops: Ops) -> None:
    shape = device_ops.ConvShape(64, 4, SIDE // 4, SIDE // 4, 4, 1, 1, 1, 1, 0, 0, 1)
    for ask in (
        lambda: shape.algorithms(1 << 20),
        lambda: shape.dgrad_algorithms(1 << 20),
        lambda: device_ops.ConvWgrad(shape),
    ):
        with pytest.raises(DeviceError, match="more pixels or weights than the device counts; use a smaller input"):
            ask()
