"""Makes an op read behind its array, which a sanitized build must not survive: `sanitize.sh` tests itself with it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from pydarknet.backends.base import cpu_backend


class Larger:
    """An array that claims to be four times as large as it is."""

    def __init__(self, array: np.ndarray) -> None:
        n, *rest = array.shape
        self.array = array
        self.__array_interface__ = {**array.__array_interface__, "shape": (4 * n, *rest)}


def main() -> None:
    ops: Any = cpu_backend().ops
    print(f"sanitizing {ops.__file__}", file=sys.stderr)
    ops.activate(Larger(np.zeros((1, 1, 4, 4, ops.block), np.float32)), ops.Activation("leaky"))


if __name__ == "__main__":
    main()
