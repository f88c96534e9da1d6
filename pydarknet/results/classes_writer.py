"""The classes of images: JSON, one line an image."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..writers.base import FileWriter, Result
from ..writers.json_files import dumps, encode_json, number
from .classification import Classification


class ClassesWriter(FileWriter):
    """`filename`, `width`, `height`, and `classes`, the most probable first; with `path` where they form a tree."""

    _found: Sequence[Classification] = ()

    def add(
        self, image_path: str | bytes | os.PathLike[str], image_size: tuple[int, int], found: Sequence[Classification]
    ) -> None:
        """As `write` of detections."""
        self._found = found
        self.write(image_path, image_size, ())

    def _encode(self, text: str) -> bytes:
        return encode_json(text)

    def _text(self, result: Result) -> str:
        classes = [
            {"class_id": each.class_id, "name": each.name, "probability": number(each.probability, 6)}
            | ({"path": list(each.path)} if each.path else {})
            for each in self._found
        ]
        image = {"filename": result.path, "width": result.width, "height": result.height}
        return dumps({**image, "classes": classes}) + "\n"
