"""`pydarknet doctor`: what will go wrong with a training, before it does."""

from __future__ import annotations

import argparse
import shlex

from ...formats.text import counted
from ..messages import print_findings
from ..parser import whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add files and options."""
    parser.add_argument("data", metavar="DATA", help="a .data file: train, valid, classes, names, backup")
    parser.add_argument("cfg", metavar="CFG", help="the network to train")
    parser.add_argument("weights", metavar="WEIGHTS", nargs="?", help="the weights to start from")
    parser.add_argument("--dialect", metavar="NAME", help="which Darknet's training, as `pydarknet train` has it")
    parser.add_argument("--decode", action="store_true", help="read whole images, not their headers alone")
    parser.add_argument("--max", type=whole(1), default=50, metavar="N", help="lines printed at most (default: 50)")


def run(args: argparse.Namespace) -> int:
    """0, or 1 if a training would fail."""
    from ...catalog import find_weights
    from ...formats.cfg import parse_cfg
    from ...formats.resources import find_cfg
    from ...train.doctor import examine
    from ...train.template.kinds import is_classifier

    weights = find_weights(args.weights) if args.weights else None
    found = examine(args.data, args.cfg, weights, dialect=args.dialect, decode=args.decode)
    count = print_findings(found, args.max)
    print(f"{counted(count[True], 'error')}, {counted(count[False], 'warning')}")
    if count[True]:
        return 1
    files = [args.data, args.cfg, *([args.weights] if args.weights else [])]
    command = "classifier train" if is_classifier(parse_cfg(find_cfg(args.cfg))) else "train"
    print(f"next: pydarknet {command} {shlex.join(files)}")
    return 0
