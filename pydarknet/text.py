"""Text files as users bring them: any encoding, any line ends, and sometimes not text at all."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from os import PathLike, fspath

from .errors import DarknetError


def read_text(path: str | PathLike[str], limit: int, error: Callable[[str], DarknetError]) -> str:
    """The text of a file of at most `limit` bytes; `error` makes the exception from a message."""
    try:
        with open(fspath(path), "rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as problem:
        raise error(f"can't be read: {getattr(problem, 'strerror', None) or problem}") from problem
    if b"\0" in data:
        raise error("is not a text file (it holds zero bytes); are the files in the right order?")
    if len(data) > limit:
        raise error(f"is longer than {limit} bytes, too long for a file of this kind")
    return decode(data)


def decode(data: bytes) -> str:
    """UTF-8, with or without a byte order mark, else Latin-1, which never fails."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def lines(text: str) -> list[str]:
    """The lines, whichever of the three line ends they have. Nothing else ends a line, as in C."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def short(text: str, limit: int = 60) -> str:
    """The beginning of a text that may be too long for a message."""
    return text if len(text) <= limit else text[:limit] + "..."


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the choice that is close to the word, or ''."""
    close = difflib.get_close_matches(word[:64], sorted(choices), n=1, cutoff=0.7)
    return f"; did you mean {close[0]!r}?" if close else ""


def csv_text(text: str) -> str:
    """A name as a cell of a CSV file: behind an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
