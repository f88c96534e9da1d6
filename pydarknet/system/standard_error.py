"""Lines that a library prints on standard error, past whoever uses it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

_STDERR = 2
_lock = Lock()
_kept: list[int] = []  # what standard error was before the block


@contextmanager
def unheard(beginnings: tuple[bytes, ...]) -> Iterator[None]:
    """Lines that begin so and are printed within the block are dropped; all others come when it ends.

    Standard error belongs to the whole process: keep the block short, for what happens rarely.
    """
    with _lock:
        try:
            kept = os.dup(_STDERR)
        except OSError:  # it is closed: nothing is printed
            yield
            return
        heard = os.memfd_create("stderr")
        try:
            _kept.append(kept)
            os.dup2(heard, _STDERR)
            yield
        finally:
            os.dup2(kept, _STDERR)
            _kept.clear()
            with open(heard, "rb") as file, suppress(OSError):
                file.seek(0)
                os.write(kept, b"".join(line for line in file if not line.startswith(beginnings)))
            os.close(kept)


def _after_fork() -> None:
    """In a child that was forked while another thread was in the block."""
    global _lock
    _lock = Lock()
    for kept in _kept:
        os.dup2(kept, _STDERR)
    _kept.clear()


os.register_at_fork(after_in_child=_after_fork)
