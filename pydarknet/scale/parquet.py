"""Parquet: a row for each detection, for programs that read tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ExportError
from ..formats.atomic import replacing
from ..writers.base import Result, Writer

COLUMNS = ("filename", "image_width", "image_height", "class_id", "name", "confidence", "objectness",
           "left", "top", "width", "height")  # fmt: skip


class ParquetWriter(Writer):
    """`left`, `top`, `width` and `height` in pixels. An image without detections has no row. ExportError where the
    package pyarrow is missing."""

    def __init__(self, target: Path, names: Sequence[str]) -> None:
        super().__init__(target, names)
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise ExportError(
                "Parquet needs the package pyarrow: pip install pyarrow, or 'pydarknet[ray]'"
            ) from error
        self._arrow = pyarrow
        self._rows: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        target.parent.mkdir(parents=True, exist_ok=True)

    def _write(self, result: Result) -> None:
        for each in result.detections:
            box = each.box
            path = result.path.encode("utf-8", "backslashreplace").decode()  # as in JSON
            row = (path, result.width, result.height, each.class_id, each.name, each.confidence,
                   each.objectness, box.left, box.top, box.w, box.h)  # fmt: skip
            for name, value in zip(COLUMNS, row, strict=True):
                self._rows[name].append(value)

    def _commit(self) -> None:
        arrow = self._arrow
        kinds = [arrow.string(), *[arrow.int32()] * 3, arrow.string(), *[arrow.float32()] * 6]
        table = arrow.table(self._rows, schema=arrow.schema(list(zip(COLUMNS, kinds, strict=True))))
        with replacing(self.target) as file:
            arrow.parquet.write_table(table, file)

    def _abandon(self) -> None:
        self._rows = {name: [] for name in COLUMNS}
