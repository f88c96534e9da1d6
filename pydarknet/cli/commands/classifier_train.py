"""`pydarknet classifier train`: Darknet's name for `pydarknet train` with a classifier."""

from __future__ import annotations

import argparse

from . import train
from .train import add_arguments, refuse

__all__ = ["add_arguments", "refuse", "run"]


def run(args: argparse.Namespace) -> int:
    """As `train`; but Darknet starts anew without a question, so an earlier run's files are set aside."""
    return train.run(args, keep=True)
