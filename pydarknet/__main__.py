"""`python -m pydarknet`, and the `pydarknet` that is installed: the command line as a process of its own."""

from __future__ import annotations

import atexit
import gc
import sys

YOUNG = 10_000  # objects more than there were, after which the collector looks for cycles; else it does at each 700


def run() -> int:
    """Run the command line; returns the exit code. A start makes many objects that stay, and few cycles."""
    gc.set_threshold(YOUNG)
    atexit.register(gc.freeze)  # what is left goes with the process: the interpreter need not search it at its end
    from .cli.main import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
