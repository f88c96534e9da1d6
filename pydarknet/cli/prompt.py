"""Darknet's prompt for the paths of images, with names completed."""

from __future__ import annotations

import glob
import os
import shlex
from collections.abc import Iterator
from contextlib import suppress

PROMPT = "Enter Image Path: "  # Darknet's


def prompted() -> Iterator[str]:
    """Darknet's dialogue."""
    with suppress(ImportError):  # where there is one: a history, and Tab for names
        import readline

        readline.parse_and_bind("tab: complete")
        readline.set_completer_delims("\n")
        readline.set_completer(completed)
    while True:
        try:
            path = input(PROMPT).strip()
        except EOFError:
            print()
            return
        if path:
            yield meant(path)


def completed(typed: str, number: int) -> str | None:
    """The path of that number, from 0, that begins as typed; None after the last."""
    paths = sorted(glob.glob(glob.escape(os.path.expanduser(typed)) + "*"))
    if number >= len(paths):
        return None
    return os.path.join(paths[number], "") if os.path.isdir(paths[number]) else paths[number]


def meant(typed: str) -> str:
    """A path as typed, or dropped on the terminal: in quotes, with backslashes, from ~ on."""
    if os.path.lexists(typed):
        return typed
    with suppress(ValueError):
        words = shlex.split(typed)
        if len(words) == 1:
            return os.path.expanduser(words[0])
    return os.path.expanduser(typed)
