"""COCO's results format, with Darknet's rules for the numbers of images and classes."""

from __future__ import annotations

import os
import re

from .base import FileWriter, Result, clip
from .json_files import dumps, encode_json, number

# COCO numbers its 80 classes from 1 to 90, with gaps where classes were dropped.
CATEGORIES = tuple(sorted(set(range(1, 91)) - {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}))


class CocoWriter(FileWriter):
    """`category_id` is COCO's own for 80 classes, else the class's number plus 1."""

    head, between, tail = "[\n", ",\n", "\n]\n"

    def _encode(self, text: str) -> bytes:
        return encode_json(text)

    def _text(self, result: Result) -> str:
        image = image_id(result)
        lines = []
        for detection in result.detections:
            edges = clip(detection.box, result.width, result.height)
            score = number(detection.confidence, 6)
            if edges is None or score is None:
                continue
            left, top, right, bottom = edges
            box = [number(value, 6) for value in (left, top, right - left, bottom - top)]
            category = self._category(detection.class_id)
            entry = {"image_id": image, "category_id": category, "bbox": box, "score": score}
            lines.append(dumps(entry if detection.track is None else {**entry, "track_id": detection.track}))
        return self.between.join(lines)

    def _category(self, class_id: int) -> int:
        return CATEGORIES[class_id] if len(self.names) == len(CATEGORIES) else class_id + 1


def image_id(result: Result) -> int:
    """The frame's number; else the number after the last `_` of the file's name, as in
    `COCO_val2014_000000000042.jpg`; else the number that begins the name; else the count of images."""
    if result.frame is not None:
        return result.frame
    stem = os.path.splitext(os.path.basename(result.path))[0]
    for text in (stem.rpartition("_")[2], stem):
        if match := re.match(r"[0-9]+", text):
            return int(match.group())
    return result.index
