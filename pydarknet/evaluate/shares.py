"""Shares of images whose class was found."""

from __future__ import annotations


class Shares:
    """Of counted `images`: how many had their class `first`, and how many `among` some best guesses."""

    images: int
    first: int
    among: int

    @property
    def top1(self) -> float:
        """The share with their class first; 0 before the first image."""
        return self.first / max(self.images, 1)

    @property
    def topk(self) -> float:
        """The share with their class among the best guesses."""
        return self.among / max(self.images, 1)
