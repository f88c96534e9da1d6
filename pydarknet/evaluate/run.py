"""A network over a list of images: what it finds in each, batch by batch, and how good that is.

Several images are under way at once. One that can't be read doesn't end the run: it is handed on
with its error, and neither its objects nor anything found in it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..detection.options import DEFAULTS, DetectOptions, Ints
from ..detection.results import Detection
from ..errors import DataError, ImageError
from ..formats.named_classes import subtrees
from ..formats.tree import Tree
from ..graph.lanes import lanes_of
from ..images.batches import Batch, batch_bytes, batches, good, read_batch
from ..images.image import Image, load_image
from ..network import Network
from ..system.arguments import check_share
from ..system.pipeline import Turn, pipeline
from ..video.averaging import Averager
from .objects import Bools, Detections, Truth
from .report import Report, report

VALID_THRESH = 0.005  # Darknet's, below which a detection doesn't change a curve worth mentioning


@dataclass(frozen=True)
class Seen:
    """What was found in image number `index` of width x height pixels; with an `error` nothing."""

    index: int
    path: str
    size: tuple[int, int]
    detections: list[Detection]
    error: ImageError | None = None


Detector = Callable[[list[Image]], Sequence[Sequence[Detection]]]


def evaluate_network(
    network: Network,
    images: Sequence[str],
    truth: Truth,
    *,
    names: Sequence[str] | None = None,
    thresh: float = 0.25,
    iou_thresh: float = 0.5,
    points: int = 0,
    batch: int = 4,
    seen: Callable[[Seen], None] | None = None,
    unboxed: Sequence[str] | None = None,
    **others: Any,
) -> Report:
    """The report on a network's detections in images 0, 1, 2... whose objects are `truth`.

    Average precision is over all detections from `VALID_THRESH` on, the counts are those above `thresh`; see
    `report`. `names`: the classes' names, by default the network's own. `seen` is called after every image.
    `unboxed`: names of classes that never had a box in training, each standing for all below it; they are evaluated
    apart, too. The `others` (`fit`, `nms`, `nms_kind`, `map`...) are those of `DetectOptions`. CfgError for a network
    without heads, DataError for names that are none.
    """
    for name, value in (("thresh", thresh), ("iou_thresh", iou_thresh)):
        check_share(name, value)
    options = DetectOptions(VALID_THRESH, **others)
    never = None if unboxed is None else subtrees(unboxed, *known_classes(network))
    found = Collected()
    for each in detect_all(network, images, batch=batch, options=options):
        found.add(each)
        if seen is not None:
            seen(each)
    named = class_names(network, options.map) if names is None else names
    measures = {"thresh": thresh, "iou_thresh": iou_thresh, "points": points}
    parts = parts_of(network, options.map, never)
    return report(found.evaluated(truth), found.detections(), named, **measures, **parts)  # type: ignore[arg-type]


def detect_all(
    network: Network,
    paths: Sequence[str],
    *,
    batch: int = 4,
    options: DetectOptions = DEFAULTS,
    **others: Any,
) -> Iterator[Seen]:
    """Each image with what `Network.detect` finds in it under these options; a network trained on films
    (`Graph.sees_films`) remembers those before it."""
    settled = network.settle(options.but(**others))
    if network.sees_films:
        film = Averager(network, 1)
        yield from look(network, paths, 1, lambda images: [film.detect(images[0], settled)], in_order=True)
        return
    lazy = network.runs_lazily(settled)
    yield from look(network, paths, batch, lambda images: network.find(images, settled), lazy=lazy)


def propose_all(network: Network, paths: Sequence[str], *, batch: int = 4, **options: Any) -> Iterator[Seen]:
    """Each image with the boxes of `Network.propose`."""
    yield from look(network, paths, batch, lambda images: network.propose(images, **options))


def look(
    network: Network,
    paths: Sequence[str],
    batch: int,
    detector: Detector,
    *,
    lazy: bool = False,
    in_order: bool = False,
    load: Callable[[str, int], Image] = load_image,
) -> Iterator[Seen]:
    """Each image with what the detector, which runs the network on up to `batch` images, finds in it."""

    def work(few: Batch, turn: Turn) -> list[Seen]:
        read = read_batch(few, network.inputs.c, load)
        images = good(read)
        with turn:
            found = iter(detector(images) if images else ())
        return [
            Seen(each.index, each.path, each.size, [] if each.image is None else list(next(found)), each.error)
            for each in read
        ]

    lanes = lanes_of(network, -(-len(paths) // batch), batch, lazy=lazy, in_order=in_order)
    for seen in pipeline(batches(paths, batch), work, lanes, batch_bytes):
        yield from seen


class Collected:
    """Detections of many images as arrays, and which images could not be read."""

    def __init__(self) -> None:
        self.errors: list[ImageError] = []
        self.images = 0
        self._bad: list[int] = []
        self._parts: list[Detections] = []

    def add(self, seen: Seen) -> None:
        """Add what was found in the next image."""
        self.images += 1
        if seen.error is not None:
            self.errors.append(seen.error)
            self._bad.append(seen.index)
        elif seen.detections:
            part = Detections.from_images([seen.detections])
            self._parts.append(Detections(part.image + seen.index, part.class_id, part.box, part.score))

    def detections(self) -> Detections:
        """All detections so far."""
        none = Detections.of([], [], [], [])
        parts = [none, *self._parts]
        columns = ("image", "class_id", "box", "score")
        return Detections(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))

    def evaluated(self, truth: Truth) -> Truth:
        """The truth of the images that were read."""
        return truth[~np.isin(truth.image, self._bad)] if self._bad else truth


def known_classes(network: Network) -> tuple[Sequence[str], int, Tree | None]:
    """By what a network's classes are called, how many there are, and their tree."""
    return network.names, network.classes, network.class_tree()


def parts_of(network: Network, map: Ints | Sequence[int] | None, unboxed: Bools | None) -> dict[str, Any]:
    """The arguments `tree` and `unboxed` of `report`, given which of the network's classes never had a box. With a
    map detections are of the classes of a data set, which form no tree."""
    if map is None:
        return {"tree": network.class_tree(), "unboxed": unboxed}
    return {"tree": None, "unboxed": None if unboxed is None else unboxed[np.asarray(map)]}


def class_names(network: Network, map: Ints | Sequence[int] | None = None) -> list[str]:
    """The names of the classes that detections have: the network's, or with a map those of its nodes."""
    tree = network.class_tree()
    names = network.names or (list(tree.name) if tree is not None else [])
    if map is None:
        return list(names[: network.classes]) if names else [str(i) for i in range(network.classes)]
    if names and max(map, default=-1) >= len(names):
        raise DataError(f"map: expected nodes from 0 to {len(names) - 1}, found {max(map)}")
    return [names[node] if names else str(node) for node in map]
