"""Environment variables that are ours, and what is said of one that is misspelt."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..formats.text import closest

PREFIX = "PYDARKNET_"
READ = ("NUM_THREADS", "ISA", "AMX", "MAX_PIXELS", "CUDA_GRAPHS", "TOKEN")  # docs/files.md says what they mean
OF_BUILD = ("ISAS", "EMU", "CUDA", "CUDA_ARCHS", "PREBUILT", "WERROR", "CXXFLAGS")


def slips() -> Iterator[str]:
    """A warning for each variable that is none of ours, but called nearly as one that would be followed."""
    for variable in sorted(os.environ):
        name = variable.removeprefix(PREFIX)
        if name != variable and name not in READ + OF_BUILD and (meant := closest(name, READ)):
            yield f"the environment variable {variable} is not followed; did you mean {PREFIX}{meant}?"
