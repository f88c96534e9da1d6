"""Groups of tiles that stay in the second-level cache."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest


def second_level_bytes() -> int:
    said = subprocess.run(["getconf", "LEVEL2_CACHE_SIZE"], capture_output=True, text=True).stdout
    return max(int(said) if said.strip().isdigit() else 0, 1 << 20)


@pytest.mark.parametrize(("shape", "name"), [((64, 104, 1), "winograd6"), ((64, 208, 2), "strided4")])
def test_a_large_cache_keeps_all_but_the_kernels(cpu_ops: Any, shape: tuple[int, int, int], name: str) -> None:
    cache = second_level_bytes()
    if cache < 2 << 20:
        pytest.skip("for second-level caches of 2 MB")
    channels, size, stride = shape
    conv = cpu_ops.Conv(cpu_ops.ConvShape(1, channels, size, size, 128, 3, 3, stride, stride, 1, 1, 1), name)
    cpu_ops.set_num_threads(1)
    assert 4 * conv.workspace() < cache < 4 * (conv.workspace() + conv.packed_size)


def test_early_layers_stay_in_the_second_level_cache(cpu_ops: Any) -> None:
    cache = second_level_bytes()
    channels = 32 if cache >= 2 << 20 else 16
    conv = cpu_ops.Conv(cpu_ops.ConvShape(1, channels, 208, 208, 2 * channels, 3, 3, 1, 1, 1, 1, 1), "winograd6")
    cpu_ops.set_num_threads(1)
    assert 4 * (conv.workspace() + conv.packed_size) < cache
