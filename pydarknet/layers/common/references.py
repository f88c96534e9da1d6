"""Layers that name earlier layers: `layers=-1,8`, `from=-3`."""

from __future__ import annotations

from collections.abc import Sequence

from ...formats.cfg import Section
from ..base import Layer


def resolve(section: Section, key: str, reference: int, previous: Sequence[Layer]) -> Layer:
    """The earlier layer a number names: absolute, or relative to this layer if negative."""
    index = reference if reference >= 0 else len(previous) + reference
    if not 0 <= index < len(previous):
        raise section.error(
            f"{key}={reference} names layer {index}, but this is layer {len(previous)}: only earlier layers "
            f"(0 to {len(previous) - 1}, or -1 to -{len(previous)}) can be named",
            key,
        )
    return previous[index]
