"""Modules by the names that they had before they moved into rooms, for scripts that still use them.

`import pydarknet.cfg` gives `pydarknet.formats.cfg`, the same module, and a DeprecationWarning.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

PREFIX = "pydarknet."
MOVED = {
    "activations": "plan.activations",
    "ahead": "images.batches",
    "anchors_cfg": "anchors.cfg",
    "anchors_chart": "plots.anchors",
    "arguments": "system.arguments",
    "atomic": "formats.atomic",
    "backend": "backends.base",
    "boxes": "detection.boxes",
    "canvas": "plots.canvas",
    "cfg": "formats.cfg",
    "cfg_keys": "formats.cfg_keys",
    "channels": "images.channels",
    "cnumbers": "formats.numbers",
    "cuda": "backends.cuda",
    "data_tools": "datasets",
    "datafile": "formats.data",
    "decode": "detection.decode",
    "device_ops": "backends.device_ops",
    "display": "system.display",
    "draw": "images.draw",
    "engine": "graph.engine",
    "exif": "images.exif",
    "image": "images.image",
    "initialise": "graph.initialise",
    "isas": "backends.isas",
    "labels": "formats.labels",
    "machine": "backends.machine",
    "nms": "detection.nms",
    "open_picture": "images.open_image",
    "ops": "backends.ops",
    "other_classes": "graph.other_classes",
    "output": "writers",
    "path_labels": "formats.path_labels",
    "picture_header": "images.header",
    "picture_size": "images.size",
    "progress": "system.progress",
    "resources": "formats.resources",
    "shape": "plan.shapes",
    "signals": "system.signals",
    "sources": "images.sources",
    "standard_error": "system.standard_error",
    "statistics": "plan.statistics",
    "tape": "plan.tape",
    "text": "formats.text",
    "tree": "formats.tree",
    "weights": "formats.weights",
}


class Alias:
    """Loads the module of another name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._spec: Any = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module, under its own name."""
        module = import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has been executed; what the import system has noted in it is its own again."""
        module.__spec__ = self._spec


class Finder:
    """Finds the old names, before anybody loads a file of a moved package a second time."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Where the module is now, or None."""
        old, dot, rest = name.removeprefix(PREFIX).partition(".")
        if not name.startswith(PREFIX) or old not in MOVED:
            return None
        new = PREFIX + MOVED[old] + dot + rest
        warnings.warn(f"{name} has moved to {new}", DeprecationWarning, stacklevel=2)
        return ModuleSpec(name, Alias(new))  # type: ignore[arg-type]


def install() -> None:
    """Find the old names from now on."""
    if not any(isinstance(each, Finder) for each in sys.meta_path):
        sys.meta_path.insert(0, Finder())
