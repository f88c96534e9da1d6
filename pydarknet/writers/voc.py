"""PASCAL VOC's results files as Darknet writes them: `comp4_det_test_<class>.txt`, one for each class."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError
from ..formats.atomic import take_after
from .base import Result, Writer, prepare_folder, translated

PREFIX = "comp4_det_test_"
FLUSH = 1 << 16  # bytes kept in memory for a class


class VocWriter(Writer):
    """Lines `id confidence xmin ymin xmax ymax`, in pixels from 1, inside the image; `id` is the stem.

    The parts grow in a folder of their own inside the target and are renamed at the end, so that 9,418
    classes need neither as many open files nor all their lines in memory.
    """

    def __init__(self, target: Path, names: Sequence[str], prefix: str = PREFIX) -> None:
        super().__init__(target, names)
        self.prefix = prefix
        prepare_folder(target)
        with translated(target):
            self._parts = Path(tempfile.mkdtemp(prefix=".comp4-", dir=target))
        self._lines: dict[str, bytearray] = {}

    def check(self, image_path: str, frame: int | None = None) -> None:
        """DataError for a name that would end its line: what follows would be taken for results."""
        if set(os.path.basename(image_path)) & {"\n", "\r"}:
            raise DataError(
                f"{image_path!r}: a line of VOC's results begins with the image's name, which can't "
                "hold a line end; rename the image"
            )

    def _write(self, result: Result) -> None:
        identity = result.stem.encode("utf-8", "surrogateescape")
        for each in result.detections:
            edges = (
                max(each.box.left + 1, 1.0),
                max(each.box.top + 1, 1.0),
                min(each.box.right + 1, float(result.width)),
                min(each.box.bottom + 1, float(result.height)),
            )
            values = " ".join(f"{value:f}" for value in (each.confidence, *edges))
            self._add(self._file_name(each.class_id, each.name), identity + f" {values}\n".encode())

    def _file_name(self, class_id: int, name: str) -> str:
        known = self.names[class_id] if 0 <= class_id < len(self.names) else name
        return self.prefix + known.replace("/", "_").replace("\0", "_") + ".txt"

    def _add(self, file: str, line: bytes) -> None:
        lines = self._lines.setdefault(file, bytearray())
        lines += line
        if len(lines) >= FLUSH:
            self._flush(file)

    def _flush(self, file: str) -> None:
        with open(self._parts / file, "ab") as part:
            part.write(self._lines[file])
        self._lines[file].clear()

    def _commit(self) -> None:
        try:
            for class_id, name in enumerate(self.names):  # a class without detections has an empty file
                self._lines.setdefault(self._file_name(class_id, name), bytearray())
            for file in self._lines:
                self._flush(file)
            for file in self._lines:
                take_after(os.fspath(self.target / file), os.fspath(self._parts / file))
                os.replace(self._parts / file, self.target / file)
        finally:
            self._abandon()

    def _abandon(self) -> None:
        shutil.rmtree(self._parts, ignore_errors=True)
