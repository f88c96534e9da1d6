"""`pydarknet detector sweep DATA CFG WEIGHTS --sizes 288-608`: speed against accuracy, at several input sizes."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from .. import evaluating, options
from ..parser import whole

if TYPE_CHECKING:
    from ...evaluate.sweep import AtSize

STEP = 32
MOST = 64  # sizes; each takes as long as a `detector map`


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add files and options."""
    evaluating.add_files(parser)
    parser.add_argument(
        "--sizes", type=sizes, required=True, metavar="LOW-HIGH",
        help=f"widths, and heights, of the input: 288-608, in steps of {STEP}; or 288,416,608",
    )  # fmt: skip
    evaluating.add_hits(parser)
    parser.add_argument(
        "--runs", type=whole(1), metavar="N", help="forward passes to time at each size (default: 5 seconds of them)"
    )
    options.add_detection(parser, thresh=0.25)
    parser.add_argument("--out", metavar="FILE", help="save the numbers as JSON")
    parser.add_argument("--chart", metavar="FILE", help="draw AP over images a second, e.g. sweep.svg")
    evaluating.add_common(parser)


def sizes(text: str) -> list[int]:
    """Those of --sizes: LOW-HIGH, or some with commas between them."""
    span = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", text)
    found = []
    if span is not None:
        found = list(range(int(span[1]), int(span[2]) + 1, STEP))
    elif re.fullmatch(r"[0-9]{1,5}(,[0-9]{1,5})*", text):
        found = [int(part) for part in text.split(",")]
    if not found or min(found) < 1 or len(found) > MOST:
        raise argparse.ArgumentTypeError(
            f"expected sizes, at most {MOST}, as 288-608 (in steps of {STEP}) or 288,416, found {text!r}"
        )
    return found


def run(args: argparse.Namespace) -> int:
    """0, or 1 if some images could not be read: their objects don't count. A line for each size."""
    from ...evaluate.run import class_names
    from ...evaluate.sweep import HEAD, save_sweep, sweep
    from ...evaluate.validset import read_found
    from ..loading import read_data_file
    from ..messages import progress, warn
    from ..saving import lines_aside, place_of, refuse_inputs

    data = read_data_file(args.data, args.quiet)
    args.out = place_of(args.out)
    refuse_inputs([args.out, args.chart], args, data)
    images = evaluating.read_images(data, args)
    net, chosen = evaluating.load_detector(args, data)
    truth, warnings = read_found(data, images, len(class_names(net, chosen)))
    warn(warnings, args.quiet)
    how = {**vars(options.detect_options(args)), "map": chosen}
    measures = {"iou_thresh": args.iou_thresh, "points": args.points}
    swept: list[AtSize] = []
    total = len(images.images) * len(args.sizes)
    with (
        lines_aside(args.out, quiet=args.quiet),
        progress(total, "img", quiet=args.quiet, force=args.progress) as out,
    ):
        watch = evaluating.Watch(out)
        out.print([HEAD])
        for each in sweep(
            net, images.images, truth, args.sizes, runs=args.runs, batch=args.batch, seen=watch, **measures, **how
        ):
            swept.append(each)
            out.print([each.line])
    about = {"cfg": net.cfg.file, "weights": args.weights, "data": data.file, "machine": net.backend.describe()}
    if args.out is not None:
        save_sweep(args.out, swept, **about, **measures)
    if args.chart is not None:
        _draw(args.chart, swept)
    return watch.code


def _draw(path: str, swept: list[AtSize]) -> None:
    """The chart. DataError if there is no precision to draw."""
    from ...errors import DataError
    from ...plots.sweep import draw_sweep

    points = [(each.size, 1 / each.seconds, each.ap) for each in swept if each.ap is not None]
    if not points:
        raise DataError(f"{path}: nothing to draw: no image of the valid list has objects")
    draw_sweep(path, points)
