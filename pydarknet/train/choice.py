"""Which dialect is followed where none is named."""

from __future__ import annotations

from pathlib import Path

from ..dialects import DEFAULT, DIALECTS, Dialect
from ..dialects.base import Mark
from ..formats.cfg import Cfg, Section
from ..graph.graph import choose_dialect
from .state import dialect_of


def training_dialect(cfg: Cfg, name: str | None, backup: Path | None) -> Dialect:
    """The dialect `name`, else that of [net], else that of the run whose weights are `backup`, which is resumed;
    else by what the cfg has: [yolo] was unknown in 2017, many keys are AlexeyAB's. DataError, CfgError."""
    if name is not None or cfg.net.has("dialect"):
        return choose_dialect(cfg, name)
    resumed = dialect_of(backup) if backup is not None else None
    return DIALECTS[resumed] if resumed else _by_marks(cfg)


def _by_marks(cfg: Cfg) -> Dialect:
    fitting = [each for each in DIALECTS.values() if all(_has(cfg, mark) for mark in each.marks)]
    return max(fitting, key=lambda each: (len(each.marks), each.name == DEFAULT))


def _has(cfg: Cfg, mark: Mark) -> bool:
    return any(_shows(section, keys) for kind, keys in mark.items() for section in _sections(cfg, kind))


def _sections(cfg: Cfg, kind: str) -> list[Section]:
    if kind == "net":
        return [cfg.net]
    return [section for section in cfg.sections if kind in ("*", section.type)]


def _shows(section: Section, keys: frozenset[str]) -> bool:
    written = (word for key, value in section.options.items() for word in (key, f"{key}={value}"))
    return not keys or not keys.isdisjoint(written)
