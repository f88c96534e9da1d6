"""`pydarknet normalize CFG WEIGHTS OUT` and its like, as Darknet's: one function of `surgery` each."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from .. import rewriting


@dataclass(frozen=True)
class Command:
    """`name` is the function's, too; with `makes_cfg` it gives another network, and how its cfg differs."""

    name: str
    makes_cfg: bool = False

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the files."""
        rewriting.add_files(parser)
        if self.makes_cfg:
            rewriting.add_save_cfg(parser)

    def run(self, args: argparse.Namespace) -> int:
        """0; errors are raised."""
        from ... import surgery

        net = rewriting.load(args)
        made = getattr(surgery, self.name)(net)
        net, changes = made if self.makes_cfg else (net, ())
        return rewriting.save(net, changes, args)


normalize = Command("normalize", True)
denormalize = Command("denormalize", True)
rescale = Command("rescale")
rgbgr = Command("rgbgr")
reset = Command("reset")
