"""Detection in as many images as there are, into parts of a folder that a second run doesn't make again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from ..detection.options import DEFAULTS, DetectOptions
from ..errors import DataError
from ..evaluate.run import Seen, class_names
from ..images.sources import ENDINGS, expand
from ..network import Network
from .actors import BYTES, PATH, Actors, numbered
from .cluster import Pool, connected, first_line, load_data
from .parts import PART, Parts


@dataclass(frozen=True)
class Summary:
    """Images that are done now, those of them that had been before, and those that could not be read."""

    images: int
    before: int
    failed: int


def detect(
    images: Any,
    network: Network,
    out: str | os.PathLike[str],
    *,
    kind: str = "jsonl",
    options: DetectOptions = DEFAULTS,
    pool: Pool | None = None,
    part: int = PART,
    seen: Callable[[Seen], None] | None = None,
) -> Summary:
    """Detect in all images on a Ray cluster, into files of `kind` (jsonl, parquet, coco, csv) in the folder `out`.

    `images`: paths, folders, patterns, lists of paths; Parquet files and folders ending in .parquet, with a column
    `path` and perhaps `bytes`; addresses such as s3://bucket/folder; or a dataset of Ray Data with these columns.
    Each image is done once: what the manifest of `out` names is left out. Those that can't be read are in its
    failed.jsonl. `part`: images of a file. `seen` is called after each image. DeviceError, DataError, ExportError.
    """
    pool, settled = pool or Pool(), network.settle(options)
    with Parts(out, kind, class_names(network), about(network, settled), part) as parts:
        before = len(parts.done)
        for each in found_in(left_of(images, parts.done), parts.done, network, settled, pool):
            if each.path not in parts.done:  # a table may name an image twice
                parts.add(each)
                if seen is not None:
                    seen(each)
    return Summary(len(parts.done), before, parts.failed)


def found_in(images: Any, done: set[str], network: Network, options: DetectOptions, pool: Pool) -> Iterator[Seen]:
    """What is found in what `left_of` leaves."""
    if isinstance(images, Given) and not (images.local or images.tables or images.addresses):
        return
    with connected(pool.address) as ray:
        actors = Actors(ray, network, options, pool)
        if isinstance(images, Given):
            datasets = of_given(images, done)
            parts = [actors.in_paths(images.local)] if images.local else []
        else:
            datasets, parts = [without(images, done)], []
        yield from numbered(ray, *parts, *map(actors.in_dataset, datasets))


def about(network: Network, options: DetectOptions) -> dict[str, str]:
    """What two parts of one run have in common."""
    return {"cfg": os.path.basename(network.cfg.file), "input": str(network.inputs), "weights": checksum(network),
            "options": str(options)}  # fmt: skip


def checksum(network: Network) -> str:
    """Of all parameters."""
    from zlib import crc32

    total = 0
    for layer in network.layers:
        for record in layer.records:
            total = crc32(layer.parameters[record.name].tobytes(), total)
    return f"{total:08x}"


@dataclass(frozen=True)
class Given:
    """Paths of this machine's images that aren't done, Parquet (also at an address), addresses of images."""

    local: list[str]
    tables: list[str]
    addresses: list[str]


def left_of(images: Any, done: set[str]) -> Any:
    """What of the images is to be done, as far as it can be known without a cluster. DataError as of `expand`."""
    if not isinstance(images, str | os.PathLike) and hasattr(images, "map_batches"):
        return images
    words = [os.fspath(images)] if isinstance(images, str | os.PathLike) else [os.fspath(each) for each in images]
    tables = [word for word in words if word.rstrip("/").endswith(".parquet")]
    addresses = [word for word in words if "://" in word and word not in tables]
    files = [word for word in words if word not in tables and word not in addresses]
    paths = dict.fromkeys(os.path.abspath(path) for path in expand(files, BytesIO()).paths)
    return Given([path for path in paths if path not in done], tables, addresses)


def of_given(images: Given, done: set[str]) -> list[Any]:
    """Datasets of those that aren't this machine's. DataError for what can't be read, or has no column `path`."""
    found = []
    try:
        if images.tables:
            found.append(without(load_data().read_parquet(images.tables), done))
        if images.addresses:
            endings = [ending.removeprefix(".") for ending in sorted(ENDINGS)]
            files = load_data().read_binary_files(images.addresses, include_paths=True, file_extensions=endings)
            found.append(without(files, done))
    except (OSError, ValueError, ImportError) as error:
        places = ", ".join(images.tables + images.addresses)
        raise DataError(f"{places}: can't be read: {first_line(error)}") from error
    return found


def without(dataset: Any, done: set[str]) -> Any:
    """The rows of a dataset whose paths aren't done, with the columns that are used."""
    names = set(dataset.schema().names)
    if PATH not in names:
        found = ", ".join(sorted(names))
        raise DataError(f"expected a column {PATH} (and {BYTES} where images aren't files), found {found}")
    chosen = dataset.select_columns([name for name in (PATH, BYTES) if name in names])
    return chosen.filter(Left(frozenset(done))) if done else chosen


@dataclass(frozen=True)
class Left:
    """Whether a row is still to be done."""

    done: frozenset[str]

    def __call__(self, row: dict[str, Any]) -> bool:
        return row[PATH] not in self.done
