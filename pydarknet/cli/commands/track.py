"""`pydarknet track CFG WEIGHTS [VIDEO]`: demo, with a number for everything that is followed from frame to frame."""

from __future__ import annotations

import argparse

from ..parser import real, whole
from . import demo


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add those of demo, and how to follow."""
    demo.add_arguments(parser)
    group = parser.add_argument_group("tracking (needs pydarknet[track])")
    group.add_argument("--tracker", choices=("bytetrack", "ocsort", "sort"), default="bytetrack",
                       help="how to follow (default: bytetrack)")  # fmt: skip
    group.add_argument("--lost", type=whole(0), default=30, metavar="N",
                       help="frames for which what is not seen keeps its number (default: 30)")  # fmt: skip
    group.add_argument("--sure", type=real(0, 1), default=0.5, metavar="P",
                       help="confidence from which something new is followed (default: 0.5)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """0; ImageError if there is no such video, DataError without a tracker."""
    from ...video.tracking import Tracker

    return demo.run(args, Tracker(args.tracker, lost=args.lost, sure=args.sure))
