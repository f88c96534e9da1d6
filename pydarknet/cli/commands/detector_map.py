"""`pydarknet detector map DATA CFG WEIGHTS`, as AlexeyAB's: average precision on the valid list."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .. import clusters, evaluating, options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...evaluate import Detections, Report, Truth
    from ...evaluate.objects import Bools
    from ...formats.data import DataFile
    from ...network import Network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add files and options."""
    evaluating.add_files(parser)
    group = parser.add_argument_group("measure")
    evaluating.add_hits(group)
    group.add_argument("--coco", action="store_true", help="print COCO's table, too")
    group.add_argument("--mistakes", action="store_true",
                       help="print what the mistakes are and what each kind costs (TIDE)")  # fmt: skip
    boxed = group.add_mutually_exclusive_group()
    boxed.add_argument(
        "--unboxed", metavar="FILE",
        help="names of classes that never had a box in training, one per line, each with all below it: they "
        "and the others are evaluated apart, too (default: unboxed= of the .data file)",
    )  # fmt: skip
    boxed.add_argument(
        "--by-boxes", action="store_true",
        help="the same, where the labels of train_boxes= (else train=) say which classes have boxes",
    )  # fmt: skip
    options.add_detection(parser, thresh=0.25)
    options.add_size(parser)
    files = parser.add_argument_group("files")
    files.add_argument("--csv", metavar="FILE", help="save the table")
    files.add_argument("--json", metavar="FILE", help="save everything")
    files.add_argument("--curves", metavar="FILE",
                       help="draw precision over recall of the ten largest classes, e.g. curves.svg")  # fmt: skip
    files.add_argument("--confusion", metavar="FILE", help="draw what is taken for what, e.g. confusion.png")
    evaluating.add_common(parser, ray=True)


def run(args: argparse.Namespace) -> int:
    """0, or 1 if some images could not be read: their objects don't count. Detections from 0.005 on count;
    counts, precision, recall and F1 are at -thresh."""
    from ...evaluate import report
    from ...evaluate.run import VALID_THRESH, Collected, class_names, parts_of
    from ...evaluate.validset import read_found
    from ..loading import read_data_file
    from ..messages import progress, warn
    from ..saving import lines_aside, place_of, refuse_inputs

    data = read_data_file(args.data, args.quiet)
    args.csv, args.json = place_of(args.csv), place_of(args.json)
    refuse_inputs([args.csv, args.json, args.confusion, args.curves], args, data)
    images = evaluating.read_images(data, args)
    paths = images.images
    net, chosen = evaluating.load_detector(args, data)
    if chosen is None and net.heads()[-1].map is not None:
        warn([f"{data.file}: labels are taken for nodes of the tree; for those that the cfg's map= is of, give map= "
              "here, too"], args.quiet)  # fmt: skip
    names = class_names(net, chosen)
    parts = parts_of(net, chosen, _unboxed(net, data, args))
    truth, warnings = read_found(data, images, len(names))
    warn(warnings, args.quiet)
    how = options.detect_options(args).but(thresh=VALID_THRESH, map=chosen)
    found = Collected()
    with progress(len(paths), "img", quiet=args.quiet, force=args.progress) as out:
        watch = evaluating.Watch(out)
        for each in watch.over(clusters.look(net, paths, args, how)):
            found.add(each)
    truth, detections = found.evaluated(truth), found.detections()
    measures = {"iou_thresh": args.iou_thresh, "thresh": args.thresh, "points": args.points}
    result = report(truth, detections, names, **measures, **parts)
    with lines_aside(args.csv, args.json, quiet=args.quiet):
        _print(truth, detections, result, args)
    _save(result, names, args, truth, detections)
    return watch.code


def _unboxed(net: Network, data: DataFile, args: argparse.Namespace) -> Bools | None:
    """Which of the network's classes never had a box, if that is known."""
    from ...evaluate.run import known_classes
    from ...evaluate.unboxed import never_boxed, read_unboxed
    from ...formats.resources import find

    names, classes, tree = known_classes(net)
    if args.unboxed is not None:
        return read_unboxed(find(args.unboxed), names, classes, tree)
    if args.by_boxes:
        return never_boxed(data, classes, tree, net.heads()[-1].map)
    return read_unboxed(data.path("unboxed"), names, classes, tree) if "unboxed" in data.options else None


def _print(truth: Truth, detections: Detections, result: Report, args: argparse.Namespace) -> None:
    """AlexeyAB's lines; for the nodes of a tree those that occur, and what is right on the way down."""
    from ...evaluate import coco, mistakes

    if result.credits is None:
        print(f"\n detections_count = {len(detections)}, unique_truth_count = {len(truth)}  ")
        print(result.darknet_text())
    else:
        print(result.table())
    if result.groups:
        print(result.groups_text())
    if args.coco:
        print(f"\n{coco(truth, detections).table()}")
    if args.mistakes:
        print(f"\n{mistakes(truth, detections, args.iou_thresh).table()}")


def _save(
    result: Report, names: Sequence[str], args: argparse.Namespace, truth: Truth, detections: Detections
) -> None:
    from ...evaluate import mistakes
    from ...plots.confusion import draw_confusion

    if args.csv:
        result.save_csv(args.csv)
    if args.json:
        wrong = {"mistakes": mistakes(truth, detections, args.iou_thresh).content()} if args.mistakes else {}
        result.save_json(args.json, **wrong)
    if args.curves:
        _draw_curves(result, truth, detections, args)
    if args.confusion:
        shown = result.confusion.largest()
        draw_confusion(args.confusion, shown.labels(names), shown.counts)


def _draw_curves(result: Report, truth: Truth, detections: Detections, args: argparse.Namespace) -> None:
    from ...evaluate import curves
    from ...plots.precision import COLOURS, draw_precision

    every = curves(truth, detections, args.iou_thresh)
    rows = sorted((row for row in result.rows if row.truths), key=lambda row: -row.truths)[: len(COLOURS)]
    shown = [(row.name, every[row.class_id].recall, every[row.class_id].precision, row.ap or 0.0) for row in rows]
    mean = "-" if result.ap is None else f"{result.ap:.1%}"
    draw_precision(args.curves, shown, f"precision over recall at IoU {args.iou_thresh:g}; mean AP {mean}")
