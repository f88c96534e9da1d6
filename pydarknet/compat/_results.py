"""What scripts for AlexeyAB's Darknet do with lists of detections: print, draw, suppress."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..images.image import load_image
from ..system.display import display_problem, has_display

Box = tuple[float, float, float, float]

FAR = 1 << 20  # pixels: further out nothing is drawn, and OpenCV takes no such number


def class_colors(names: Iterable[str]) -> dict[str, tuple[int, int, int]]:
    """A random colour (B, G, R) for each name."""
    return {name: (random.randint(0, 255), random.randint(0, 255), random.randint(0, 255)) for name in names}


def bbox2points(bbox: Box) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) as whole pixels, of centre and size: xmin, ymin, xmax, ymax."""
    x, y, w, h = bbox
    edges = x - w / 2, y - h / 2, x + w / 2, y + h / 2
    left, top, right, bottom = (round(min(max(edge, -FAR), FAR)) for edge in edges)
    return left, top, right, bottom


def print_detections(detections: Iterable[tuple[str, str, Box]], coordinates: bool = False) -> None:
    """Print labels and confidences, and the boxes if asked for."""
    print("\nObjects:")
    for label, confidence, (x, y, w, h) in detections:
        place = f"    (left_x: {x:.0f}   top_y:  {y:.0f}   width:   {w:.0f}   height:  {h:.0f})"
        print(f"{label}: {confidence}%{place if coordinates else ''}")


def draw_boxes(detections: Iterable[tuple[str, str, Box]], image: Any, colors: Any) -> Any:
    """Draw boxes with their labels into an OpenCV image; returns it."""
    import cv2

    for label, confidence, bbox in detections:
        left, top, right, bottom = bbox2points(bbox)
        text = f"{label} [{float(confidence):.2f}]"
        cv2.rectangle(image, (left, top), (right, bottom), colors[label], 1)
        cv2.putText(image, text, (left, top - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colors[label], 2)
    return image


def decode_detection(detections: Iterable[tuple[str, float, Box]]) -> list[tuple[str, str, Box]]:
    """Confidences as text, in percent with two digits."""
    return [(str(label), str(round(confidence * 100, 2)), bbox) for label, confidence, bbox in detections]


def non_max_suppression_fast(detections: Sequence[Any], overlap_thresh: float) -> list[Any]:
    """From the lowest bottom edge up, drop detections of which more than overlap_thresh is covered by a kept one."""
    if not detections:
        return []
    x, y, w, h = np.array([detection[-1] for detection in detections], np.float64).T
    left, top, right, bottom = x - w / 2, y - h / 2, x + w / 2, y + h / 2
    area = (right - left + 1) * (bottom - top + 1)
    rest, kept = np.argsort(bottom)[::-1], []
    while len(rest):
        first, rest = rest[0], rest[1:]
        kept.append(detections[first])
        width = np.minimum(right[first], right[rest]) - np.maximum(left[first], left[rest]) + 1
        height = np.minimum(bottom[first], bottom[rest]) - np.maximum(top[first], top[rest]) + 1
        covered = np.maximum(width, 0) * np.maximum(height, 0) / area[rest]
        rest = rest[covered <= overlap_thresh]
    return kept


def illustrated(
    path: str | bytes | os.PathLike[str], detections: Sequence[tuple[Any, float, Box]], show: bool
) -> Any:
    """Detections, the image (RGB) with their boxes, greener the surer, and a caption; a window waits for a key."""
    import cv2

    image = np.ascontiguousarray(load_image(os.fsdecode(path))[:, :, ::-1])
    print(f"*** {len(detections)} Results, color coded by confidence ***")
    lines = [f"{label}: {np.rint(100 * confidence)}%" for label, confidence, _ in detections]
    for line, (_, confidence, bbox) in zip(lines, detections, strict=True):
        print(line)
        left, top, right, bottom = bbox2points(bbox)
        colour = (int(255 * (1 - confidence**2)), int(255 * confidence**2), 0)
        cv2.rectangle(image, (left, top), (right, bottom), colour, 3)
    if show and has_display() and not display_problem():
        try:
            cv2.imshow("Detections", image[:, :, ::-1])
            cv2.waitKey(0)
        except cv2.error as error:  # the headless edition
            print(f"Unable to show image: {error}")
    return {"detections": detections, "image": image, "caption": "\n<br/>".join(lines)}
