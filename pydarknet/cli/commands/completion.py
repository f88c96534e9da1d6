"""`pydarknet completion SHELL`: a script that completes commands and options."""

from __future__ import annotations

import argparse

from ..completion import SHELLS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the shell."""
    parser.add_argument("shell", metavar="SHELL", choices=tuple(SHELLS), help=", ".join(SHELLS))


def run(args: argparse.Namespace) -> int:
    """0."""
    print(SHELLS[args.shell](), end="")
    return 0
