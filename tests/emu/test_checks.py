"""The emulator is what proves the kernels, so here it is proved: it finds every planted mistake, names kernel,
block, thread and line, and lets the right twins pass."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

Floats = npt.NDArray[np.float32]
SOURCE = (Path(__file__).parent / "planted.cu").read_text().splitlines()
N = 64


def lines_of(kernel: str) -> list[int]:
    """The line of the mistake, and the other side of it where the order of the threads decides which is late."""
    return [i for i, line in enumerate(SOURCE, 1) if line.endswith((f"// wrong: {kernel}", f"// or: {kernel}"))]


def pointer(x: Floats) -> ctypes.c_void_p:
    return ctypes.c_void_p(x.ctypes.data)


def ramp(n: int) -> Floats:
    """1, 2, ..., on an address that is a multiple of 64."""
    buffer = np.zeros(n + 16, np.float32)
    skip = -buffer.ctypes.data % 64 // 4
    x = buffer[skip : skip + n]
    x[:] = np.arange(1, n + 1)
    return x


def run(planted: ctypes.CDLL, kernel: str, blocks: int = 1) -> tuple[str, Floats]:
    """What the emulator says about `kernel`, and y."""
    x, y = ramp(N), ramp(N)
    y[:] = 0
    message = ctypes.create_string_buffer(2000)
    planted.run_planted(kernel.encode(), pointer(x), N, pointer(y), N, blocks, message, len(message))
    return message.value.decode(), y


FOUND = {
    "missing_barrier": "uninitialised read|race: reads 4 bytes of shared 'row'",
    "missing_second_barrier": "race: .* of shared 'row' .* that thread .* at planted.cu:.* with no barrier between",
    "missing_syncwarp": "uninitialised read|race: reads 4 bytes of shared 'row'",
    "syncwarp_across_warps": "uninitialised read|race: reads 4 bytes of shared 'row'",
    "shared_off_by_one": r"out of bounds: writes 4 bytes of shared 'row' \(256 bytes\), byte 256",
    "dynamic_shared_off_by_one": r"out of bounds: writes 4 bytes of shared 'dynamic shared memory' .*, byte 256",
    "global_read_off_by_one": r"out of bounds: reads 4 bytes of 'x' \(256 bytes\), byte 256",
    "global_write_off_by_one": r"out of bounds: writes 4 bytes of 'y' \(256 bytes\), byte 256",
    "write_to_input": "writes 4 bytes of 'x', which this op may only read",
    "caller_not_in_mask": "__shfl_xor_sync with mask 0x0000ffff: the mask leaves out the caller",
    "source_not_in_mask": "reads lane .*, which the mask leaves out",
    "lanes_disagree": "lanes disagree: __shfl.* while lane .* is in __shfl.* with mask 0xffffffff at planted.cu:",
    "lane_has_ended": "lane 0 has ended or never was",
    "barrier_after_exit": "divergent barrier: 1 threads have ended .*; 63 threads wait in __syncthreads",
    "barriers_of_two_branches": "divergent barrier: __syncthreads here, while thread .* at planted.cu",
    "waits_for_the_ended": "deadlock: .* 1 threads wait in __syncwarp|lane 1 has ended or never was",
    "missing_async_wait": "missing cp_async_wait: reads 4 bytes of shared 'row'",
    "async_wait_without_barrier": "missing cp_async_wait|race: reads 4 bytes of shared 'row'|uninitialised read",
    "async_wait_for_too_few": "missing cp_async_wait: reads 4 bytes of shared 'row'",
    "lost_atomic": "race: .* 4 bytes of 'y', byte 0",
    "atomic_beside_a_store": "race: .* 4 bytes of 'y', byte 0, that thread .* with no barrier between",
    "uninitialised_shared": "uninitialised read: reads 4 bytes of shared 'row' .*, byte 20, which nobody has written",
    "misaligned_load": "misaligned: 'const struct float4' needs an address that is a multiple of 16",
    "misaligned_async_copy": "misaligned: cp_async16 needs addresses that are multiples of 16",
    "half_a_warp_multiplies": "mma_tf32 with mask 0xffffffff: lane .* has ended or never was|deadlock",
}
FOUND_BETWEEN_BLOCKS = {
    "lost_atomic_of_blocks": "race: .* of 'y', byte 0, that another block .* in the same launch",
    "message_between_blocks": "race: .* of 'y', byte 0, that another block .* in the same launch",
}


def test_a_thread_that_polls_is_found(planted: ctypes.CDLL) -> None:
    expected = (
        "polls: deadlock: the thread goes on and on and never waits, "
        f"at planted.cu:{lines_of('polls')[0]} (block (0, 0, 0), thread (0, 0, 0))"
    )
    assert run(planted, "polls")[0] == expected


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("kernel", [*FOUND, *FOUND_BETWEEN_BLOCKS])
def test_a_mistake_is_found(planted: ctypes.CDLL, kernel: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDARKNET_EMU_SEED", str(seed))
    message, _ = run(planted, kernel, blocks=2 if kernel in FOUND_BETWEEN_BLOCKS else 1)
    assert re.search((FOUND | FOUND_BETWEEN_BLOCKS)[kernel], message), message
    place = rf"^{kernel}: .*, at planted\.cu:(\d+) \(block \(\d+, 0, 0\), thread \(\d+, 0, 0\)\)$"
    found = re.search(place, message)
    assert found, message
    assert int(found[1]) in lines_of(kernel), message


def test_uninitialised_scratch(planted: ctypes.CDLL) -> None:
    y, message = ramp(N), ctypes.create_string_buffer(2000)
    planted.run_on_scratch(b"uninitialised_scratch", N, pointer(y), message, len(message))
    expected = (
        "uninitialised_scratch: uninitialised read: reads 4 bytes of 'scratch memory' at byte 128, which nobody has "
        f"written, at planted.cu:{lines_of('uninitialised_scratch')[0]} (block (0, 0, 0), thread (32, 0, 0))"
    )
    assert message.value.decode() == expected


def test_host_code_must_not_touch_the_device(planted: ctypes.CDLL) -> None:
    x, y, message = ramp(N), ramp(N), ctypes.create_string_buffer(2000)
    planted.read_on_host(pointer(x), N, pointer(y), message, len(message))
    expected = f"host code touches 'x', which lies on the device, at planted.cu:{lines_of('read_on_host')[0]}"
    assert message.value.decode() == expected


X = np.arange(1, N + 1, dtype=np.float32)
RIGHT = {
    "barrier_between": X[::-1],
    "second_barrier": 2 * X[::-1] + 1,
    "syncwarp_between": X.reshape(-1, 2)[:, ::-1].ravel(),
    "dynamic_shared": X,
    "halves_of_a_warp": X.reshape(-1, 2, 8)[:, ::-1].ravel(),
    "early_exit": np.where(X % 32 == 1, X, np.minimum(X + 1, (X + 31) // 32 * 32)),
    "async_copies": X[::-1],
    "atomics": np.r_[X.sum(), np.zeros(N - 1)],
    "aligned_load": np.full(N, 13),
    "reductions": np.full(N, X.sum() + N),
}


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("kernel", RIGHT)
def test_a_right_kernel_passes(planted: ctypes.CDLL, kernel: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDARKNET_EMU_SEED", str(seed))
    message, y = run(planted, kernel)
    assert message == ""
    np.testing.assert_array_equal(y, RIGHT[kernel])


def test_without_checks_nothing_is_found(planted: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDARKNET_EMU_CHECKS", "0")
    assert run(planted, "lost_atomic")[0] == ""
