"""The truth and the detections of a set of images, each one object an entry of equally long arrays.

Images are numbers, classes too. A box is left, top, width, height in any unit that is the same for all
(pixels, where COCO's sizes are to mean something), as COCO has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..detection.results import Detection
from ..errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_O = TypeVar("_O", bound="_Objects")


@dataclass(frozen=True, eq=False)
class _Objects:
    image: Ints  # (M,)
    class_id: Ints  # (M,)
    box: Floats  # (M, 4)

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self: _O, which: Any) -> _O:
        """The objects that an array of indices, a mask or a slice picks."""
        return type(self)(*(getattr(self, each.name)[which] for each in fields(self)))

    @cached_property
    def groups(self) -> dict[tuple[int, int], Ints]:
        """The indices of each (image, class) that occurs, in their order."""
        order = np.lexsort((self.class_id, self.image))
        keys = np.stack([self.image[order], self.class_id[order]], axis=1)
        cuts = np.flatnonzero((np.diff(keys, axis=0) != 0).any(axis=1)) + 1
        parts = np.split(order, cuts) if len(order) else []
        return {(int(self.image[part[0]]), int(self.class_id[part[0]])): part for part in parts}

    def by_image(self) -> Iterator[tuple[int, Ints]]:
        """Each image that occurs with the indices of its objects, in their order."""
        order = np.argsort(self.image, kind="stable")
        cuts = np.flatnonzero(np.diff(self.image[order])) + 1
        for part in np.split(order, cuts) if len(order) else []:
            yield int(self.image[part[0]]), part


@dataclass(frozen=True, eq=False)
class Truth(_Objects):
    """What is in the images.

    A `difficult` object is neither a miss nor, if found, a false positive (VOC; COCO's ignore). A `crowd` is a
    region of many, which may be found any number of times. `area` is what COCO sorts objects into small, medium
    and large by, of the segment if there is one.
    """

    difficult: Bools
    crowd: Bools
    area: Floats

    @classmethod
    def of(
        cls,
        image: npt.ArrayLike,
        class_id: npt.ArrayLike,
        box: npt.ArrayLike,
        difficult: npt.ArrayLike | None = None,
        crowd: npt.ArrayLike | None = None,
        area: npt.ArrayLike | None = None,
    ) -> Truth:
        """From anything array-like; the area is that of the box unless it is given. DataError for NaN and lengths."""
        images, classes, boxes = _base(image, class_id, box)
        count = len(images)
        none = np.zeros(count, np.bool_)
        return cls(
            images,
            classes,
            boxes,
            none if difficult is None else _column("difficult", difficult, count).astype(np.bool_),
            none if crowd is None else _column("crowd", crowd, count).astype(np.bool_),
            boxes[:, 2] * boxes[:, 3] if area is None else _column("area", area, count).astype(np.float64),
        )


@dataclass(frozen=True, eq=False)
class Detections(_Objects):
    """What a detector says is in the images; `score` is any number that is higher for the surer ones."""

    score: Floats

    @classmethod
    def of(
        cls, image: npt.ArrayLike, class_id: npt.ArrayLike, box: npt.ArrayLike, score: npt.ArrayLike
    ) -> Detections:
        """From anything array-like. DataError for NaN and for lengths that differ."""
        images, classes, boxes = _base(image, class_id, box)
        scores = _column("score", score, len(images)).astype(np.float64)
        if np.isnan(scores).any():
            raise DataError(f"detection {np.isnan(scores).argmax()}: the score is not a number")
        return cls(images, classes, boxes, scores)

    @classmethod
    def from_images(cls, images: Sequence[Sequence[Detection]]) -> Detections:
        """What a network found in each of the images 0, 1, 2..."""
        rows = [(image, each) for image, found in enumerate(images) for each in found]
        return cls.of(
            [image for image, _ in rows],
            [each.class_id for _, each in rows],
            [(each.box.left, each.box.top, each.box.w, each.box.h) for _, each in rows],
            [each.confidence for _, each in rows],
        )


def overlaps(boxes: Floats, truths: Floats, crowd: Bools | None = None) -> Floats:
    """Intersection over union of boxes (M, 4) with truths (N, 4), shape (M, N); 0 where they don't touch.

    Over the area of the box alone where the truth is a `crowd`. Term for term as in pycocotools.
    """
    left_top = np.maximum(boxes[:, None, :2], truths[None, :, :2])
    ends = np.minimum((boxes[:, :2] + boxes[:, 2:])[:, None], (truths[:, :2] + truths[:, 2:])[None])
    sides = ends - left_top
    shared = np.where((sides > 0).all(axis=2), sides[..., 0] * sides[..., 1], 0.0)
    own = (boxes[:, 2] * boxes[:, 3])[:, None]
    union = own + (truths[:, 2] * truths[:, 3])[None] - shared
    if crowd is not None:
        union = np.where(crowd[None], own, union)
    result: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return result


def by_score(detections: Detections) -> Ints:
    """The order from the surest on; equal ones keep theirs."""
    order: Ints = np.argsort(-detections.score, kind="stable")
    return order


def _base(image: npt.ArrayLike, class_id: npt.ArrayLike, box: npt.ArrayLike) -> tuple[Ints, Ints, Floats]:
    images = np.asarray(image, np.int64).reshape(-1)
    boxes = np.asarray(box, np.float64).reshape(-1, 4)
    if len(boxes) != len(images):
        raise DataError(f"expected a box for each of {len(images)} objects, found {len(boxes)}")
    if np.isnan(boxes).any():
        raise DataError(f"object {np.isnan(boxes).any(axis=1).argmax()}: the box has a NaN")
    return images, _column("class", class_id, len(images)).astype(np.int64), boxes


def _column(what: str, values: npt.ArrayLike, count: int) -> npt.NDArray[Any]:
    column = np.asarray(values).reshape(-1)
    if len(column) != count:
        raise DataError(f"expected a {what} for each of {count} objects, found {len(column)}")
    return column
