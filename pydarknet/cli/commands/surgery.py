"""`pydarknet normalize CFG WEIGHTS OUT` and its like, as Darknet's: one function of `surgery` each."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from .. import rewriting


@dataclass(frozen=True)
class Command:
    """`NAME` is the function's, too; with `makes_cfg` it gives another network, and how its cfg differs."""

    NAME: str
    HELP: str
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
        made = getattr(surgery, self.NAME)(net)
        net, changes = made if self.makes_cfg else (net, ())
        return rewriting.save(net, changes, args)


normalize = Command("normalize", "put a neutral batch norm into every convolutional and connected layer", True)
denormalize = Command("denormalize", "fold batch norm into weights and biases", True)
rescale = Command("rescale", "let a network trained on pixels from -1 to 1 take them from 0 to 1")
rgbgr = Command("rgbgr", "swap red and blue in the first convolution")
reset = Command("reset", "fold batch norm's statistics into the weights before it, which leaves a neutral batch norm")
