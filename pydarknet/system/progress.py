"""What is said on standard error: lines, and a bar where a terminal shows it."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Protocol


class Progress(Protocol):
    """What a bar can do: `update(n)` for n more units."""

    def update(self, n: int = 1) -> object: ...


class _Silent:
    def update(self, n: int = 1) -> None:
        """No terminal, no bar."""


def byte_bar(label: str, total: int | None, done: int, quiet: bool) -> AbstractContextManager[Progress]:
    """A bar on standard error that counts bytes from `done` to `total` (None: not known)."""
    if quiet or not sys.stderr.isatty():
        return nullcontext(_Silent())
    from tqdm import tqdm

    bar: AbstractContextManager[Progress] = tqdm(
        total=total, initial=done, desc=label, unit="B", unit_scale=True, dynamic_ncols=True
    )
    return bar


def say(text: str, quiet: bool = False) -> None:
    """A line on standard error. One that can't be written ends nothing: it is no result."""
    if not quiet:
        with suppress(OSError):
            print(f"pydarknet: {text}", file=sys.stderr, flush=True)
