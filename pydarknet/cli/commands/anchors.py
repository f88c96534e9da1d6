"""`pydarknet anchors`: anchors from the boxes of a data set, as the paper finds them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..parser import whole

if TYPE_CHECKING:
    from ...anchors.boxes import Boxes, Series
    from ...anchors.cfg import Units
    from ...anchors.kmeans import Floats


DEFAULT_NUM = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add files and options."""
    parser.add_argument("data", metavar="DATA", help="a .data file (its train list), or a list of images")
    parser.add_argument(
        "cfg", metavar="CFG", nargs="?", type=Path, help="the network they are for: gives input size, unit and number"
    )
    parser.add_argument(
        "--num", type=whole(1, 1000), metavar="N", help="number of anchors; default: as many as CFG has, else 5"
    )
    parser.add_argument("--max", type=whole(1, 100), default=15, metavar="K", help="compare 1 to K (default: 15)")
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N", help="seed of k-means (default: 0)")
    parser.add_argument(
        "--restarts", type=whole(1, 10000), default=10, metavar="N", help="restarts of k-means (default: 10)"
    )
    parser.add_argument("--fit", choices=("stretch", "letterbox"), default="stretch", help="how images are resized")
    parser.add_argument(
        "--width", type=whole(1), metavar="W", help="input width if there is no CFG: pixels if W > 32, else cells"
    )
    parser.add_argument("--height", type=whole(1), metavar="H", help="input height, likewise")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw figure 2 of the paper (.svg, .png, .jpg)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="save the anchors in the format of calc_anchors' anchors.txt"
    )
    parser.add_argument(
        "--write", type=Path, metavar="CFG", help="write the anchors into a cfg; the old one is kept beside it"
    )


def run(args: argparse.Namespace) -> int:
    """0; errors are raised."""
    from ...anchors.boxes import compare, load_boxes
    from ...anchors.kmeans import anchors_text, average_iou, kmeans
    from ...errors import ExportError
    from ...formats.atomic import write_text
    from ...formats.data import read_data
    from ..saving import refuse_inputs

    unit = _units(args)
    data = read_data(args.data) if args.data.endswith(".data") else None
    refuse_inputs([args.out, args.chart], args, data, [args.write] if args.write else [])
    found = load_boxes(args.data, args.fit, unit.scale)
    print(f"{found.images} images, {len(found.sizes)} boxes{found.note}")
    num = args.num or unit.num
    anchors = kmeans(found.sizes, num, seed=args.seed, restarts=args.restarts)
    iou, euclidean = compare(found, args.max, args.seed, args.restarts)
    _print_comparison(found, iou, euclidean)
    what = "grid cells" if unit.cells else "pixels"
    print(f"\n{num} anchors in {what} of {unit.scale[0]:g} x {unit.scale[1]:g}, average IoU", end=" ")
    print(f"{average_iou(found.sizes, anchors):.2%}, seed {args.seed}")
    text = anchors_text(anchors * unit.scale, unit.cells)
    print(f"anchors = {text}")
    if args.chart:
        _draw(args.chart, found, anchors, iou, euclidean)
        print(f"{args.chart}: drawn")
    if args.out:
        write_text(args.out, text, ExportError)
    if args.write:
        from ...anchors.cfg import write_anchors

        kept = write_anchors(args.write, anchors)
        print(f"{args.write}: has the anchors now; what it was before is in {kept}")
    return 0


def _units(args: argparse.Namespace) -> Units:
    from ...anchors.cfg import Units, units
    from ...formats.cfg import parse_cfg
    from ...formats.resources import find_cfg

    if args.cfg or args.write:
        return units(parse_cfg(find_cfg(args.cfg) if args.cfg else args.write))
    width = args.width or args.height or 13
    return Units("region" if width <= 32 else "yolo", (width, args.height or width), DEFAULT_NUM)


def _print_comparison(found: Boxes, iou: Series, euclidean: Series) -> None:
    from ...anchors.kmeans import PAPER, average_iou, faster_rcnn

    print("\n  k  by IoU  Euclidean")
    for (k, ours), (_, theirs) in zip(iou, euclidean, strict=True):
        print(f"{k:>3}  {ours:>6.2%}  {theirs:>9.2%}")
    print(f"  9  {average_iou(found.sizes, faster_rcnn(found.aspect)):>6.2%}  hand-picked, of Faster R-CNN")
    print("in the paper, VOC 2007: " + ", ".join(f"{name} {k}: {value}" for name, k, value in PAPER))


def _draw(path: Path, found: Boxes, anchors: Floats, iou: Series, euclidean: Series) -> None:
    from ...anchors.kmeans import average_iou, faster_rcnn
    from ...plots.anchors import draw_anchors

    curves = {"k-means, 1 - IoU": iou, "k-means, Euclidean": euclidean}
    points = {"hand-picked, Faster R-CNN": (9, average_iou(found.sizes, faster_rcnn(found.aspect)))}
    draw_anchors(path, curves, points, anchors, found.aspect)
