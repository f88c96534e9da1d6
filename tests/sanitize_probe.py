"""Makes an op read behind its array, or two threads write to one, which a sanitized build must not survive:
`sanitize.sh` tests itself with it."""

from __future__ import annotations

import sys
import threading
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
    if sys.argv[1:] == ["thread"]:
        shared = np.zeros((1, 8, 64, 64, ops.block), np.float32)
        threads = [threading.Thread(target=write, args=(ops, shared)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        ops.activate(Larger(np.zeros((1, 1, 4, 4, ops.block), np.float32)), ops.Activation("leaky"))


def write(ops: Any, shared: np.ndarray) -> None:
    for _ in range(50):
        ops.activate(shared, ops.Activation("leaky"))


if __name__ == "__main__":
    main()
