"""What is written about a training: Darknet's lines, logs of one row an iteration, what stands behind the bar."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from os import PathLike, fspath

from ..errors import DataError
from ..formats.atomic import replacing
from ..graph.engine import Engine
from ..layers import Head
from ..plan.statistics import HeadStatistics
from .appending import Appender, Warn
from .metrics import History, Metrics, boxes_of, statistics_of

COLUMNS = tuple(key for key in Metrics.__dataclass_fields__ if key != "minis")


def darknet_lines(m: Metrics, engine: Engine) -> Iterator[str]:
    """A line of each head for each mini-batch, and the iteration's: Darknet's, but no NaN without an object."""
    for mini in m.minis:
        yield from (_head_line(engine, *each) for each in statistics_of(mini, engine))
    yield (f"{m.iteration}: {m.loss:f}, {m.average:f} avg, {m.rate:f} rate, {m.seconds:f} seconds, {m.seen} images")


def score_line(title: str, history: History) -> str:
    """What was measured on the valid list: AlexeyAB's line, and the best so far."""
    return f" {title} = {history.scores[-1][1]:f}, best = {history.best:f}"


def _head_line(engine: Engine, head: Head, s: HeadStatistics) -> str:
    boxes = boxes_of(engine, head)

    def mean(value: float, count: float) -> str:
        return f"{value / count:f}" if count > 0 else "-"

    return (
        f"{head.log_name} Avg IOU: {mean(s.iou, s.matched)}, Class: {mean(s.category, s.classified)}, "
        f"Obj: {mean(s.objectness, s.matched)}, No Obj: {mean(s.any_objectness, boxes)}, "
        f"Avg Recall: {mean(s.recall, s.matched)},  count: {s.matched:.0f}"
    )


class LogFile:
    """A row for each iteration, in JSON or, by the ending .csv, CSV; rows after iteration `kept` are dropped.

    DataError if it can't be written; later a full disk only loses rows, and `warn` is told.
    """

    def __init__(self, path: str | PathLike[str], kept: int = 0, warn: Warn = lambda text: None) -> None:
        self.path = fspath(path)
        self._csv = self.path.lower().endswith(".csv")
        try:
            rows = self._rows(kept) if kept and os.path.exists(self.path) else []
            with replacing(self.path) as file:
                file.write("".join([",".join(COLUMNS) + "\n"] * self._csv + rows).encode())
            self._file = Appender(self.path, warn)
        except OSError as error:
            raise DataError(f"{self.path}: can't be written: {error.strerror or error}") from error

    def add(self, m: Metrics) -> None:
        """Write a row."""
        self._file.add(self._text(m).encode())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _text(self, m: Metrics) -> str:
        row = m.row()
        if not self._csv:
            return json.dumps(row) + "\n"
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(["" if row[c] is None else row[c] for c in COLUMNS])
        return text.getvalue()

    def _rows(self, kept: int) -> list[str]:
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return [line for line in file if line.endswith("\n") and 0 < self._iteration(line) <= kept]

    def _iteration(self, line: str) -> int:
        try:
            return int(line.partition(",")[0] if self._csv else json.loads(line)["iteration"])
        except (ValueError, KeyError, TypeError):
            return 0


def progress_text(m: Metrics, history: History) -> str:
    """Images a second, loss, average IoU, and the last and best score on the valid list."""
    iou = "" if m.iou is None else f", IoU {m.iou:.3f}"
    score = f", valid {history.scores[-1][1]:.1%}, best {history.best:.1%}" if history.scores else ""
    rates = f"{m.images_per_second:.1f} images/s, loss {m.loss:.3f}, mean {m.average:.3f}"
    return f"{rates}{iou}{score}, rate {m.rate:.2g}"
