"""ImageNet's results file as Darknet writes it: `number class confidence xmin ymin xmax ymax`."""

from __future__ import annotations

from .base import FileWriter, Result, clip


class ImagenetWriter(FileWriter):
    """Images and classes are numbered from 1; edges are in pixels from 0, inside the image."""

    def _text(self, result: Result) -> str:
        lines = []
        for each in result.detections:
            edges = clip(each.box, result.width, result.height)
            if edges is not None:
                number = result.index if result.frame is None else result.frame
                values = " ".join(f"{value:f}" for value in (each.confidence, *edges))
                lines.append(f"{number} {each.class_id + 1} {values}\n")
        return "".join(lines)
