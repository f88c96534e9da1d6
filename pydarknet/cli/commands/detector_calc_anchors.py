"""`pydarknet detector calc_anchors`: AlexeyAB's command, with its options, lines and files."""

from __future__ import annotations

import argparse

from ..parser import whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add files and options."""
    parser.add_argument("data", metavar="DATA", help="a .data file; its train list is read")
    parser.add_argument(
        "-num_of_clusters",
        "--num_of_clusters",
        type=whole(1, 1000),
        default=5,
        metavar="N",
        help="number of anchors (default: 5)",
    )
    parser.add_argument(
        "-width", "--width", type=whole(1), required=True, metavar="W", help="13, or 416: cells or pixels"
    )
    parser.add_argument(
        "-height", "--height", type=whole(1), required=True, metavar="H", help="height of the network's input"
    )
    parser.add_argument("-show", "--show", action="store_true", help="draw anchors.png instead of opening a window")
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N", help="seed of k-means (default: 0)")


def run(args: argparse.Namespace) -> int:
    """0; errors are raised."""
    from ...anchors.boxes import load_boxes
    from ...anchors.kmeans import anchors_text, average_iou, kmeans
    from ...errors import ExportError
    from ...formats.atomic import write_text

    print(f"\n num_of_clusters = {args.num_of_clusters}, width = {args.width}, height = {args.height} ")
    found = load_boxes(args.data, "stretch", (args.width, args.height))
    print(f" read labels from {found.images} images \n loaded {len(found.sizes)} boxes{found.note}")
    print("\n calculating k-means++ ...")
    anchors = kmeans(found.sizes, args.num_of_clusters, seed=args.seed)
    print(f"\n avg IoU = {100 * average_iou(found.sizes, anchors):.2f} % ")
    text = anchors_text(anchors * (args.width, args.height), args.width <= 32)
    write_text("anchors.txt", text, ExportError)
    print(f"\nSaving anchors to the file: anchors.txt \nanchors = {text}")
    if args.show:
        from ...plots.anchors import draw_anchors

        value = (args.num_of_clusters, average_iou(found.sizes, anchors))
        draw_anchors("anchors.png", {}, {"k-means, 1 - IoU": value}, anchors, found.aspect)
    return 0
