"""`pydarknet classifier train`: Darknet's name for `pydarknet train` with a classifier."""

from __future__ import annotations

from .train import add_arguments, run

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "classifier train"
HELP = "train a classifier, as Darknet's command of this name"
