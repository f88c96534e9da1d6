"""Whose Darknet a network for text is written for."""

from __future__ import annotations

from ..dialects import DIALECTS
from ..formats.cfg import Cfg


def text_dialect(cfg: Cfg, name: str | None = None) -> str:
    """The dialect `name`, else that of [net]; else, for a cfg with a [cost], the newest whose [softmax] learns
    nothing without one, and for others that whose [softmax] has a loss of its own."""
    given = name or cfg.net.str_("dialect", "")
    costs = any(section.type == "cost" for section in cfg.sections)
    fitting = [each for each in DIALECTS.values() if each.softmax_loss != costs]
    return given or max(fitting, key=lambda each: each.layout).name
