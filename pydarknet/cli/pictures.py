"""Detection in pictures: read, detect, print, save, draw, one after the other, however many there are."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..detection.results import at_depth
from ..errors import DataError
from ..images.drawings import Drawings
from ..images.prefetch import chunks
from ..images.sources import Source
from ..writers.lines import printed_lines
from .messages import Lines, progress, say
from .options import detect_options
from .reading import FAILED, is_prompt, read_all
from .saving import common_folder, open_writers

if TYPE_CHECKING:
    from ..detection.options import DetectOptions
    from ..detection.results import Detection
    from ..images.image import Picture
    from ..images.reading import ReadImage
    from ..network import Network
    from ..writers import Writer


def detect_pictures(net: Network, source: Source, args: argparse.Namespace) -> int:
    """Run the network on every picture. 0, or 1 if some could not be read; a single one is an ImageError."""
    if source.total is not None:
        source.paths = list(source.paths)
    drawings = _drawings(net, source, args)
    batch = args.batch if source.total is None else min(args.batch, source.total)
    many = not (source.single or is_prompt(args.images))
    start = time.perf_counter()
    with ExitStack() as stack:
        writers = _writers(net, source, args, stack)
        with net.plan(batch):  # packs the weights, so that the first picture is timed like the others
            pass
        silent = args.quiet or source.total is None or source.single
        out = stack.enter_context(progress(source.total, "img", quiet=silent, force=args.progress))
        run = _Run(net, detect_options(args), args, out, writers, drawings)
        for chunk in chunks(read_all(source, net.inputs.c, batch), batch):
            run.detect(chunk)
    if drawings is not None and drawings.folder is not None:
        say(f"{drawings.folder}: {run.pictures:,} images drawn", args.quiet)
    if many:
        seconds = time.perf_counter() - start
        say(f"{run.pictures:,} images, {run.objects:,} objects, {seconds:.1f} s", args.quiet)
    return FAILED if run.failures else 0


def _writers(net: Network, source: Source, args: argparse.Namespace, stack: ExitStack) -> list[Writer]:
    """The writers, none of which will refuse a picture that is known by now."""
    known = source.paths if isinstance(source.paths, list) else []
    writers = open_writers(args, net.names, stack, common_folder(known) if known else None)
    for writer in writers:
        for path in known:
            writer.check(path)
    return writers


@dataclass
class _Run:
    net: Network
    options: DetectOptions
    args: argparse.Namespace
    out: Lines
    writers: Sequence[Writer]
    drawings: Drawings | None
    failures: int = 0
    pictures: int = 0
    objects: int = 0

    def detect(self, chunk: Sequence[ReadImage]) -> None:
        """Detect in some pictures at once, and hand each one's detections on."""
        for each in chunk:
            if each.error is not None:
                self.failures += 1
                self.out.complain(f"error: {each.error}")
        good = [(each.path, each.image) for each in chunk if each.image is not None]
        if good:
            start = time.perf_counter()
            found = self.net.find([image for _, image in good], self.options)
            seconds = (time.perf_counter() - start) / len(good)
            tree = self.net.class_tree()
            for (path, image), detections in zip(good, found, strict=True):
                self._finish(path, image, at_depth(detections, self.args.depth, tree), seconds)
        self.out.done(len(chunk))

    def _finish(self, path: str, image: Picture, detections: Sequence[Detection], seconds: float) -> None:
        printed = printed_lines(detections, self.args.ext_output, self.args.path)
        self.out.print([f"{path}: Predicted in {seconds:f} seconds.", *printed])
        self.pictures, self.objects = self.pictures + 1, self.objects + len(detections)
        for writer in self.writers:
            try:
                writer.write(path, (image.shape[1], image.shape[0]), detections)
            except DataError as error:  # this picture's place is taken; others' aren't
                self.failures += 1
                self.out.complain(f"error: {error}")
        if self.drawings is not None:
            self.drawings.draw(path, image, detections)
            if self.drawings.file is not None:
                self.out.say(f"{self.drawings.file}: drawn", self.args.quiet)


def _drawings(net: Network, source: Source, args: argparse.Namespace) -> Drawings | None:
    """A single picture, or one asked for at the prompt, is drawn; several only into a folder that is named."""
    many = not (source.single or is_prompt(args.images))
    if args.no_draw or (many and args.out is None):
        return None
    drawings = Drawings(args.out, many=many, classes=len(net.names) or 80, show_path=args.path)
    if isinstance(source.paths, list):
        for path in source.paths:
            drawings.refuse(path)
    return drawings
