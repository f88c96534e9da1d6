"""What the commands share that make weights out of weights: files in, a network, files out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import options
from .messages import say, warn

if TYPE_CHECKING:
    from ..formats.cfg import Cfg
    from ..graph.engine import Engine
    from ..surgery import Change


def add_files(parser: argparse.ArgumentParser, out: bool = True) -> None:
    """CFG WEIGHTS OUT, as all of Darknet's commands of this kind have it."""
    parser.add_argument("cfg", metavar="CFG", help="the cfg that fits WEIGHTS")
    parser.add_argument("weights", metavar="WEIGHTS", help="a file, or a name of `pydarknet weights list`")
    if out:
        parser.add_argument("out", metavar="OUT", help="the weights file to write")
    options.add_quiet(parser, bar=False)


def add_save_cfg(parser: argparse.ArgumentParser) -> None:
    """For commands after which the weights need another cfg."""
    parser.add_argument("--save-cfg", metavar="FILE", help="write the cfg that fits OUT, too")


def load(args: argparse.Namespace, weights: bool = True) -> Engine:
    """The network of `args.cfg` and, unless the command reads others, `args.weights`.

    UsageError if what is written would replace them.
    """
    from ..graph.engine import Engine
    from .saving import refuse_inputs

    refuse_inputs([getattr(args, "out", None), getattr(args, "save_cfg", None)], args)
    net = Engine(args.cfg, args.weights if weights else None)
    net.need_floats("for this command")
    warn(net.warnings, args.quiet)
    return net


def save(net: Engine, changes: Sequence[Change], args: argparse.Namespace) -> int:
    """Write OUT and what the cfg has to become, as a file or in words. The exit code, 0."""
    net.save_weights(args.out)
    if changes and args.save_cfg:
        _write_cfg(net.cfg, args.save_cfg)
    say(f"wrote {args.out}{f' and {args.save_cfg}' if changes and args.save_cfg else ''}", args.quiet)
    if changes and not args.save_cfg:
        print("the cfg has to change with the weights (--save-cfg FILE writes it):")
    if changes:
        print("\n".join(map(str, changes)))
    return 0


def _write_cfg(cfg: Cfg, path: str) -> None:
    from ..formats.atomic import replacing
    from ..formats.cfg import dump

    with replacing(path) as file:
        file.write(dump(cfg).encode("utf-8", "surrogateescape"))
