"""[scale_channels] of AlexeyAB's Darknet: the excitation of squeeze and excitation."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from .base import Layer, register
from .common.product import Product


@register("scale_channels")
class ScaleChannels(Product):
    """Each channel of layer `from` times one factor; with `scale_wh=1` each pixel."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.of = "pixel" if section.bool_("scale_wh", False) else "channel"
        super().configure(section, previous)
