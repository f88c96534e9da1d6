"""`pydarknet classify CFG WEIGHTS IMAGE...`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import options
from ..parser import whole
from .detect import IMAGES, lanes_for, wanted

if TYPE_CHECKING:
    from ...images.batches import Batch, ReadImage
    from ...network import Classification, Network
    from ...results.classes_writer import ClassesWriter
    from ...system.pipeline import Turn

TOP = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and all options of classification."""
    options.add_network(parser, by_name=True)
    options.add_size(parser)
    parser.add_argument("images", metavar="IMAGE", nargs="+", help=IMAGES)
    add_class_options(parser, f"default: {TOP}")


def add_class_options(parser: argparse.ArgumentParser, top: str) -> None:
    """The options that `classify` shares with `classifier predict`."""
    parser.add_argument("-t", "-top", "--top", type=whole(1), metavar="N", help=f"how many classes to print ({top})")
    parser.add_argument(
        "--save-to", metavar="FILE", help="write the classes too: JSON, a line for each image; -: standard output"
    )
    parser.add_argument("--path", action="store_true", help="print the path down the tree: animal > mammal > dog")
    parser.add_argument(
        "--depth",
        type=whole(1),
        metavar="N",
        help="go no deeper than level N of the tree",
    )
    options.add_fit(parser)
    options.add_machine(parser)
    options.add_packed_cache(parser)
    options.add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """0 if all went well, 1 if some of several images could not be read."""
    from ..loading import complete, load_network, read_data_file

    args.images = complete(args, args.images)
    return classify_images(
        load_network(args, read_data_file(args.data, args.quiet) if args.data else None), args, args.top or TOP
    )


def classify_images(net: Network, args: argparse.Namespace, top: int) -> int:
    """Print the `top` classes of every image, and save them. Exit code as of `run`; a single bad image is an
    ImageError."""
    from ..loading import require_no_heads
    from ..saving import lines_aside, place_of, refuse_inputs

    require_no_heads(net, "detect")
    place = place_of(args.save_to)
    refuse_inputs([place], args)
    with lines_aside(place, quiet=args.quiet), _writer(place, args.quiet) as writer:
        return _classify(net, args, top, writer)


@contextmanager
def _writer(place: str | None, quiet: bool) -> Iterator[ClassesWriter | None]:
    """Where the classes are saved, if they are; says so at the end."""
    from ...results.classes_writer import ClassesWriter
    from ..saving import tell

    if place is None:
        yield None
        return
    writer = ClassesWriter(Path(place), ())
    with writer:
        yield writer
    tell(writer, quiet)


def _classify(net: Network, args: argparse.Namespace, top: int, writer: ClassesWriter | None) -> int:
    from ...images.batches import batch_bytes, batches
    from ...system.pipeline import pipeline
    from ..messages import FAILED, progress

    source = wanted(args.images)
    failures = 0
    with net.plan(1):  # packs the weights, so that the first image is timed like the others
        pass
    silent = args.quiet or source.total is None or source.single
    with ExitStack() as stack:
        out = stack.enter_context(progress(source.total, "img", quiet=silent, force=args.progress))
        look = partial(_classified, net, top, args)
        looked = pipeline(batches(source.paths, 1), look, lanes_for(net, source), batch_bytes)
        for read, found, lines in stack.enter_context(closing(looked)):
            if read.error is not None and source.single:
                raise read.error
            if read.image is None:
                failures += 1
                out.complain(f"error: {read.error}")
            else:
                if writer is not None:
                    writer.add(read.path, read.size, found)
                out.print(lines)
            out.done()
    return FAILED if failures else 0


def _classified(
    net: Network, top: int, args: argparse.Namespace, batch: Batch, turn: Turn
) -> tuple[ReadImage, list[Classification], list[str]]:
    """An image, or why there is none, its classes, and what is to be printed about it."""
    from ...images.batches import read_batch
    from ...images.sources import load

    (read,) = read_batch(batch, net.inputs.c, load)
    if read.image is None:
        return read, [], []
    with turn:
        start = time.perf_counter()
        found = net.classify(read.image, top, fit=args.fit, depth=args.depth)
        seconds = time.perf_counter() - start
    return read, found, [f"{read.path}: Predicted in {seconds:f} seconds.", *_lines(found, args.path)]


def _lines(found: Sequence[Classification], path: bool) -> list[str]:
    """Darknet's lines."""
    names = [" > ".join(each.path) if path and each.path else each.name for each in found]
    return [f"{each.probability * 100:5.2f}%: {name}" for each, name in zip(found, names, strict=True)]
