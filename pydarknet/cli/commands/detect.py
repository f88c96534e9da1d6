"""`pydarknet detect CFG WEIGHTS IMAGE...`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...formats.text import counted
from .. import options
from ..clusters import add_ray, detect_on_cluster
from ..messages import FAILED, Lines, progress, say
from ..parser import whole

if TYPE_CHECKING:
    from ...detection.options import DetectOptions
    from ...detection.results import Detection
    from ...errors import ImageError
    from ...images.batches import Batch, ReadImage
    from ...images.drawings import Drawings
    from ...images.image import Image
    from ...images.sources import Source
    from ...network import Network
    from ...system.pipeline import Lanes, Turn
    from ...writers import Writer


IMAGES = (
    "images, folders, patterns ('*.jpg'), lists of paths (.txt, .list), or - for standard input: an image, or paths"
)


def add_arguments(parser: argparse.ArgumentParser, data_first: bool = False) -> None:
    """Add the files and all options of detection in images."""
    options.add_network(parser, data_first, by_name=not data_first)
    parser.add_argument("images", metavar="IMAGE", nargs="*", default=[], help=IMAGES)
    options.add_detection(parser)
    options.add_size(parser)
    options.add_tiles(parser)
    options.add_reported(parser)
    options.add_lines(parser)
    options.add_files(
        parser,
        "the drawn image (default: predictions.jpg); for several images a folder, without which none is drawn",
    )
    parser.add_argument(
        "--save-crops", metavar="FOLDER", help="write what is in each box to FOLDER/class/image_N.jpg"
    )
    parser.add_argument(
        "--explain", metavar="FOLDER",
        help="draw what each detection rests on to FOLDER/image_N.jpg; takes some 400 times as long",
    )  # fmt: skip
    options.add_machine(parser)
    options.add_packed_cache(parser)
    parser.add_argument(
        "--reduced-decode", action="store_true",
        help="decode JPEGs at half, a quarter or an eighth of their size where the network sees no more of them: "
        "faster for large photographs; confidences differ by some hundredths. Not for what is drawn or cut up",
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=whole(1, 4096), default=1, metavar="N", help="images to compute at once (default: 1)"
    )
    add_ray(parser, files=True)
    options.add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """0 if all went well, 1 if some of several images could not be read."""
    from ..loading import complete
    from ..saving import detector

    args.images = complete(args, args.images) or _own_image(args.cfg)
    with detector(args) as net:
        if args.ray is None:
            return detect_images(net, args)
        _reduces(args, options.detect_options(args), whole=False)
        return detect_on_cluster(net, args)


def _own_image(name: str) -> list[str]:
    """The image that comes with a network of the package, if there is one."""
    from ...formats.resources import share

    sample = share() / "data" / f"{name}.jpg"
    return [str(sample)] if sample.is_file() else []


def detect_images(net: Network, args: argparse.Namespace) -> int:
    """Run the network on every image. 0, or 1 if some could not be read; a single one is an ImageError."""
    from ...images.batches import batch_bytes, batches
    from ...system.pipeline import pipeline

    how, source = net.settle(options.detect_options(args)), wanted(args.images)
    if source.total is not None:
        source.paths = list(source.paths)
    many = not (source.single or prompts(args.images))
    drawings = _drawings(net, source, args, many)
    batch = args.batch if source.total is None else min(args.batch, source.total)
    start = time.perf_counter()
    with ExitStack() as stack:
        writers = _writers(net, source, args, stack) if args.places else []
        net.prepare(batch, how)  # so that the first image is timed like the others
        silent = args.quiet or source.total is None or source.single
        out = stack.enter_context(progress(source.total, "img", quiet=silent, force=args.progress))
        lanes = lanes_for(net, source, batch, lazy=net.runs_lazily(how))
        keep = args.save_crops is not None or args.explain is not None
        look = Look(net, how, drawings, keep, _reduces(args, how, whole=keep or drawings is not None))
        report = _Report(net, how, args, out, writers, drawings, single=source.single)
        found = pipeline(batches(source.paths, batch), look, lanes, batch_bytes)
        for looked in stack.enter_context(closing(found)):
            report.take(looked)
    if drawings is not None and drawings.folder is not None:
        say(f"{drawings.folder}: {counted(report.images, 'image')} drawn", args.quiet)
    if many:
        seconds = time.perf_counter() - start
        images, objects = counted(report.images, "image"), counted(report.objects, "object")
        say(f"{images}, {objects}, {seconds:.1f} s", args.quiet)
    return FAILED if report.failures else 0


def wanted(words: Sequence[str]) -> Source:
    """The images that the words stand for; with no words Darknet's prompt, or standard input."""
    from ...images.sources import STDIN, Source, expand

    if not prompts(words):
        _offer_example(words)
        return expand(words or [STDIN], sys.stdin.buffer)
    from ..prompt import prompted

    return Source(prompted(), None)


