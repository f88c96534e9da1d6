"""JSON as AlexeyAB's `-out x.json`, correctly escaped and with what it lacks; and the same, one line an image."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ..detection.results import Detection
from .base import FileWriter, Result


def encode_json(text: str) -> bytes:
    """UTF-8; a byte of a file name that is no UTF-8 becomes a \\udcXX escape, which `json.loads` undoes."""
    return text.encode("utf-8", "backslashreplace")


def number(value: float, digits: int) -> float | None:
    """Rounded; None, JSON's null, for what JSON has no number for."""
    return round(float(value), digits) if math.isfinite(value) else None


def dumps(value: object) -> str:
    """Compact, names as they are."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


class JsonWriter(FileWriter):
    """A list of images."""

    head, between, tail = "[\n", ",\n", "\n]\n"

    def _encode(self, text: str) -> bytes:
        return encode_json(text)

    def _text(self, result: Result) -> str:
        return image_text(result)


def image_text(result: Result) -> str:
    """The detections of an image as an object over several lines, as AlexeyAB's Darknet has it."""
    frame, objects = _image(result)
    lines = ",\n".join("  " + dumps(each) for each in objects)
    start = dumps(frame).removesuffix("}")
    return f'{start}, "objects": [\n{lines}\n]}}' if lines else f'{start}, "objects": []}}'


class JsonLinesWriter(FileWriter):
    """One line an image."""

    def _encode(self, text: str) -> bytes:
        return encode_json(text)

    def _text(self, result: Result) -> str:
        frame, objects = _image(result)
        return dumps({**frame, "objects": objects}) + "\n"


def _image(result: Result) -> tuple[dict[str, Any], list[Mapping[str, Any]]]:
    frame = {
        "frame_id": result.index if result.frame is None else result.frame,
        "filename": result.path,
        "width": result.width,
        "height": result.height,
    }
    return frame, [as_record(each, result.width, result.height) for each in result.detections]


def as_record(detection: Detection, width: int, height: int) -> Mapping[str, Any]:
    """A detection in an image of width x height pixels as a JSON object."""
    box = detection.box
    values: dict[str, Any] = {
        "class_id": detection.class_id,
        "name": detection.name,
        "relative_coordinates": {
            "center_x": number(box.x / width, 6),
            "center_y": number(box.y / height, 6),
            "width": number(box.w / width, 6),
            "height": number(box.h / height, 6),
        },
        "confidence": number(detection.confidence, 6),
        "objectness": number(detection.objectness, 6),
        "box": {
            "left": number(box.left, 3),
            "top": number(box.top, 3),
            "width": number(box.w, 3),
            "height": number(box.h, 3),
        },
    }
    if detection.track is not None:
        values["track_id"] = detection.track
    if detection.path:
        values["path"] = list(detection.path)
    if detection.path_probabilities:
        values["path_probabilities"] = [number(each, 6) for each in detection.path_probabilities]
    return values
