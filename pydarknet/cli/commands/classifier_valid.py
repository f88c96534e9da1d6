"""`pydarknet classifier valid DATA CFG WEIGHTS`, as Darknet's: how often the right class comes first."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .. import evaluating
from ..parser import whole

if TYPE_CHECKING:
    from ...formats.data import DataFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add files and options."""
    evaluating.add_files(parser)
    parser.add_argument(
        "-t",
        "-topk",
        "--top",
        type=whole(1),
        metavar="K",
        help="count as right if the class is among the best K (default: top= of the .data file, else 1)",
    )
    parser.set_defaults(fit="the square in the middle")
    evaluating.add_common(parser)


def run(args: argparse.Namespace) -> int:
    """0, or 1 if some images could not be read: they don't count. Two lines after every image; with -quiet
    the last. With a tree a line more, of guesses along it."""
    from ...evaluate.classes import Accuracy, validate_classifier
    from ...evaluate.validset import class_tree, read_leaves
    from ...formats.path_labels import path_classes
    from ..loading import load_network, read_data_file, require_no_heads
    from ..messages import progress, say, warn

    data = read_data_file(args.data, args.quiet)
    images = evaluating.read_images(data, args).images
    labels = read_labels(data)
    net = load_network(args, data)
    require_no_heads(net, "detector map")
    leaves, warnings = read_leaves(data, class_tree(net, data, labels))
    warn(warnings, args.quiet)
    top = args.top or max(1, data.int_("top", 1))
    last, along, unknown = Accuracy(0, 0, 0, top), "", 0
    with progress(len(images), "img", quiet=args.quiet, force=args.progress) as out:
        watch = evaluating.Watch(out)
        evaluated = validate_classifier(
            net, images, labels, top=top, batch=args.batch, leaves=leaves,
            classes=path_classes(data, labels),
        )  # fmt: skip
        for each in watch.over(evaluated):
            if each.error is None:
                last, unknown = each.accuracy, unknown + (each.class_id < 0)
                along = each.along.line if each.along else ""
                first = ", ".join(f"{score:f}" for score in each.scores[:2])
                if not args.quiet:
                    out.print([f"{each.path}, {each.class_id}, {first}, ", last.line])
    if args.quiet:
        print(last.line)
    if along:
        print(along)
    if unknown:
        say(
            f"warning: {unknown} of {last.images} paths hold no label: they count as wrong, as in Darknet",
            args.quiet,
        )
    return watch.code


def read_labels(data: DataFile) -> list[str]:
    """The labels that are looked for in paths, as many as `classes` says."""
    from ...formats.data import read_labels

    classes = data.classes(0)
    labels = read_labels(data.path("labels"), classes)
    return labels[:classes] if classes else labels
