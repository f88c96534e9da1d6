"""The way of op tests to a device and back, with the CPU's ops in the place of the device's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pydarknet.backends.base import cpu_backend
from tests.lib.bridge import Bridge, OnHost
from tests.lib.guarded import Arrays


@pytest.fixture
def bridge() -> Bridge:
    return Bridge(cpu_backend().ops, "__array_interface__", OnHost)


def test_results_come_back(bridge: Bridge) -> None:
    arrays = Arrays(bridge.block)
    x, y = arrays.plain(np.arange(12, dtype=np.float32)), arrays.plain(np.ones(12, np.float32))
    bridge.add(x, y)
    np.testing.assert_array_equal(y, np.arange(1, 13))
    assert bridge.all_finite(y)
    arrays.check()


def test_two_views_of_one_buffer_stay_so(bridge: Bridge) -> None:
    both = np.arange(8, dtype=np.float32)
    bridge.add(both[:4], both[4:])
    np.testing.assert_array_equal(both, [0, 1, 2, 3, 4, 6, 8, 10])
    same = np.arange(1, 5, dtype=np.float32)
    bridge.dropout_forward(same, same, np.array([0, 1, 1, 0], np.uint8), 0.5)
    np.testing.assert_array_equal(same, [0, 4, 6, 0])


def test_a_write_outside_an_array_comes_back(bridge: Bridge) -> None:
    class Wrong:
        block = 4

        def fill(self, x: Any, value: float) -> None:
            description = x.__array_interface__
            cpu_backend().ops.fill(Longer(description), value)

    class Longer:
        def __init__(self, description: dict[str, Any]) -> None:
            self.__array_interface__ = {**description, "shape": (description["shape"][0] + 1,), "strides": None}

    arrays = Arrays(4)
    Bridge(Wrong(), "__array_interface__", OnHost).fill(arrays.empty(5), 1.0)
    with pytest.raises(AssertionError, match="written after the array"):
        arrays.check()


def test_what_is_wrong_is_said(bridge: Bridge) -> None:
    x = np.zeros((4, 4), np.float32)
    with pytest.raises(ValueError, match="fill: argument 'x': the array must be C-contiguous"):
        bridge.fill(x[:, ::2], 1.0)
    with pytest.raises(ValueError, match="fill: argument 'x': expected an array"):
        bridge.fill(None, 1.0)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="fill: argument 'x': the array is read-only"):
        bridge.fill(x, 1.0)
