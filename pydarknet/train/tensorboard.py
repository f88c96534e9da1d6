"""A training as TensorBoard shows it."""

from __future__ import annotations

from contextlib import suppress
from os import PathLike, fspath
from typing import Any

from ..errors import ExportError
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

    ExportError if the package tensorboardX is missing, or the folder can't be written.
    """

    def __init__(self, folder: str | PathLike[str], kept: int = 0) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise ExportError(
                "TensorBoard's files need the package tensorboardX: pip install pydarknet[tensorboard]"
            ) from error
        try:
            # Files are named by the second: one resumed within it would take the place of what it goes on from.
            purge_step = kept + 1 if kept else None
            self._writer: Any = SummaryWriter(fspath(folder), purge_step=purge_step, filename_suffix=f".{kept}")
        except OSError as error:
            raise ExportError(f"{fspath(folder)}: can't be written: {error.strerror or error}") from error

    def add(self, m: Metrics) -> None:
        """Write what is known of an iteration."""
        for name, value in m.row().items():
            if name in TAGS and value is not None:
                self._writer.add_scalar(TAGS[name], value, m.iteration)

    def close(self) -> None:
        """Write what is still in memory."""
        with suppress(OSError):
            self._writer.close()
