"""The standard streams as the command line needs them: open, never failing on a letter, harmless to a terminal."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))

# What moves a terminal's cursor, changes its title or its keys, or turns the direction of writing.
_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str, line: bool = False) -> str:
    """The text with control characters as escapes: names of classes and files come from strangers.

    Line ends and tabs stay; with `line`, for what has to be one line, only tabs do.
    """
    text = _CONTROLS.sub(_escape, text)
    return text.replace("\n", "\\n") if line else text


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


class Terminal:
    """A text stream whose control characters are escaped; a progress line may begin with its own."""

    def __init__(self, stream: TextIO) -> None:
        self._wrapped = stream  # tqdm knows this name, and so finds that both are one

    def write(self, text: str) -> int:
        """Write the text, made harmless."""
        begin = int(text.startswith("\r"))
        self._wrapped.write(text[:begin] + harmless(text[begin:]))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each line."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)


def raw(stream: Any) -> Any:
    """The stream itself, for whoever writes control characters of his own."""
    return stream._wrapped if isinstance(stream, Terminal) else stream


@contextmanager
def ready() -> Iterator[None]:
    """Standard streams that can be used, until the block is left."""
    open_closed()
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):  # what the encoding lacks is written as an escape
            stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = (Terminal(stream) if stream.isatty() else stream for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def open_closed() -> None:
    """Nothing to read, and nowhere to write, in the place of streams that are closed.

    The numbers 0 to 2 are taken too: a file opened later under one of them would get what is printed.
    """
    for number, (name, mode) in enumerate(STREAMS):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
        setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def give_up_output() -> None:
    """What is still in standard output's buffer must not fail again when the interpreter ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
