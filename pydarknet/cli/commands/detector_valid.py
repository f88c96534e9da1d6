"""`pydarknet detector valid DATA CFG WEIGHTS`, as Darknet's: results files of VOC, COCO, ImageNet."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .. import clusters, evaluating, options

if TYPE_CHECKING:
    from ...formats.data import DataFile
    from ...writers import Writer

KINDS = ("voc", "coco", "imagenet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add files and options."""
    evaluating.add_files(parser)
    parser.add_argument(
        "-out",
        "--out",
        metavar="NAME",
        help="file name without its extension, or, for voc, the start of the file names (default: Darknet's)",
    )
    options.add_detection(parser, thresh=0.005)
    options.add_size(parser)
    options.add_reported(parser)
    evaluating.add_common(parser, ray=True)


def run(args: argparse.Namespace) -> int:
    """0, or 1 if some images could not be read: they have no detections in the files."""
    from ...evaluate.run import class_names
    from ..loading import read_data_file
    from ..messages import progress, say

    data = read_data_file(args.data, args.quiet)
    images = evaluating.read_images(data, args).images
    net, chosen = evaluating.load_detector(args, data)
    start = time.perf_counter()
    with (
        open_results(data, class_names(net, chosen), args.out) as writer,
        progress(len(images), "img", quiet=args.quiet, force=args.progress) as out,
    ):
        watch = evaluating.Watch(out)
        found = clusters.look(net, images, args, options.detect_options(args).but(map=chosen))
        for each in watch.over(found):
            writer.write(each.path, each.size, each.detections)
    say(f"Total Detection Time: {time.perf_counter() - start:f} Seconds; results are in {writer.target}", args.quiet)
    return watch.code


def open_results(data: DataFile, names: list[str], name: str | None) -> Writer:
    """The writer for `eval=` of the .data file, in its `results=` folder, which is made if it is absent.

    DataError for an eval= that isn't known, ExportError if nothing can be written.
    """
    from ...writers import open_writer
    from ...writers.voc import PREFIX, VocWriter

    kind = data.get("eval", "voc")
    if kind not in KINDS:
        raise data.error(f"expected one of {', '.join(KINDS)}, found {kind!r}", "eval")
    folder = Path(data.get("results", "results"))
    if kind == "voc":
        return VocWriter(folder, names, PREFIX if name is None else name)
    usual, ending = {"coco": ("coco_results", ".json"), "imagenet": ("imagenet-detection", ".txt")}[kind]
    return open_writer(kind, os.path.join(folder, (usual if name is None else name) + ending), names)
