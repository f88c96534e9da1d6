"""Networks for SAHI, which looks for small objects in slices of large images.

    from sahi.predict import get_sliced_prediction
    from pydarknet.compat.sahi import DarknetDetectionModel

    model = DarknetDetectionModel(model=pydarknet.Network("my.cfg", "my.weights", names="my.names"))
    result = get_sliced_prediction("large.jpg", model, slice_height=512, slice_width=512)

Needs the package `sahi`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sahi.models.base import DetectionModel
from sahi.prediction import ObjectPrediction

from ..detection.results import Box, Detection
from ..network import Network


class DarknetDetectionModel(DetectionModel):
    """SAHI's view of a `Network`.

    `model`: the network; or `config_path`, `model_path`: its cfg and weights. Boxes at or above
    `confidence_threshold` (.3) count. The other arguments are those of SAHI's DetectionModel.
    """

    category_mapping: dict[str, str] | None

    def load_model(self) -> None:
        self.set_model(Network(self.config_path, self.model_path))

    def set_model(self, model: Network, **_: Any) -> None:
        self.model = model
        if not self.category_mapping:
            names = model.names or [str(i) for i in range(model.classes)]
            self.category_mapping = {str(i): name for i, name in enumerate(names)}

    def perform_inference(self, image: npt.NDArray[np.uint8]) -> None:
        """Detect in an RGB image (H, W, 3)."""
        self._original_predictions = [self._detect(image)]

    def perform_batch_inference(self, images: list[npt.NDArray[np.uint8]]) -> None:
        """Detect in several RGB images."""
        self._original_predictions = [self._detect(image) for image in images]

    def _detect(self, image: npt.NDArray[np.uint8]) -> Any:
        return self.model.detect(image, self.confidence_threshold, color="rgb")

    def _create_object_prediction_list_from_original_predictions(
        self, shift_amount_list: Any = None, full_shape_list: Any = None
    ) -> None:
        """Detections of slices as SAHI's objects: a slice's offset (x, y), and the size (h, w) of the whole image."""
        found = self._original_predictions
        shifts = _each(shift_amount_list, [0, 0], len(found))
        shapes = _each(full_shape_list, None, len(found))
        self._object_prediction_list_per_image = [
            [
                _object(each, corners, shift, shape or list(detections.orig_shape))
                for each in detections
                if (corners := _inside(each.box, detections.orig_shape)) is not None
            ]
            for detections, shift, shape in zip(found, shifts, shapes, strict=True)
        ]


def _each(given: Any, default: Any, count: int) -> list[Any]:
    """One value for each image: SAHI gives a list of them, one for all, or none."""
    if not given:
        return [default] * count
    return list(given) if isinstance(given[0], (list, tuple)) else [given] * count


def _inside(box: Box, shape: tuple[int, int]) -> list[float] | None:
    """The corners of the part of a box that is in an image (h, w), which is all that SAHI takes; None if none is."""
    height, width = shape
    left, top, right, bottom = max(0.0, box.left), max(0.0, box.top), min(width, box.right), min(height, box.bottom)
    return [left, top, right, bottom] if left < right and top < bottom else None


def _object(detection: Detection, corners: list[float], shift: list[int], shape: list[int]) -> Any:
    return ObjectPrediction(
        bbox=corners,
        category_id=detection.class_id,
        category_name=detection.name,
        score=detection.confidence,
        shift_amount=list(shift),
        full_shape=list(shape),
    )
