"""How often a classifier is right, as Darknet's `classifier valid` counts it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..errors import DataError, ImageError
from ..formats.path_labels import Best, Classes
from ..formats.tree import Tree
from ..graph.lanes import lanes_of
from ..images.batches import Batch, ReadImage, batch_bytes, batches, good, read_batch
from ..images.image import Image
from ..network import Network
from ..system.pipeline import Turn, pipeline
from .shares import Shares
from .tree_accuracy import TreeAccuracy

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Accuracy(Shares):
    """After so many images: how many had their class first, and among the first `k`. The last: `image`."""

    images: int
    first: int
    among: int
    k: int

    @property
    def line(self) -> str:
        """What Darknet prints after the last of these images."""
        return f"{self.images - 1}: top 1: {self.top1:f}, top {self.k}: {self.topk:f}"


@dataclass(frozen=True)
class Evaluated:
    """An image: its class by its path (-1 if no label is in it), each class's score, the counts so far, and with a
    tree those along it.

    With an `error` the image could not be read, and the counts are those before.
    """

    path: str
    class_id: int
    scores: Floats
    accuracy: Accuracy
    error: ImageError | None = None
    along: TreeAccuracy | None = None


def validate_classifier(
    network: Network,
    images: Sequence[str],
    labels: Sequence[str],
    *,
    top: int = 1,
    batch: int = 4,
    leaves: Sequence[str] | None = None,
    classes: Classes | None = None,
) -> Iterator[Evaluated]:
    """Evaluate a classifier on the largest square in the middle of each image.

    `classes` finds an image's class in its path, by default that of the one of `labels` that fits best; the first
    counts if it finds several. With a tree only its leaves, or the nodes named in `leaves`, can win, each with the
    product of the probabilities down to it: then an image whose class is an inner node is never right, and
    `Evaluated.along` says how often the guesses are below it. DataError, before anything runs, if there are more
    labels than outputs, or for a path whose class is ambiguous.
    """
    tree = network.class_tree()
    if len(labels) > network.outputs.size:
        raise DataError(f"{len(labels)} labels, but the network has {network.outputs.size} outputs")
    find, allowed = classes or Best(labels), _allowed(tree, leaves)
    own = [next(iter(find(path)), -1) for path in images]
    accuracy, along = Accuracy(0, 0, 0, top), None if tree is None else TreeAccuracy(top)
    for each, scores in _scored(network, images, batch):
        class_id = own[each.index]
        if each.error is not None:
            yield Evaluated(each.path, class_id, scores, accuracy, each.error, along)
            continue
        if tree is not None:
            scores = (tree.absolute(scores) * allowed).astype(np.float32)
        if tree is not None and along is not None and class_id >= 0:
            best = np.argsort(-scores, kind="stable")[:top]
            along = along.counted(tree, best[allowed[best]].tolist(), class_id)
        accuracy = _counted(accuracy, scores[: len(labels)], class_id)
        yield Evaluated(each.path, class_id, scores, accuracy, along=along)


def _scored(network: Network, paths: Sequence[str], batch: int) -> Iterator[tuple[ReadImage, Floats]]:
    """The images, without their pixels, and the network's output for each; none where there is an error."""

    def work(few: Batch, turn: Turn) -> list[tuple[ReadImage, Floats]]:
        read = read_batch(few, network.inputs.c)
        images = good(read)
        with turn:
            outputs = iter(_outputs(network, images) if images else ())
        none = np.empty(0, np.float32)
        return [(replace(each, image=None), none if each.image is None else next(outputs)) for each in read]

    lanes = lanes_of(network, -(-len(paths) // batch), batch)
    for scored in pipeline(batches(paths, batch), work, lanes, batch_bytes):
        yield from scored


def _counted(before: Accuracy, scores: Floats, class_id: int) -> Accuracy:
    order = np.argsort(-scores, kind="stable")[: before.k]
    return Accuracy(
        before.images + 1, before.first + int(order[0] == class_id), before.among + int(class_id in order), before.k
    )


def _allowed(tree: Tree | None, leaves: Sequence[str] | None) -> Bools:
    """Which nodes can win; not asked without a tree. DataError if none of the names is in the tree."""
    if tree is None:
        return np.empty(0, np.bool_)
    if leaves is None:
        ends: Bools = np.less(tree.child, 0)
        return ends
    wanted = set(leaves)
    allowed = np.array([name in wanted for name in tree.name])
    if not allowed.any():
        raise DataError("leaves: none of the names is in the tree")
    return allowed


def _outputs(network: Network, images: Sequence[Image]) -> Floats:
    """The network's outputs (N, classes) for the largest squares in the middle of images."""
    with network.plan(len(images)) as plan:
        network.fit_images(plan.input, map(_middle, images), "stretch")
        plan.run()
        outputs: Floats = network.backend.to_host(plan.outputs[network.output_index]).copy()
    return outputs.reshape(len(images), -1)


def _middle(image: Image) -> Image:
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(image[top : top + side, left : left + side])
