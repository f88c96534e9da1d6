"""What this process may have of the machine: memory and processors, within the limits of its container.

A container's limits are those of its control groups (cgroups), of version 1 or 2: of the group the process is in and
of every group around that.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ..errors import DeviceError

MAX_THREADS = 1024
UNBOUNDED = 2**62  # bytes that no machine has

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_MEMINFO = Path("/proc/meminfo")


@cache
def machine_bytes() -> int:
    """Memory of the machine or container, or a bound no machine reaches where it can't be asked."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        physical = UNBOUNDED
    return min([physical, *(limit for limit, _ in _memory_limits())])


def free_bytes() -> int:
    """Memory that can be had now."""
    return min([_available(), *(max(limit - used, 0) for limit, used in _memory_limits())])


def default_threads() -> int:
    """PYDARKNET_NUM_THREADS, else OMP_NUM_THREADS, else the processors this process may use.

    Of OMP_NUM_THREADS, which isn't ours, the first number counts, and nothing if it is none. DeviceError if our own
    variable is no number of threads.
    """
    text = os.environ.get("PYDARKNET_NUM_THREADS", "").strip()
    if text:
        if not (count := _thread_count(text)):
            raise DeviceError(f"PYDARKNET_NUM_THREADS={text[:40]}: expected a number from 1 to {MAX_THREADS}")
        return count
    return _thread_count(os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()) or processors()


def processors() -> int:
    """Processors this process may use: those of its affinity, and as many as its container's quota pays."""
    known = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([known, MAX_THREADS, *_processor_limits()])


def _thread_count(text: str) -> int:
    """0 if it is none."""
    count = int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
    return count if count <= MAX_THREADS else 0


def _available() -> int:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return machine_bytes()


def _memory_limits() -> Iterator[tuple[int, int]]:
    """The limit of each group around this process and what it uses of it, without what the system would give back."""
    for group in _groups("memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            limit = _number(group / name)
            if limit is not None and limit < UNBOUNDED:
                used = _number(group / "memory.current") or _number(group / "memory.usage_in_bytes") or 0
                yield limit, used - _file_pages(group)


def _file_pages(group: Path) -> int:
    """Bytes of files that lie in memory until something needs their room."""
    try:
        rows = [line.split() for line in (group / "memory.stat").read_text().splitlines()]
        values = {row[0]: int(row[1]) for row in rows if len(row) == 2}
    except (OSError, ValueError):
        return 0
    total = "total_" if "total_inactive_file" in values else ""  # version 1's sum over the groups within
    return values.get(f"{total}inactive_file", 0) + values.get(f"{total}active_file", 0)


def _processor_limits() -> Iterator[int]:
    """Processors that the quota of each group around this process pays, begun ones counted."""
    for group in _groups("cpu"):
        try:
            quota, period = map(int, (group / "cpu.max").read_text().split())
        except (OSError, ValueError):
            quota, period = (_number(group / f"cpu.cfs_{name}_us") or 0 for name in ("quota", "period"))
        if quota > 0 and period > 0:
            yield max(-(-quota // period), 1)


def _groups(controller: str) -> Iterator[Path]:
    """The folders of the groups that this process is in. A path of the host's, unknown here, ends at the root."""
    try:
        rows = [line.split(":", 2) for line in _MEMBERSHIP.read_text().splitlines()]
    except OSError:
        return
    for _, controllers, path in (row for row in rows if len(row) == 3):
        if controllers and controller not in controllers.split(","):
            continue
        places = [_GROUPS / controllers, _GROUPS / controller] if controllers else [_GROUPS, _GROUPS / "unified"]
        for root in (place for place in places if place.is_dir()):
            inner = root / path.strip("/")
            yield from (each for each in (inner, *inner.parents) if each == root or root in each.parents)
            break


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
