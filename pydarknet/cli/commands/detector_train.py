"""`pydarknet detector train`: Darknet's name for `pydarknet train` with a detector."""

from __future__ import annotations

from .train import add_arguments, run

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "detector train"
HELP = "train a detector, as Darknet's command of this name"
