"""Anchors from boxes (k-means on IoU, paper section 2), and into a cfg file."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """What stood in this place while it was a module, for scripts that still look here."""
    return getattr(import_module(f"{__name__}.kmeans"), name)
