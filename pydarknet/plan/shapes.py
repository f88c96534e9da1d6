"""The shape of one image's activations."""

from __future__ import annotations

from typing import NamedTuple


class Shape(NamedTuple):
    """Channels, height and width; `size` is their product (Darknet's `outputs`)."""

    c: int
    h: int
    w: int

    @property
    def size(self) -> int:
        return self.c * self.h * self.w

    def __str__(self) -> str:
        return f"{self.w} x {self.h} x {self.c}"
