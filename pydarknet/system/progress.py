"""Progress on the terminal: a bar where somebody watches, nothing where nobody does."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Progress(Protocol):
    """What a bar can do: `update(n)` for n more units."""

    def update(self, n: int = 1) -> object: ...


class _Silent:
    def update(self, n: int = 1) -> None:
        """Nobody watches."""


def byte_bar(label: str, total: int | None, done: int, quiet: bool) -> AbstractContextManager[Progress]:
    """A bar on standard error that counts bytes from `done` to `total` (None: not known)."""
    if quiet or not sys.stderr.isatty():
        return nullcontext(_Silent())
    from tqdm import tqdm

    bar: AbstractContextManager[Progress] = tqdm(
        total=total, initial=done, desc=label, unit="B", unit_scale=True, dynamic_ncols=True
    )
    return bar


def say(text: str, quiet: bool) -> None:
    """A line on standard error."""
    if not quiet:
        print(text, file=sys.stderr, flush=True)
