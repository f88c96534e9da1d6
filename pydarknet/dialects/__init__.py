"""Where the Darknets differ in training: a file each, found by its being there."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ..errors import DataError
from ..formats.text import did_you_mean
from .base import Dialect, YoloLoss

__all__ = ["DEFAULT", "DIALECTS", "Dialect", "YoloLoss", "dialect", "find_dialects"]

DEFAULT = "paper2017"


def find_dialects() -> dict[str, Dialect]:
    """The `DIALECT` of each module of this package, by name."""
    names = (module.name for module in iter_modules(__path__) if module.name != "base")
    found: list[Dialect] = [import_module(f"{__name__}.{name}").DIALECT for name in names]
    return {each.name: each for each in found}


DIALECTS = find_dialects()


def dialect(name: str) -> Dialect:
    """The dialect of that name. DataError if there is none."""
    if name not in DIALECTS:
        raise DataError(f"unknown dialect {name!r}{did_you_mean(name, DIALECTS)}; known: {', '.join(DIALECTS)}")
    return DIALECTS[name]
