"""Candidates of the output of one image, found on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydarknet.backends.base import cpu_backend
from pydarknet.detection import decode


def decode_region(
    output: np.ndarray,
    anchors: decode.Anchors,
    classes: int,
    thresh: float,
    *,
    coords: int = 4,
    background: bool = False,
    **options: Any,
) -> decode.Candidates:
    """Those of a [region] output (C, H, W)."""
    given, objectness = np.ascontiguousarray(output)[None], None if background else coords
    (found,) = decode.find(cpu_backend(), given, len(anchors), objectness, thresh, by_cell=False)
    return decode.decode_region(found, anchors, classes, thresh, coords=coords, background=background, **options)


def decode_yolo(
    output: np.ndarray, anchors: decode.Anchors, net_w: int, net_h: int, thresh: float, new_coords: bool = False
) -> decode.Candidates:
    """Those of a [yolo] output (C, H, W)."""
    given = np.ascontiguousarray(output)[None]
    (found,) = decode.find(cpu_backend(), given, len(anchors), 4, thresh, by_cell=True)
    return decode.decode_yolo(found, anchors, net_w, net_h, thresh, new_coords)
