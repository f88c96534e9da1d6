"""Detections as the lines that Darknet prints."""

from __future__ import annotations

import math
from collections.abc import Iterable
from struct import pack, unpack

from ..detection.results import Detection


def darknet_lines(
    detections: Iterable[Detection], ext_output: bool = False, show_path: bool = False, probabilities: bool = False
) -> list[str]:
    """`dog: 56%` for each detection, in the given order; with `ext_output` AlexeyAB's box behind it.

    `show_path`: with the way down the tree, `animal > mammal > dog`; `probabilities`: and with those of its nodes.
    """
    return [_line(each, show_path, probabilities) + (_box(each) if ext_output else "") for each in detections]


def printed_lines(
    detections: Iterable[Detection], ext_output: bool = False, show_path: bool = False, probabilities: bool = False
) -> list[str]:
    """Those of an image as Darknet prints them: box after box."""
    return darknet_lines(in_darknet_order(detections), ext_output, show_path, probabilities)


def in_darknet_order(detections: Iterable[Detection]) -> list[Detection]:
    """The detections of an image in the order of Darknet's lines: box after box, with each one's classes."""
    return sorted(detections, key=lambda each: each.order)


def _line(detection: Detection, show_path: bool, probabilities: bool) -> str:
    # Darknet multiplies in float32 and printf rounds halves to even, as Python does.
    percent = _float32(_float32(detection.confidence) * 100)
    name = detection.path_text(probabilities) if show_path or probabilities else detection.name
    if detection.track is not None:
        name += f" #{detection.track}"
    return f"{name}: {percent:.0f}%"


def _box(detection: Detection) -> str:
    box = detection.box
    left, top, width, height = (f"{_round(value):4.0f}" for value in (box.left, box.top, box.w, box.h))
    return f"\t(left_x: {left}   top_y: {top}   width: {width}   height: {height})"


def _round(value: float) -> float:
    """C's round: halves away from zero."""
    if not math.isfinite(value):
        return value
    return math.copysign(math.floor(abs(value) + 0.5), value)


def _float32(value: float) -> float:
    return float(unpack("<f", pack("<f", value))[0])