def _offer_example(words: Sequence[str]) -> None:
    """ImageError for one of Darknet's example images that isn't there, with how to fetch it: every page has
    data/dog.jpg."""
    from ...catalog import entries
    from ...errors import ImageError
    from ...formats.text import is_address

    folder, name = os.path.split(words[0]) if len(words) == 1 and not is_address(words[0]) else ("", "")
    if name and not os.path.lexists(words[0]) and any(name == e.name for e in entries() if e.kind == "image"):
        fetch = f"pydarknet weights get {name} --folder {folder or '.'}"
        raise ImageError(f"{words[0]}: no such file; it is one of Darknet's examples, to fetch it: {fetch}")


def lanes_for(net: Network, source: Source, batch: int = 1, *, lazy: bool = False) -> Lanes:
    """Those of a network for all images. A program that hands in paths one by one may wait for each answer."""
    from ...graph.lanes import NONE_AHEAD, lanes_of

    return NONE_AHEAD if source.total is None else lanes_of(net, -(-source.total // batch), batch, lazy=lazy)


def prompts(words: Sequence[str]) -> bool:
    """Whether the paths are typed at a terminal."""
    return not words and sys.stdin.isatty()


def _writers(net: Network, source: Source, args: argparse.Namespace, stack: ExitStack) -> list[Writer]:
    """The writers, none of which will refuse an image that is known by now."""
    from ..saving import common_folder, open_writers

    known = source.paths if isinstance(source.paths, list) else []
    writers = open_writers(args, net.names, stack, common_folder(known) if known else None)
    for writer in writers:
        for path in known:
            writer.check(path)
    return writers


@dataclass(frozen=True)
class Looked:
    """What was found in an image, in so many `seconds`, or why nothing was; `drawn` as a file, if it is to be, and
    the `image` itself for who cuts it up."""

    path: str
    size: tuple[int, int] = (0, 0)
    detections: Sequence[Detection] = ()
    seconds: float = 0.0
    drawn: bytes = b""
    image: Image | None = None
    error: ImageError | None = None


@dataclass(frozen=True)
class Look:
    """What is done to a batch of images in a lane: all that needs no order."""

    net: Network
    options: DetectOptions
    drawings: Drawings | None
    keep: bool
    reduced: bool

    def __call__(self, batch: Batch, turn: Turn) -> list[Looked]:
        from ...images.batches import good, read_batch
        from ...images.sources import load

        full: dict[str, tuple[int, int]] = {}
        read = read_batch(batch, self.net.inputs.c, partial(self._load_less, full) if self.reduced else load)
        images = good(read)
        with turn:
            start = time.perf_counter()
            found = iter(self.net.find(images, self.options) if images else ())
            seconds = (time.perf_counter() - start) / max(len(images), 1)
        return [
            Looked(each.path, error=each.error)
            if each.image is None
            else self._looked(each, each.image, next(found), seconds, full.get(each.path))
            for each in read
        ]

    def _load_less(self, full: dict[str, tuple[int, int]], path: str, channels: int) -> Image:
        """The image, with less of its pixels if it is a file; then its `full` size is noted."""
        from ...detection.decode import letterbox_size
        from ...errors import ImageError
        from ...images.image import load_reduced
        from ...images.sources import load

        net, letterbox = (self.net.width, self.net.height), self.options.fit == "letterbox"
        if os.path.isfile(path):
            with suppress(ImageError):  # `load` says more
                least = partial(letterbox_size, net_w=net[0], net_h=net[1]) if letterbox else lambda *_: net
                image, full[path] = load_reduced(path, channels, least)
                return image
        return load(path, channels)

    def _looked(
        self, read: ReadImage, image: Image, found: Sequence[Detection], seconds: float,
        full: tuple[int, int] | None,
    ) -> Looked:  # fmt: skip
        if full is not None and full != read.size:
            from ...detection.tiles import scaled

            across, down = full[0] / read.size[0], full[1] / read.size[1]
            return Looked(read.path, full, [scaled(each, across, down) for each in found], seconds)
        drawn = b"" if self.drawings is None else self.drawings.drawn(read.path, image, found)
        size = image.shape[1], image.shape[0]
        return Looked(read.path, size, found, seconds, drawn, image if self.keep else None)


@dataclass
class _Report:
    """What is done with the results, in their order."""

    net: Network
    options: DetectOptions
    args: argparse.Namespace
    out: Lines
    writers: Sequence[Writer]
    drawings: Drawings | None
    single: bool
    failures: int = 0
    images: int = 0
    objects: int = 0
    names: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, batch: Sequence[Looked]) -> None:
        """Print and write what was found in some images."""
        for each in batch:
            if each.error is None:
                self._finish(each)
            elif self.single:
                raise each.error
            else:
                self.failures += 1
                self.out.complain(f"error: {each.error}")
        self.out.done(len(batch))

    def _finish(self, looked: Looked) -> None:
        from ...errors import DataError
        from ...writers.lines import printed_lines

        path, detections = looked.path, looked.detections
        self.images, self.objects = self.images + 1, self.objects + len(detections)
        for writer in self.writers:
            try:
                writer.write(path, looked.size, detections)
            except DataError as error:  # this image's place is taken; others' aren't
                self.failures += 1
                self.out.complain(f"error: {error}")
        # Printed when it is saved, so that an interrupt in between loses nothing that has been said.
        shown = self.args.ext_output, self.args.path, self.args.path_probabilities
        self.out.print([f"{path}: Predicted in {looked.seconds:f} seconds.", *printed_lines(detections, *shown)])
        if looked.image is not None and self.args.save_crops is not None:
            self._save_crops(path, looked.image, detections)
        if looked.image is not None and self.args.explain is not None:
            self._explain(path, looked.image, detections)
        if self.drawings is not None:
            self.drawings.save(path, looked.drawn)
            if self.drawings.file is not None:
                self.out.say(f"{self.drawings.file}: drawn", self.args.quiet)

    def _save_crops(self, path: str, image: Image, detections: Sequence[Detection]) -> None:
        """Each object into a file; those of images of one name in different folders don't take each other's place."""
        from ...results.detections import save_crops

        save_crops(detections, image, self.args.save_crops, self._name(path, "crops"))

    def _explain(self, path: str, image: Image, detections: Sequence[Detection]) -> None:
        """A map for each object, numbered in the order of what is printed."""
        from ...explain import draw_explained, explain
        from ...images.image import save_image
        from ...results.detections import make_folder, safe
        from ...writers.lines import in_darknet_order

        name = self._name(path, "explained")
        ordered = in_darknet_order(detections)
        for number, heat in enumerate(explain(self.net, image, ordered, options=self.options), 1):
            make_folder(Path(self.args.explain))
            save_image(f"{self.args.explain}/{safe(name)}_{number}.jpg", draw_explained(image, heat))

    def _name(self, path: str, kind: str) -> str:
        """The name of an image's files of a kind: those of one name in different folders are told apart."""
        from ...writers.base import stem_of

        stem = stem_of(path)
        self.names[kind, stem] += 1
        return f"{stem}-{n}" if (n := self.names[kind, stem]) > 1 else stem


def _reduces(args: argparse.Namespace, how: DetectOptions, whole: bool) -> bool:
    """Whether images are decoded at part of their size; a warning where that is asked for and can't be."""
    needs = {
        "images are drawn or cut up": whole, "--tile takes parts of them": how.tile,
        "--min-size counts their pixels": how.min_size, "--ray reads them elsewhere": args.ray is not None,
    }  # fmt: skip
    reasons = [reason for reason, applies in needs.items() if applies]
    if args.reduced_decode and reasons:
        say(f"warning: --reduced-decode: changes nothing, as {reasons[0]}", args.quiet)
    return args.reduced_decode and not reasons


def _drawings(net: Network, source: Source, args: argparse.Namespace, many: bool) -> Drawings | None:
    """A single image, or one asked for at the prompt, is drawn; several only into a folder that is named."""
    if args.no_draw and args.out is not None:
        say(f"warning: --out {args.out}: nothing is drawn, as --no-draw says", args.quiet)
    if args.no_draw or (many and args.out is None):
        return None
    from ...images.drawings import Drawings

    drawings = Drawings(args.out, many=many, classes=len(net.names) or 80, show_path=args.path)
    if isinstance(source.paths, list):
        for path in source.paths:
            drawings.refuse(path)
    return drawings
