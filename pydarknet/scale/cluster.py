"""Detection on a Ray cluster: a pool of actors, each with a network, and the images that come back in order.

Ray Data reads, keeps the actors supplied, holds back what they can't take yet, and does again what a dead worker had.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from ..backends.base import set_threads
from ..backends.machine import processors
from ..detection.options import DEFAULTS, DetectOptions
from ..errors import DataError, DeviceError, ImageError
from ..evaluate.run import Seen, look
from ..images.image import Picture, load_encoded, load_image
from ..network import Network

LOCAL = "local"
COUNTED = 0.5  # of an actor's processors, for Ray: with all of them nothing could read, and all would wait for ever
BLOCK = 64  # images that an actor is given at once
PATH, BYTES = "path", "bytes"  # columns of a dataset


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


def detect_all(
    network: Network, pictures: Sequence[str], *, options: DetectOptions = DEFAULTS, pool: Pool | None = None
) -> Iterator[Seen]:
    """As `evaluate.run.detect_all`: each image with what the network finds in it, in their order. DeviceError where
    Ray is missing, or the cluster is."""
    pool = pool or Pool()
    with connected(pool.address) as ray:
        yield from run(ray, network, of_paths(ray, pictures), options, pool)


def run(ray: Any, network: Network, dataset: Any, options: DetectOptions, pool: Pool) -> Iterator[Seen]:
    """Each row of a dataset with a column `path`, and perhaps `bytes`, in their order."""
    gpu = network.backend.name.startswith("cuda")
    amount = {"num_gpus": 1} if gpu else {"num_cpus": COUNTED * pool.threads}
    room = ray.cluster_resources().get("GPU" if gpu else "CPU", 0) / (1 if gpu else pool.threads)
    if room < 1:
        raise DeviceError(f"the Ray cluster has no room for an actor: it has {ray.cluster_resources()}")
    actors = min(pool.actors or int(room), int(room))
    looked = dataset.map_batches(
        Actor,
        compute=ray.data.ActorPoolStrategy(size=actors),
        batch_size=BLOCK,
        batch_format="pyarrow",
        fn_constructor_args=([ray.put(pickle.dumps(network))], network.settle(options), pool.threads, pool.batch),
        **amount,
    )
    index = 0
    try:
        for table in looked.iter_batches(batch_size=None, batch_format="pyarrow"):
            for found in table.column("found").to_pylist():
                yield replace(pickle.loads(found), index=index)
                index += 1
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, DataError | ImageError | DeviceError):
            raise cause from error
        raise DeviceError(f"the Ray cluster could not go on: {first_line(error)}") from error


class Actor:
    """A worker with a network."""

    def __init__(self, network: Sequence[Any], options: DetectOptions, threads: int, batch: int) -> None:
        self._network: Network = pickle.loads(load_ray().get(network[0]))
        self._options, self._batch = options, batch
        set_threads(threads)

    def __call__(self, table: Any) -> dict[str, list[bytes]]:
        """What is found in the images of a block, in their order."""
        net, options = self._network, self._options
        paths = [path if isinstance(path, str) else os.fsdecode(path) for path in table.column(PATH).to_pylist()]
        contents = table.column(BYTES).to_pylist() if BYTES in table.column_names else []
        given = dict(zip(paths, contents, strict=False))

        def load(path: str, channels: int) -> Picture:
            return load_encoded(path, given[path], channels) if path in given else load_image(path, channels)

        found = look(net, paths, self._batch, lambda images: net.find(images, options),
                     lazy=net.runs_lazily(options), load=load)  # fmt: skip
        return {"found": [pickle.dumps(each) for each in found]}


def of_paths(ray: Any, paths: Sequence[str]) -> Any:
    """A dataset of the paths of images, which the workers must see too."""
    import pyarrow

    names = [os.fsencode(path) for path in paths]
    tables = [pyarrow.table({PATH: pyarrow.array(names[at : at + BLOCK], pyarrow.binary())})
              for at in range(0, max(1, len(names)), BLOCK)]  # fmt: skip
    return ray.data.from_arrow(tables)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """The package ray, connected to a cluster; an open connection is used. DeviceError with what to do."""
    ray = load_ray()
    if ray.is_initialized():
        yield ray
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        options |= {"num_cpus": processors(), "include_dashboard": False}
    else:
        _check_reachable(address)
        options["address"] = address
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
START = "start one with `ray start --head` and name it (--ray HOST:6379), or give no address to use this machine"


def load_ray() -> Any:
    """The package ray with Ray Data, quiet and in order. DeviceError if it is missing."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise DeviceError(f"detection on a Ray cluster needs Ray ({error}): pip install 'pydarknet[ray]'") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    return ray


def first_line(error: BaseException) -> str:
    """What an error of Ray's says, without its traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if "Traceback" in str(error) else lines[0])[:300] if lines else type(error).__name__


def _check_reachable(address: str) -> None:
    """DeviceError at once where nobody listens; Ray itself would try for a minute."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        return
    with suppress(ValueError):
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except OSError as error:
            raise DeviceError(f"no Ray cluster at {address}: {error.strerror or error}; {START}") from error
