"""Results in parts, each a file that appears whole, and a manifest of those that are there.

The manifest's first line says what run the folder is of, each further one a part: its file, its images, and those
that could not be read. A part that was being written when a run ended isn't in it, and is made anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import DataError
from ..evaluate.run import Seen
from ..formats.atomic import replacing
from ..writers import Writer, open_writer, target_of
from ..writers.base import prepare_folder, translated
from .parquet import ParquetWriter

PART = 1000
KINDS = ("jsonl", "parquet", "coco", "csv")
WHOLE = {"parquet": "detections.parquet"}  # of the kinds that `writers` doesn't know
MANIFEST, FAILED = "manifest.jsonl", "failed.jsonl"


class Parts:
    """Detections of many images in a folder: PART images a file, in the order in which they are added.

    `done` are the paths of all images that have been added, in earlier runs too, whether they could be read or not;
    `failed` counts those that couldn't. In a `with`: what has been added is written when it is left, also by an
    error. DataError for a folder of another run, ExportError if it can't be written.
    """

    def __init__(
        self, folder: str | os.PathLike[str], kind: str, names: list[str], about: dict[str, str], size: int = PART
    ) -> None:
        if kind not in KINDS:
            raise DataError(f"expected one of {', '.join(KINDS)}, found {kind!r}")
        self.folder, self.kind, self.names, self.size = Path(folder), kind, names, size
        self.done: set[str] = set()
        self.failed = self._read = self._count = 0
        self._waiting: list[Seen] = []
        prepare_folder(self.folder)
        self._manifest = self.folder / MANIFEST
        self._resume({"kind": kind, **about})

    def add(self, seen: Seen) -> None:
        """Add an image."""
        self._waiting.append(seen)
        self.done.add(seen.path)
        self.failed += seen.error is not None
        if len(self._waiting) >= self.size:
            self._write()

    def __enter__(self) -> Parts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._waiting:
            self._write()
        if error is None:
            self._finish()

    def _write(self) -> None:
        """Write a part, then what the manifest says of it."""
        part, images, failed = self._path(self._count), self._waiting, []
        self._waiting = []
        writer = self._open(part)
        writer.count = self._read  # images are numbered over all parts
        with writer:
            for each in images:
                if each.error is None:
                    writer.write(each.path, each.size, each.detections)
                else:
                    failed.append({"path": each.path, "error": str(each.error)})
        self._note({"part": part.name, "images": [each.path for each in images], "failed": failed})
        self._read, self._count = writer.count, self._count + 1

    def _open(self, part: Path) -> Writer:
        return ParquetWriter(part, self.names) if self.kind == "parquet" else open_writer(self.kind, part, self.names)

    def _path(self, number: int) -> Path:
        usual = Path(WHOLE.get(self.kind) or target_of(self.kind, self.folder).name)
        return self.folder / f"{usual.stem}-{number:06d}{usual.suffix}"

    def _note(self, line: dict[str, Any]) -> None:
        with translated(self._manifest), open(self._manifest, "ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _resume(self, about: dict[str, str]) -> None:
        """Read the manifest, or begin one. A line that was being written when a run ended is cut off."""
        if not self._manifest.exists():
            self._note(about)
            return
        content = self._manifest.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            with translated(self._manifest), open(self._manifest, "r+b") as file:
                file.truncate(len(whole))
        try:
            theirs, *lines = [json.loads(line) for line in whole.splitlines()] or [about]
            for line in lines:
                self.done.update(line["images"])
                self.failed += len(line["failed"])
                self._read += len(line["images"]) - len(line["failed"])
                self._count += 1
        except (ValueError, LookupError, TypeError) as error:
            raise DataError(f"{self._manifest}: is damaged: {error}; choose another folder") from error
        if not whole:
            self._note(about)
        for key, value in about.items():
            if theirs.get(key) != value:
                raise DataError(
                    f"{self._manifest}: is of a run with {key} {theirs.get(key)}, not {value}; choose another "
                    "folder, or remove this one"
                )

    def _finish(self) -> None:
        """The list of images that could not be read; COCO's results in one file, as its tools want them."""
        lines = [json.loads(line) for line in self._manifest.read_bytes().splitlines()[1:]]
        failed = [each for line in lines for each in line["failed"]]
        with translated(self.folder / FAILED), replacing(self.folder / FAILED) as file:
            file.write(b"".join(json.dumps(each).encode() + b"\n" for each in failed))
        if self.kind != "coco":
            return
        whole = target_of(self.kind, self.folder)
        with translated(whole), replacing(whole) as file:
            file.write(b"[\n")
            between = b""
            for line in lines:
                if entries := (self.folder / line["part"]).read_bytes()[2:-3]:
                    file.write(between + entries)
                    between = b",\n"
            file.write(b"\n]\n")
