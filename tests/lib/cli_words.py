"""How the command line is told the toy networks of cli_nets.py, and images to show them."""

from __future__ import annotations

from pathlib import Path

from tests.lib.cli_nets import write_picture

NET = ("net.cfg", "net.weights")
TREE = ("tree.cfg", "tree.weights")
CLASSES = ("classes.cfg", "classes.weights")


def pictures(*names: str) -> list[str]:
    return [str(write_picture(Path(name), seed=i)) for i, name in enumerate(names)]
