"""[sam] of AlexeyAB's Darknet: spatial attention."""

from __future__ import annotations

from .base import register
from .common.product import Product


@register("sam")
class Sam(Product):
    """Layer `from` times the previous layer, number by number."""
