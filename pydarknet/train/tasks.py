"""From the path of an image to what the network gets: its input and its truth, augmented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from ..dialects.base import TruthRules
from ..dialects.darknet2018 import DIALECT
from ..errors import DataError
from ..formats.labels import CLASS, Labels, find_label, label_path, read_labels, without_place
from ..formats.path_labels import Best, Classes
from ..formats.tree import Tree
from ..images.image import Image, load_image
from .augment import Canvas, Classification, Crop, Detection, Draw, Size, centre_square, centred, stretched
from .truth import boxes, class_truth, draw_order

Floats = npt.NDArray[np.float32]
Missing = Literal["error", "background"]


class Task(Protocol):
    """What a loader loads. `truth_shape` is that of one image's truth."""

    @property
    def truth_shape(self) -> tuple[int, ...]: ...

    def load(self, path: str, rng: np.random.Generator, x: Floats, truth: Floats) -> Draw:
        """Fill x (channels, h, w) and truth, and say what was drawn. ImageError or DataError if that can't be."""
        ...


@dataclass(frozen=True)
class Loaded:
    """An image (uint8, BGR), its labels in the order drawn, and what was drawn for it."""

    image: Image
    labels: Labels
    draw: Canvas | Crop

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True)
class DetectionTask:
    """Boxes: x, y, w, h, class, at most `maximum` an image. Without `augment`, images are as in validation.

    `missing` says what an image without a label file is: an error, or background, an image of nothing.
    Classes of boxes are below `classes`, those of objects without a place below `class_only`: nodes of the head's
    tree, or what `class_map` makes nodes of. Without a tree (0) there can be none: a head would look for them far
    outside. `nodes`: images that have a class only, by path; no label file is read for them.
    """

    classes: int
    maximum: int = 30
    augment: Detection | None = None
    rules: TruthRules = DIALECT.truth
    missing: Missing = "error"
    class_only: int = 0
    letterbox: bool = True
    class_map: npt.NDArray[np.int32] | None = field(default=None, repr=False, compare=False)
    nodes: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def truth_shape(self) -> tuple[int, ...]:
        """(maximum, 5)."""
        return self.maximum, 5

    def load(self, path: str, rng: np.random.Generator, x: Floats, truth: Floats) -> Draw:
        """Load an image and its label file."""
        loaded = self.draw(path, rng, (x.shape[2], x.shape[1]), len(x))
        self.fill(loaded, x, truth)
        return loaded.draw

    def draw(self, path: str, rng: np.random.Generator, net: Size, channels: int) -> Loaded:
        """Load an image and its label file, and draw what is to happen to them."""
        image = load_image(path, channels)
        labels = self.objects(path)
        size = image.shape[1], image.shape[0]
        if not self.augment:
            return Loaded(image, labels, self._neutral(size, net))
        drawn = self.augment.draw(rng, size, net)
        return Loaded(image, labels[draw_order(rng, len(labels))], drawn)

    def fill(self, loaded: Loaded, x: Floats, truth: Floats) -> None:
        """Do what was drawn."""
        draw, net = loaded.draw, (x.shape[2], x.shape[1])
        draw.apply(loaded.image, x)
        order = np.arange(len(loaded.labels))
        truth[...] = boxes(draw, loaded.labels, order, loaded.size, net, self.rules, self.maximum)
        if isinstance(draw, Crop):
            draw.disturbance.apply(x, truth)

    def objects(self, path: str) -> Labels:
        """What is in an image: by its label file, or its class alone."""
        if path in self.nodes:
            return np.array([[self.nodes[path], 0, 0, 0, 0]], np.float32)
        labels = labels_of(path, self.classes, self.missing, self.class_only)
        nowhere = without_place(labels)
        if not self.class_only and nowhere.any():
            raise DataError(
                f"{path}: its labels hold an object at 0 0: a class without a place, but there is no tree"
            )
        if self.class_map is not None:
            labels[nowhere, CLASS] = self.class_map[labels[nowhere, CLASS].astype(np.int64)]
        return labels

    def _neutral(self, size: Size, net: Size) -> Canvas | Crop:
        return centred(size, net) if self.letterbox else stretched(size)


@dataclass(frozen=True)
class ClassificationTask:
    """One number a class: 1 for the image's own. With a `tree`, -1234 where nothing is known.

    Without `augment` the largest square in the middle is shown, as in validation. `classes` finds the class of a
    path, by default that of the label that fits it best. `smoothing`: label_smooth_eps of [net], for flat classes.
    """

    labels: Sequence[str]
    augment: Classification | None = None
    tree: Tree | None = None
    classes: Classes | None = field(default=None, repr=False)
    smoothing: float = 0.0
    _find: Classes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.tree is not None and len(self.tree) != len(self.labels):
            raise DataError(f"{len(self.labels)} labels, but the tree has {len(self.tree)} nodes; expected as many")
        object.__setattr__(self, "_find", self.classes or Best(self.labels))

    @property
    def truth_shape(self) -> tuple[int, ...]:
        """(classes,)."""
        return (len(self.labels),)

    def load(self, path: str, rng: np.random.Generator, x: Floats, truth: Floats) -> Draw:
        """Load an image; its path has its label."""
        image = load_image(path, len(x))
        size, net = (image.shape[1], image.shape[0]), (x.shape[2], x.shape[1])
        draw = self.augment.draw(rng, size, net) if self.augment else centre_square(size)
        draw.apply(image, x)
        truth[...] = class_truth(self._find(path), len(self.labels), self.tree, self.smoothing)
        return draw


def labels_of(image: str, classes: int | None, missing: Missing, class_only: int) -> Labels:
    """The objects of an image's label file. DataError if it is missing, unless that means background."""
    file = find_label(image)
    if file is not None:
        return read_labels(file, classes, class_only or None)
    if missing == "background":
        return np.empty((0, 5), np.float32)
    raise DataError(f"{image}: has no label file; expected {label_path(image)} (empty if nothing is to be seen)")
