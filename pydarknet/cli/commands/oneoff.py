"""`pydarknet oneoff CFG WEIGHTS OUT`: a detector of other classes that keeps what it knows of the old ones.

Darknet's command of this name grafts the weights of one network with 11,921 filters onto another; this is what
it was for, for any detector.
"""

from __future__ import annotations

import argparse
import re

from .. import rewriting
from ..parser import UsageError, whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and which classes to keep."""
    rewriting.add_files(parser)
    rewriting.add_save_cfg(parser)
    which = parser.add_argument_group("classes")
    which.add_argument("--keep", metavar="I,J,...", help="numbers of the old classes that become classes 0, 1...")
    which.add_argument(
        "--classes", type=whole(1), metavar="N", help="number of new classes; those without an old one start anew"
    )
    which.add_argument("-names", "--names", metavar="FILE", help="names of the old classes")
    which.add_argument("--new-names", metavar="FILE", help="names of the new classes; equal names keep their weights")
    which.add_argument(
        "--seed", type=whole(0), default=0, metavar="N", help="seed of the new classes' random weights"
    )


def run(args: argparse.Namespace) -> int:
    """0; errors are raised."""
    from ...surgery import change_classes
    from ..messages import say

    kept = _kept(args)
    net, changes = change_classes(rewriting.load(args), kept, args.seed)
    new = sum(old is None for old in kept)
    say(f"{len(kept)} classes, {len(kept) - new} of them kept, {new} new", args.quiet)
    return rewriting.save(net, changes, args)


def _kept(args: argparse.Namespace) -> list[int | None]:
    """For each new class the old one, or None. By names, or by numbers."""
    from ...formats.data import read_names
    from ...formats.resources import find
    from ...surgery import match_names

    if (args.names is None) != (args.new_names is None) or (args.names and (args.keep or args.classes)):
        raise UsageError("--names and --new-names belong together, without --keep and --classes")
    if args.names:
        return match_names(read_names(find(args.names)), read_names(find(args.new_names)))
    if not args.keep and not args.classes:
        raise UsageError("expected --classes, --keep, or --names and --new-names: which classes will there be?")
    if args.keep and not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", args.keep):
        raise UsageError(
            f"--keep: expected numbers such as 0,5,14, found {args.keep!r}; names are "
            "chosen by --names and --new-names"
        )
    kept: list[int | None] = [int(number) for number in args.keep.split(",")] if args.keep else []
    if args.classes and args.classes < len(kept):
        raise UsageError(f"--classes {args.classes} is less than the {len(kept)} classes of --keep")
    return kept + [None] * ((args.classes or 0) - len(kept))
