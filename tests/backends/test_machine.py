"""Threads and memory: what variables say, and what a container's control groups allow, of either version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pydarknet import Network
from pydarknet.backends import base, machine
from pydarknet.backends.base import Backend
from pydarknet.backends.machine import MAX_THREADS, default_threads, free_bytes, machine_bytes, processors
from pydarknet.errors import DeviceError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.plan.plan import Builder
from tests.lib import nets

MIB = 1 << 20


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of control groups, of a machine with plenty of memory and 16 processors."""
    for name in ("PYDARKNET_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(machine, "_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(machine, "_MEMBERSHIP", tmp_path / "self")
    monkeypatch.setattr(machine, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(16))
    monkeypatch.setattr("os.sysconf", lambda name: MIB if name == "SC_PAGE_SIZE" else 64 << 10)
    machine_bytes.cache_clear()
    (tmp_path / "meminfo").write_text("MemTotal: 1 kB\nMemAvailable: 41943040 kB\n")
    yield tmp_path / "cgroup"
    machine_bytes.cache_clear()


def put(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def test_no_container(groups: Path) -> None:
    assert (free_bytes(), machine_bytes(), processors()) == (40 << 30, 64 << 30, 16)
    groups.with_name("self").write_text("0::/user.slice\nrubbish\n")
    put(groups / "user.slice", memory__max="max", memory__high="max", cpu__max="max 100000")
    assert (free_bytes(), machine_bytes(), processors()) == (40 << 30, 64 << 30, 16)


def test_groups_of_version_2(groups: Path) -> None:
    groups.with_name("self").write_text("0::/pod/box\n")
    put(groups / "pod", memory__max=900 * MIB, memory__current=800 * MIB, cpu__max="150000 100000")
    stat = f"anon 5\ninactive_file {60 * MIB}\nactive_file {40 * MIB}"
    put(groups / "pod" / "box", memory__max=600 * MIB, memory__current=500 * MIB, memory__stat=stat, cpu__max="max 9")
    assert (free_bytes(), machine_bytes(), processors()) == (100 * MIB, 600 * MIB, 2)
    put(groups / "pod" / "box", memory__high=550 * MIB, cpu__max="50000 100000")
    assert (free_bytes(), machine_bytes.__wrapped__(), processors()) == (100 * MIB, 550 * MIB, 1)
    put(groups / "pod" / "box", memory__current=700 * MIB)
    assert free_bytes() == 0


@pytest.mark.parametrize("inside", [True, False])
def test_groups_of_version_1(groups: Path, inside: bool) -> None:
    """The path is the host's in a container of Docker, and what is at the root there is the container's own group."""
    groups.with_name("self").write_text("4:memory:/docker/1\n2:cpu,cpuacct:/docker/1\n1:name=systemd:/\n0::/\n")
    memory, cpu = groups / "memory", groups / "cpu,cpuacct"
    for root in (memory, cpu):
        put(root, memory__limit_in_bytes=9223372036854771712, cpu__cfs_quota_us=-1)
    if not inside:
        memory, cpu = memory / "docker" / "1", cpu / "docker" / "1"
    stat = f"inactive_file 0\ntotal_inactive_file {50 * MIB}"
    put(memory, memory__limit_in_bytes=600 * MIB, memory__usage_in_bytes=500 * MIB, memory__stat=stat)
    put(cpu, cpu__cfs_quota_us=300_000, cpu__cfs_period_us=100_000)
    assert (free_bytes(), machine_bytes(), processors()) == (150 * MIB, 600 * MIB, 3)


@pytest.mark.parametrize("text", ["²", "5000000000", "9" * 5000, "0", "-1", "two", "1.5", "1,2", "1025", "１"])
def test_our_variable_is_a_number_of_threads(text: str, groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDARKNET_NUM_THREADS", text)
    with pytest.raises(DeviceError, match=r"PYDARKNET_NUM_THREADS=.*: expected a number from 1 to 1024"):
        default_threads()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1,2", 1),
        (" 3 ", 3),
        ("4,2,1", 4),
        ("", 16),
        ("²", 16),
        ("0", 16),
        ("99999", 16),
        ("9" * 5000, 16),
        (",", 16),
    ],
)
def test_that_of_openmp_is_a_list(text: str, count: int, groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert default_threads() == count
    monkeypatch.setenv("PYDARKNET_NUM_THREADS", "7")
    assert default_threads() == 7


@pytest.mark.parametrize("threads", [0, -1, MAX_THREADS + 1, 5_000_000_000])
def test_networks_have_so_many_threads_at_most(threads: int) -> None:
    with pytest.raises(ValueError, match=f"threads={threads}: expected a number from 1 to 1024"):
        Network(parse_cfg_text(nets.net_text(nets.DETECTOR, 16)), threads=threads)


def test_who_asks_for_many_threads_is_told_what_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    net = nets.network()
    builder = Builder(net.backend, 1, net.inputs, lambda key, make: make())
    monkeypatch.setattr(Backend, "capacity", lambda self: MIB)
    builder.emit(lambda *_: None, builder.input, builder.workspace(1 << 20))
    with pytest.raises(DeviceError, match=r"GiB of them as scratch for \d+ threads, .*use fewer threads"):
        builder.finish({}, False)


def test_what_was_not_built_is_not_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PYDARKNET_ISA", raising=False)
    monkeypatch.setattr(base, "find_spec", lambda name: name.endswith("baseline") or None)
    assert base.cpu_isa() == "baseline"
