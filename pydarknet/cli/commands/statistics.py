"""`pydarknet statistics CFG WEIGHTS`: Darknet's lines, for every layer that has weights."""

from __future__ import annotations

import argparse
from itertools import groupby

from .. import rewriting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files."""
    rewriting.add_files(parser, out=False)


def run(args: argparse.Namespace) -> int:
    """0; errors are raised. Darknet prints connected layers with batch norm only, of their weights a part."""
    from ...surgery import statistics

    net = rewriting.load(args)
    for (index, kind), rows in groupby(statistics(net), key=lambda row: (row.layer, row.type)):
        print(f"{kind.capitalize()} Layer {index}")
        for row in rows:
            name = row.name.replace("_", " ").title()
            moments = f"MSE: {row.rms:.6f}, Mean: {row.mean:.6f}, Variance: {row.variance:.6f}"
            print(f"{name} {moments}, Min: {row.low:.6f}, Max: {row.high:.6f}")
        print()
    return 0
