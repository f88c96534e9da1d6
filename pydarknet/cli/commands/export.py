"""`pydarknet export`: a network as an ONNX model, a NumPy archive or a PyTorch state dict."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...export import FORMATS, format_of
from ...formats.atomic import is_stream
from .. import options
from ..parser import whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add files and options."""
    parser.add_argument("cfg", metavar="CFG", help=options.CFG)
    parser.add_argument("weights", metavar="WEIGHTS", help="a file, or a name of `pydarknet weights list`")
    parser.add_argument("out", metavar="OUT", type=Path, help="OUT.onnx, OUT.npz or OUT.pt")
    parser.add_argument("--format", choices=FORMATS, help="the format (default: by the suffix of OUT)")
    options.add_size(parser)
    parser.add_argument("--width", type=whole(1), metavar="N", help="its width alone")
    parser.add_argument("--height", type=whole(1), metavar="N", help="its height alone")
    parser.add_argument("--dialect", metavar="NAME", help="which Darknet's batch norm (default: the cfg's)")
    parser.add_argument("--names", type=Path, metavar="FILE", help="class names, to be put into the model (onnx)")
    parser.add_argument(
        "--batch", type=_batch, default=1, metavar="N|dynamic", help="images per run (onnx; default: 1)"
    )
    parser.add_argument("--opset", type=whole(1), metavar="N", help="version of ONNX's operators (default: 13)")
    parser.add_argument(
        "--boxes",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="outputs are boxes and scores (default), or the raw outputs of Darknet's heads (onnx)",
    )
    norm = parser.add_mutually_exclusive_group()
    norm.add_argument(
        "--keep-bn", action="store_true", default=None, help="keep batch normalisation as layers of its own"
    )
    norm.add_argument(
        "--fold-bn",
        dest="keep_bn",
        action="store_false",
        help="fold batch normalisation into the weights (onnx: default)",
    )
    options.add_quiet(parser, bar=False)


def run(args: argparse.Namespace) -> int:
    """0; errors are raised."""
    file_format = args.format or format_of(args.out)  # before the weights are read
    from ...export import export
    from ...formats.resources import find
    from ...network import Network
    from ..messages import warn
    from ..saving import refuse_inputs

    refuse_inputs([args.out], args)
    names = None if args.names is None else find(args.names)
    network = Network(args.cfg, args.weights, names=names, dialect=args.dialect)
    warn(network.warnings, args.quiet)
    if args.size or args.width or args.height:
        width, height = args.size or (network.width, network.height)
        network.resize(args.width or width, args.height or height)
    export(
        network,
        args.out,
        file_format,
        keep_bn=args.keep_bn,
        batch=args.batch,
        opset=args.opset,
        boxes=args.boxes,
    )
    if not (is_stream(args.out) or args.quiet):
        print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB, from {args.cfg} and {args.weights}")
    return 0


def _batch(text: str) -> int | None:
    if text == "dynamic":
        return None
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive number or 'dynamic', found {text!r}")
    return int(text)
