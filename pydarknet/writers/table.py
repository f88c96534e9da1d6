"""CSV: one row a detection."""

from __future__ import annotations

import csv
import io

from ..detection.results import Detection
from ..formats.text import csv_text
from .base import FileWriter, Result

COLUMNS = (
    *("filename", "frame", "image_width", "image_height", "class_id", "name", "confidence", "objectness"),
    *("left", "top", "right", "bottom", "path", "path_probabilities", "track_id"),
)


class CsvWriter(FileWriter):
    """Boxes in pixels; `path` has the names from the tree's root, joined by ` > `, `path_probabilities` likewise
    their probabilities. An apostrophe stands before names that a spreadsheet would compute: those that begin with
    = + - @, a tab or a carriage return."""

    head = ",".join(COLUMNS) + "\n"

    def _text(self, result: Result) -> str:
        return "".join(_row(each, result) for each in result.detections)


def _row(detection: Detection, result: Result) -> str:
    box = detection.box
    edges = (f"{edge:.3f}" for edge in (box.left, box.top, box.right, box.bottom))
    scores = (f"{detection.confidence:.6f}", f"{detection.objectness:.6f}")
    image = (csv_text(result.path), "" if result.frame is None else result.frame, result.width, result.height)
    values = (
        *image,
        detection.class_id,
        csv_text(detection.name),
        *scores,
        *edges,
        csv_text(" > ".join(detection.path)),
        " > ".join(f"{each:.6f}" for each in detection.path_probabilities),
        "" if detection.track is None else detection.track,
    )
    text = io.StringIO()
    # With "\n" as the end of a line, Python's writer would leave a "\r" inside a name unquoted.
    csv.writer(text, lineterminator="\r\n").writerow(values)
    return text.getvalue().removesuffix("\r\n") + "\n"
