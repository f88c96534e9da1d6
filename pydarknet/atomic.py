"""Writing a file so that nobody ever sees half of it: beside its place first, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike, fspath
from typing import BinaryIO


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file to write that takes the place of `path` if the block succeeds; else nothing changes.

    A device or pipe (/dev/null) is written to as it is: a file in its place would take it from everyone.
    OSError as from `open` and `write`: a full disk or a missing permission leaves the old file whole.
    """
    target = os.path.realpath(fspath(path))
    if os.path.exists(target) and not os.path.isfile(target):
        with open(target, "wb") as device:
            yield device
        return
    folder, name = os.path.split(target)
    partial = os.path.join(folder, f".{name[:100]}.{os.getpid()}.{os.urandom(4).hex()}.part")
    try:
        with open(partial, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial)
        raise
