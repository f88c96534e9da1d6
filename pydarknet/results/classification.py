"""What a classifier says of an image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Classification:
    """One class of a whole image: `probability` 0..1; `path` from the root where the classes form a tree."""

    class_id: int
    name: str
    probability: float
    path: tuple[str, ...] = ()
