"""Detection in pictures: read, detect, print, save, draw, one after the other, however many there are."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..ahead import chunks
from ..sources import Source
from .drawings import Drawings
from .labels import at_depth, lines
from .messages import Lines, progress
from .parser import UsageError
from .reading import FAILED, Read, is_prompt, read_all

if TYPE_CHECKING:
    from ..detection import Detection
    from ..image import Picture
    from ..network import Network
    from ..output import Writer


def detect_pictures(net: Network, source: Source, args: argparse.Namespace) -> int:
    """Run the network on every picture. 0, or 1 if some could not be read; a single one is an ImageError."""
    _accept_json(args)
    drawings = _drawings(net, source, args)
    batch = args.batch if source.total is None else min(args.batch, source.total)
    with net.plan(batch):  # packs the weights, so that the first picture is timed like the others
        pass
    with ExitStack() as stack:
        writers = open_writers(args, net.names, stack)
        silent = args.quiet or source.total is None or source.single
        out = stack.enter_context(progress(source.total, "img", quiet=silent, force=args.progress))
        run = _Run(net, args, out, writers, drawings)
        for chunk in chunks(read_all(source, batch), batch):
            run.detect(chunk)
    return FAILED if run.failures else 0


def open_writers(args: argparse.Namespace, names: Sequence[str], stack: ExitStack) -> list[Writer]:
    """The writers that --save asks for, each closed by the stack: also where the next one can't be opened."""
    from ..output import open_writer

    kinds = list(dict.fromkeys(args.save))
    if args.save_to is not None and len(kinds) != 1:
        raise UsageError("--save-to needs exactly one --save KIND")
    places = {kind: args.save_to or ("results" if kind in ("voc", "yolo") else ".") for kind in kinds}
    return [stack.enter_context(open_writer(kind, place, names)) for kind, place in places.items()]


def detect_options(args: argparse.Namespace) -> dict[str, Any]:
    """The keyword arguments of `Network.detect`."""
    keys = ("thresh", "hier_thresh", "nms", "nms_kind", "hier_mode", "fit")
    return {key: getattr(args, key) for key in keys}


@dataclass
class _Run:
    net: Network
    args: argparse.Namespace
    out: Lines
    writers: Sequence[Writer]
    drawings: Drawings | None
    failures: int = 0

    def detect(self, chunk: Sequence[Read]) -> None:
        """Detect in some pictures at once, and hand each one's detections on."""
        for each in chunk:
            if each.error is not None:
                self.failures += 1
                self.out.complain(f"error: {each.error}")
        good = [(each.path, each.image) for each in chunk if each.image is not None]
        if good:
            start = time.perf_counter()
            found = self.net.detect([image for _, image in good], batch=len(good), **detect_options(self.args))
            seconds = (time.perf_counter() - start) / len(good)
            for (path, image), detections in zip(good, found, strict=True):
                self._finish(path, image, at_depth(detections, self.args.depth, self.net.class_tree()), seconds)
        self.out.done(len(chunk))

    def _finish(self, path: str, image: Picture, detections: Sequence[Detection], seconds: float) -> None:
        self.out.print([f"{path}: Predicted in {seconds:f} seconds.", *lines(detections, self.args)])
        for writer in self.writers:
            writer.write(path, (image.shape[1], image.shape[0]), detections)
        if self.drawings is not None:
            self.drawings.draw(path, image, detections)


def _drawings(net: Network, source: Source, args: argparse.Namespace) -> Drawings | None:
    """A single picture, or one asked for at the prompt, is drawn; several only into a folder that is named."""
    many = not (source.single or is_prompt(args.images))
    if args.no_draw or (many and args.out is None):
        return None
    drawings = Drawings(args.out, many=many, classes=len(net.names) or 80, show_path=args.path)
    if source.total is not None:
        source.paths = list(source.paths)
        for path in source.paths:
            drawings.refuse(path)
    return drawings


def _accept_json(args: argparse.Namespace) -> None:
    """AlexeyAB's `-out result.json` is a file of detections, not a picture."""
    if args.out is not None and args.out.lower().endswith(".json"):
        args.save, args.save_to, args.out = [*args.save, "json"], args.save_to or args.out, None
