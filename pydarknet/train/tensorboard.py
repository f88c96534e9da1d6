"""A training as TensorBoard shows it."""

from __future__ import annotations

import os
import socket
import struct
import time
from os import PathLike, fspath
from typing import Any

from ..errors import ExportError
from .appending import Appender, Warn
from .metrics import Metrics

TAGS = {
    "loss": "loss/batch",
    "average": "loss/mean",
    "coord_loss": "loss/coord",
    "object_loss": "loss/object",
    "noobject_loss": "loss/noobject",
    "class_loss": "loss/class",
    "iou": "boxes/iou",
    "category": "boxes/class",
    "objectness": "boxes/object",
    "any_objectness": "boxes/noobject",
    "recall": "boxes/recall",
    "map": "valid/score",
    "rate": "training/rate",
    "width": "training/width",
    "images_per_second": "training/images_per_second",
}


class TensorBoard:
    """Writes scalars into a folder; what another run wrote there after iteration `kept` no longer shows.

    ExportError if the package tensorboardX is missing, or the folder can't be written; later a full disk only loses
    what it has no room for, and `warn` is told. Records are written here and now: the package's own thread dies of
    a full disk, and whoever waits for it waits for ever.
    """

    def __init__(self, folder: str | PathLike[str], kept: int = 0, warn: Warn = lambda text: None) -> None:
        try:
            from tensorboardX import crc32c, summary
            from tensorboardX.proto.event_pb2 import Event, SessionLog
        except ImportError as error:
            raise ExportError(
                "TensorBoard's files need the package tensorboardX: pip install 'pydarknet[tensorboard]'"
            ) from error
        self._crc32c, self._event, self._scalar = crc32c.crc32c, Event, summary.scalar
        try:
            os.makedirs(folder, exist_ok=True)
            # Files are named by the second, as TensorBoard expects it: one resumed within it has a name of its own.
            name = f"events.out.tfevents.{int(time.time()):010}.{socket.gethostname()}.{kept}"
            self._file = Appender(os.path.join(folder, name), warn)
        except OSError as error:
            raise ExportError(f"{fspath(folder)}: can't be written: {error.strerror or error}") from error
        self._write(file_version="brain.Event:2")
        if kept:
            self._write(step=kept + 1, session_log=SessionLog(status=SessionLog.START))

    def add(self, m: Metrics) -> None:
        """Write what is known of an iteration."""
        for name, value in m.row().items():
            if name in TAGS and value is not None:
                self._write(step=m.iteration, summary=self._scalar(TAGS[name], value))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, **content: Any) -> None:
        """An event as a TFRecord: length, its checksum, data, its checksum."""
        data = self._event(wall_time=time.time(), **content).SerializeToString()
        length = struct.pack("<Q", len(data))
        self._file.add(length + self._checksum(length) + data + self._checksum(data))

    def _checksum(self, data: bytes) -> bytes:
        """TFRecord's masked CRC-32C."""
        crc = self._crc32c(data)
        return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)
