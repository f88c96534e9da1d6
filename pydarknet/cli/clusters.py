"""What the commands share that detect on a Ray cluster."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..formats.text import counted
from . import options
from .messages import FAILED, progress, say
from .parser import UsageError, whole

if TYPE_CHECKING:
    from ..detection.options import DetectOptions
    from ..evaluate.run import Seen
    from ..network import Network
    from ..scale.cluster import Pool

KINDS = ("jsonl", "parquet", "coco", "csv")


def add_ray(parser: argparse.ArgumentParser, files: bool = False) -> None:
    """Where the cluster is, and how it is used; `files`: what is written, too."""
    group = parser.add_argument_group("Ray cluster")
    group.add_argument("--ray", nargs="?", const="local", metavar="ADDRESS",
                       help="detect on a Ray cluster: HOST:PORT, auto for the one that is known, without ADDRESS "
                            "workers on this machine; needs pydarknet[ray]")  # fmt: skip
    group.add_argument("--actors", type=whole(1, 1 << 20), metavar="N",
                       help="networks in the cluster (default: one a processor, or GPU)")  # fmt: skip
    if files:
        group.add_argument("--kind", choices=KINDS, default="jsonl",
                           help="format of the files that --ray writes into --out (default: jsonl)")  # fmt: skip


def pool_of(args: argparse.Namespace) -> Pool:
    """The actors that the options ask for. UsageError for an address that is none."""
    from ..scale.cluster import LOCAL, Pool

    if args.ray not in (LOCAL, "auto") and ":" not in args.ray:
        raise UsageError(f"--ray {args.ray}: expected HOST:PORT or auto")
    return Pool(args.ray, args.actors, args.threads or 1, args.batch)


def look(net: Network, images: Sequence[str], args: argparse.Namespace, how: DetectOptions) -> Iterator[Seen]:
    """Each image with what is found in it, here or in the cluster."""
    from ..evaluate.run import detect_all

    if args.ray is None:
        return detect_all(net, images, batch=args.batch, options=how)
    from ..scale import actors

    return actors.detect_all(net, images, options=how, pool=pool_of(args))


def detect_on_cluster(net: Network, args: argparse.Namespace) -> int:
    """`detect --ray`: 0, or 1 if some images could not be read."""
    from ..scale.bulk import detect

    if args.out is None or args.save or args.save_crops or args.labels_beside:
        raise UsageError("--ray writes files of --kind into a folder: give --out FOLDER, and neither --save nor "
                         "--save-crops")  # fmt: skip
    pool, start = pool_of(args), time.perf_counter()
    with progress(None, "img", quiet=args.quiet, force=args.progress) as out:

        def tell(seen: Seen) -> None:
            if seen.error is not None:
                out.complain(f"error: {seen.error}")
            out.done()

        summary = detect(
            args.images, net, args.out, kind=args.kind, options=options.detect_options(args), pool=pool, seen=tell
        )
    seconds = time.perf_counter() - start
    images = counted(summary.images, "image") + (f", {summary.before:,} of them before" if summary.before else "")
    say(f"{args.out}: {images}, {summary.failed:,} could not be read, {seconds:.1f} s",
        args.quiet)  # fmt: skip
    return FAILED if summary.failed else 0
