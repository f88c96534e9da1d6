"""Detection by actors of a Ray cluster, each with a network; what they find comes back in order.

Paths go to them in blocks by a `Crew`. The rows of a dataset come by Ray Data, whose readers read, and which holds
back what the actors can't take yet. Both do again what a dead worker had.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import Any

from ..backends.base import set_threads
from ..detection.options import DEFAULTS, DetectOptions
from ..errors import DataError, DeviceError, ImageError
from ..evaluate.run import Seen, look
from ..images.image import Image, load_encoded, load_image
from ..network import Network
from .cluster import Pool, connected, first_line, load_data
from .crew import PLACES, Crew

COUNTED = 0.5  # of an actor's processors, for Ray: with all of them nothing could read, and all would wait for ever
BLOCK = 16  # images for each thread that an actor is given at once, or a batch
DEVICE_BLOCK = 128
PATH, BYTES = "path", "bytes"  # columns of a dataset


def detect_all(
    network: Network, images: Sequence[str], *, options: DetectOptions = DEFAULTS, pool: Pool | None = None
) -> Iterator[Seen]:
    """As `evaluate.run.detect_all`: each image with what the network finds in it, in their order. DeviceError where
    Ray is missing, or the cluster is."""
    pool = pool or Pool()
    with connected(pool.address) as ray:
        yield from numbered(ray, Actors(ray, network, options, pool).in_paths(images))


class Actors:
    """As many as the cluster has room for, or the pool asks for. DeviceError if there is room for none."""

    def __init__(self, ray: Any, network: Network, options: DetectOptions, pool: Pool) -> None:
        self._ray = ray
        self._gpu = network.backend.name.startswith("cuda")
        room = ray.cluster_resources().get("GPU" if self._gpu else "CPU", 0) / (1 if self._gpu else pool.threads)
        if room < 1:
            raise DeviceError(f"the Ray cluster has no room for an actor: it has {ray.cluster_resources()}")
        self.count = min(pool.actors or int(room), int(room))
        self._part: dict[str, Any] = {"num_gpus": 1} if self._gpu else {"num_cpus": COUNTED * pool.threads}
        self._block, self._batch = max(pool.batch, DEVICE_BLOCK if self._gpu else BLOCK * pool.threads), pool.batch
        self._words = [ray.put(pickle.dumps(network))], network.settle(options), pool.threads, pool.batch

    def in_paths(self, paths: Sequence[str]) -> Iterator[bytes]:
        """What is found in images that every worker sees: a pickled list of `Seen` after another."""
        cut = blocks(paths, self._block, self.count, self._batch)
        start = self._ray.remote(Actor).options(**self._part).remote
        crew = Crew(self._ray, lambda: start(*self._words), self.count)
        with closing(crew.results([os.fsencode(path) for path in block] for block in cut)) as found:
            yield from found

    def in_dataset(self, dataset: Any) -> Iterator[bytes]:
        """The same of the rows of a dataset of Ray Data with a column `path`, and perhaps `bytes`."""
        looked = dataset.map_batches(
            Actor,
            compute=load_data().ActorPoolStrategy(size=self.count),
            batch_size=self._block,
            batch_format="pyarrow",
            fn_constructor_args=self._words,
            **self._part,
        )
        for table in looked.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield from table.column("found").to_pylist()


class Actor:
    """A worker with a network."""

    def __init__(self, network: Sequence[Any], options: DetectOptions, threads: int, batch: int) -> None:
        self._given, self._options, self._threads, self._batch = network[0], options, threads, batch
        self._network: Network | None = None

    def load(self) -> Network:
        """Take the network, the first time."""
        if self._network is None:
            import ray

            self._network = pickle.loads(ray.get(self._given))
            set_threads(self._threads)
        return self._network

    def ready(self) -> None:
        """Be so."""
        self.load().prepare(self._batch, self._options)

    def find(self, paths: Sequence[bytes]) -> bytes:
        """What is found in the images of these paths."""
        return self._find([os.fsdecode(path) for path in paths], {})

    def __call__(self, table: Any) -> dict[str, list[bytes]]:
        """The same of the rows of a table."""
        paths = [path if isinstance(path, str) else os.fsdecode(path) for path in table.column(PATH).to_pylist()]
        contents = table.column(BYTES).to_pylist() if BYTES in table.column_names else []
        return {"found": [self._find(paths, dict(zip(paths, contents, strict=False)))]}

    def _find(self, paths: list[str], given: dict[str, bytes]) -> bytes:
        net, options = self.load(), self._options

        def load(path: str, channels: int) -> Image:
            return load_encoded(path, given[path], channels) if path in given else load_image(path, channels)

        found = look(net, paths, self._batch, lambda images: net.find(images, options),
                     lazy=net.runs_lazily(options), load=load)  # fmt: skip
        return pickle.dumps(list(found))


def blocks(paths: Sequence[str], most: int, actors: int, batch: int = 1) -> Iterator[Sequence[str]]:
    """The paths in blocks of whole batches, the last of them smaller, so that all actors end at the same time."""
    at = 0
    while at < len(paths):
        size = max(1, most // 8, min(most, (len(paths) - at) // (2 * PLACES * actors)))
        size = max(batch, size // batch * batch)
        yield paths[at : at + size]
        at += size


def numbered(ray: Any, *found: Iterable[bytes]) -> Iterator[Seen]:
    """Each image of pickled lists, with its number. The cluster's errors become ours."""
    index = 0
    try:
        for block in chain(*found):
            for each in pickle.loads(block):
                yield replace(each, index=index)
                index += 1
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, DataError | ImageError | DeviceError):
            raise cause from error
        raise DeviceError(f"the Ray cluster could not go on: {first_line(error)}") from error
