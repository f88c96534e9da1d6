"""The connection to a Ray cluster, and how much of it is wanted."""

from __future__ import annotations

import logging
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from ..backends.machine import processors
from ..errors import DeviceError

LOCAL = "local"


@dataclass(frozen=True)
class Pool:
    """`address` of a cluster ("auto": this machine's, or RAY_ADDRESS; "local": workers on this machine alone).

    Of so many `actors` each computes with `threads`, or with a GPU if the network is on one; None: as many as the
    cluster has room for. `batch`: images computed at once.
    """

    address: str = LOCAL
    actors: int | None = None
    threads: int = 1
    batch: int = 4


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """The package ray, connected to a cluster; an open connection is used. DeviceError with what to do."""
    ray = load_ray()
    if ray.is_initialized():
        yield ray
        return
    options: dict[str, Any] = {"address": address, "log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        options |= {"num_cpus": processors(), "include_dashboard": False}
    else:
        _check_reachable(address)
    _start(ray, address, options)
    try:
        yield ray
    finally:
        ray.shutdown()


def _start(ray: Any, address: str, options: dict[str, Any]) -> None:
    """Connect. On a machine with much else to do workers may need more than the half minute that Ray gives them."""
    for left in reversed(range(TRIES if address == LOCAL else 1)):
        try:
            ray.init(**options)
            return
        except Exception as error:  # Ray raises plain ones
            ray.shutdown()
            if not left:
                raise DeviceError(f"no Ray cluster at {address}: {first_line(error)}; {START}") from error


TRIES = 4
START = (
    "start one with `ray start --head` and name it (--ray HOST:6379), or give no address to use this machine; for "
    "one that wants a token set RAY_AUTH_MODE=token"
)


def load_ray() -> Any:
    """The package ray. DeviceError if it is missing."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise _missing(error) from error
    return ray


def load_data() -> Any:
    """The package ray.data, quiet and in order. DeviceError if it is missing."""
    try:
        import ray.data
    except ImportError as error:
        raise _missing(error) from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"ray\.data")  # of few blocks for many actors
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    return ray.data


def _missing(error: ImportError) -> DeviceError:
    return DeviceError(f"detection on a Ray cluster needs Ray ({error}): pip install 'pydarknet[ray]'")


def first_line(error: BaseException) -> str:
    """What an error of Ray's says, without its traceback: of an actor's error that one itself."""
    cause = getattr(error, "cause", None)
    text = f"{type(cause).__name__}: {cause}" if isinstance(cause, BaseException) else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[-1] if "Traceback" in text else lines[0])[:300] if lines else type(error).__name__


def _check_reachable(address: str) -> None:
    """DeviceError in seconds where no cluster answers; Ray itself would try for minutes."""
    host, _, port = (_known() if address == "auto" else address).removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    where = address if address != "auto" else f"{host}:{port}, which is the one that is known"
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE) as server:
            server.sendall(HELLO)
            answer = b"" if os.environ.get("RAY_USE_TLS", "0") == "0" else SETTINGS
            while len(answer) < len(SETTINGS) and (more := server.recv(len(SETTINGS) - len(answer))):
                answer += more
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DeviceError(f"no Ray cluster at {where}: {reason}; {START}") from error
    if answer[3:] != SETTINGS[3:]:
        raise DeviceError(f"no Ray cluster at {where}: something else answers there; {START}")


PATIENCE = 10.0  # seconds
SETTINGS = b"\0\0\0\4"  # how a frame of HTTP/2 begins with which its servers, as Ray's are, greet: length, kind
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS + bytes(5)


def _known() -> str:
    """Which cluster `auto` is: the environment's, or that which was started last on this machine."""
    with suppress(OSError):
        folder = Path(os.environ.get("RAY_TMPDIR") or gettempdir())
        return os.environ.get("RAY_ADDRESS") or (folder / "ray" / "ray_current_cluster").read_text().strip()
    return ""
