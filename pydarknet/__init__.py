"""Darknet reborn: YOLOv2 and YOLO9000 with hand-written kernels, for original .cfg and .weights files.

    import pydarknet

    net = pydarknet.Network("stamps", "stamps")  # comes with the package; others: pydarknet weights list
    found = net.detect("img.jpg", thresh=0.5)  # or an array, an image of Pillow, bytes, a list of them
    for each in found:
        print(each.name, each.confidence, each.box)
    found.save("drawn.jpg")

`Network` detects and classifies, `Trainer` trains; every error of theirs is a `DarknetError`, or a ValueError for a
wrong argument. `pydarknet.darknet` and `pydarknet.compat` are for scripts of older Darknets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _moved
from ._version import __version__
from .errors import (
    CfgError,
    DarknetError,
    DataError,
    DeviceError,
    DownloadError,
    ExportError,
    ImageError,
    TrainingError,
    WeightsError,
)

if TYPE_CHECKING:
    from .detection.results import Box, Detection
    from .network import Classification, Network
    from .results.boxes import Boxes
    from .results.detections import Detections
    from .train.trainer import Trainer

__all__ = [
    "Box",
    "Boxes",
    "CfgError",
    "Classification",
    "DarknetError",
    "DataError",
    "Detection",
    "Detections",
    "DeviceError",
    "DownloadError",
    "ExportError",
    "ImageError",
    "Network",
    "Trainer",
    "TrainingError",
    "WeightsError",
    "__version__",
]

_moved.install()

# Looked up on first use, so that `import pydarknet` loads neither numpy nor the kernels.
_LAZY = {
    "Box": "detection.results",
    "Boxes": "results.boxes",
    "Classification": "network",
    "Detection": "detection.results",
    "Detections": "results.detections",
    "Network": "network",
    "Trainer": "train.trainer",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'pydarknet' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_LAZY[name]}", __name__), name)


def __dir__() -> list[str]:
    """What is looked up on first use too, for completion."""
    return sorted({*globals(), *__all__} - {"Any", "TYPE_CHECKING", "annotations"})
