"""`pydarknet classify CFG WEIGHTS IMAGE...`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING

from .. import options
from ..parser import whole
from .detect import IMAGES, lanes_for, wanted

if TYPE_CHECKING:
    from ...errors import ImageError
    from ...images.batches import Batch
    from ...network import Classification, Network
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
    parser.add_argument("--path", action="store_true", help="print the path down the tree: animal > mammal > dog")
    options.add_fit(parser)
    options.add_machine(parser)
    options.add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """0 if all went well, 1 if some of several images could not be read."""
    from ..loading import complete, load_network, read_data_file

    args.images = complete(args, args.images)
    return classify_pictures(
        load_network(args, read_data_file(args.data, args.quiet) if args.data else None), args, args.top or TOP
    )


def classify_pictures(net: Network, args: argparse.Namespace, top: int) -> int:
    """Print the `top` classes of every image. Exit code as of `run`; a single bad image is an ImageError."""
    from ...images.batches import batch_bytes, batches
    from ...system.pipeline import pipeline
    from ..loading import require_no_heads
    from ..messages import FAILED, progress

    require_no_heads(net, "detect")
    source = wanted(args.images)
    failures = 0
    with net.plan(1):  # packs the weights, so that the first image is timed like the others
        pass
    silent = args.quiet or source.total is None or source.single
    with ExitStack() as stack:
        out = stack.enter_context(progress(source.total, "img", quiet=silent, force=args.progress))
        look = partial(_classified, net, top, args)
        looked = pipeline(batches(source.paths, 1), look, lanes_for(net, source), batch_bytes)
        for lines, error in stack.enter_context(closing(looked)):
            if error is not None and source.single:
                raise error
            if error is None:
                out.print(lines)
            else:
                failures += 1
                out.complain(f"error: {error}")
            out.done()
    return FAILED if failures else 0


def _classified(
    net: Network, top: int, args: argparse.Namespace, batch: Batch, turn: Turn
) -> tuple[list[str], ImageError | None]:
    """What is to be printed about an image, or why there is nothing."""
    from ...images.batches import read_batch
    from ...images.sources import load

    (read,) = read_batch(batch, net.inputs.c, load)
    if read.image is None:
        return [], read.error
    with turn:
        start = time.perf_counter()
        found = net.classify(read.image, top, fit=args.fit)
        seconds = time.perf_counter() - start
    return [f"{read.path}: Predicted in {seconds:f} seconds.", *_lines(found, args.path)], None


def _lines(found: Sequence[Classification], path: bool) -> list[str]:
    """Darknet's lines."""
    names = [" > ".join(each.path) if path and each.path else each.name for each in found]
    return [f"{each.probability * 100:5.2f}%: {name}" for each, name in zip(found, names, strict=True)]
