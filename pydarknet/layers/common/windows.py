"""What the pooling layers share: windows over an image."""

from __future__ import annotations

from collections.abc import Sequence

from ...formats.cfg import Section
from ...plan.shapes import Shape
from ..base import MAX_EXTENT, Layer, read_strides


class Windowed(Layer):
    """Looks at size x size windows, `strides` (down, across) apart. `padding` is Darknet's total (default size - 1),
    mostly right and below. `pooled` is the shape of what the windows give."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        self.strides = read_strides(section)
        self.size = section.int_("size", section.int_("stride", 1), low=1, high=MAX_EXTENT)
        self.padding = section.int_("padding", self.size - 1, low=0, high=MAX_EXTENT)
        _, h, w = self.inputs
        if self.size > min(h, w) + self.padding:
            raise section.error(f"size={self.size} is larger than the padded input ({w} x {h})", "size")
        self.pool()

    def pool(self) -> None:
        """Set `pooled`, and `out` to it."""
        c, h, w = self.inputs
        down, across = self.strides
        rows, columns = h + self.padding - self.size, w + self.padding - self.size
        self.out = self.pooled = Shape(c, rows // down + 1, columns // across + 1)

    @property
    def empty_windows(self) -> bool:
        """Whether some window lies wholly in the padding."""
        before = self.padding // 2
        ends = zip(self.pooled[1:], self.strides, self.inputs[1:], strict=True)
        return before >= self.size or any((n - 1) * stride - before >= length for n, stride, length in ends)
