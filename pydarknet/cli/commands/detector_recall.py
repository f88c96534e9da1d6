"""`pydarknet detector recall DATA CFG WEIGHTS`: Darknet's lines, on the valid list of any .data file.

Darknet's own reads one fixed list and, for some heads, boxes beyond those it has; the numbers here are those of
its intention: images stretched, boxes of any class with objectness above 0.001, suppressed at 0.4.
"""

from __future__ import annotations

import argparse

from .. import evaluating
from ..parser import real

THRESH, NMS = 0.001, 0.4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add files and options."""
    evaluating.add_files(parser)
    share = real(0, 1)
    parser.add_argument("-thresh", "--thresh", type=share, default=THRESH, metavar="P", help="minimum objectness")
    parser.add_argument(
        "-iou_thresh",
        "--iou-thresh",
        type=share,
        default=0.5,
        metavar="IOU",
        help="least IoU to count as covered (default: 0.5)",
    )
    parser.set_defaults(fit="stretch")
    evaluating.add_common(parser)


def run(args: argparse.Namespace) -> int:
    """0, or 1 if some images could not be read: their objects don't count. A line after every image."""
    from ...evaluate import Recall, running_recall
    from ...evaluate.run import propose_all
    from ...evaluate.validset import class_map, read_found
    from ..loading import load_network, read_data_file, require_heads
    from ..messages import progress, warn

    data = read_data_file(args.data, args.quiet)
    images = evaluating.read_images(data, args)
    paths = images.images
    net = load_network(args, data)
    require_heads(net, "classifier valid")
    chosen = class_map(data, net)
    truth, warnings = read_found(data, images, len(chosen) if chosen else net.classes)
    warn(warnings, args.quiet)
    state = Recall(0, 0, 0, 0, 0.0)
    with progress(len(paths), "img", quiet=args.quiet, force=args.progress) as out:
        watch = evaluating.Watch(out)
        evaluator = running_recall(truth, args.iou_thresh, args.thresh)
        for each in watch.over(propose_all(net, paths, batch=args.batch, thresh=args.thresh, nms=NMS)):
            if each.error is None:
                state = state + evaluator(each.index, each.detections)
                out.print([state.line])
    return watch.code
