"""The one family of errors a user can cause.

A message says where (file:line or layer), what was expected, what was found and what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


class DarknetError(Exception):
    """Anything that is wrong with the user's files, options or machine; never a bug of ours.

    `warnings` is the warnings before it: often one names the cause.
    """

    warnings: Sequence[str] = ()


class CfgError(DarknetError):
    """A network description that can't be read or can't be built.

    `file` is the cfg as the user named it, `line` counts from 1 (None when the whole file is meant).
    """

    def __init__(self, file: str, line: int | None, message: str) -> None:
        super().__init__(file, line, message)
        self.file = file
        self.line = line
        self.message = message

    def __str__(self) -> str:
        return f"{locate(self.file, self.line)}: {self.message}"


class WeightsError(DarknetError):
    """A weights file that is missing, damaged, or of another network."""


class DataError(DarknetError):
    """A .data, .names, .tree, .map, label or list file that can't be used."""

    file: str | None = None
    line: int | None = None

    @classmethod
    def at(cls, file: str, line: int | None, message: str) -> DataError:
        """The error with its place: `file:line: message`."""
        error = cls(f"{locate(file, line)}: {message}")
        error.file, error.line = file, line
        return error


class ImageError(DarknetError):
    """An image that can't be read or written, or an array that is no image."""


class ImageWarning(UserWarning):
    """An image that is used although something is wrong with its file."""


class DeviceError(DarknetError):
    """A backend that is absent, or that failed while computing."""


class DownloadError(DarknetError):
    """A file that no source could deliver whole."""


class ExportError(DarknetError):
    """A network that the wanted format can't express, or a result that can't be written."""


class TrainingError(DarknetError):
    """A training that can't begin, go on, or be resumed."""


def locate(file: str, line: int | None) -> str:
    """`file:line`, or only `file` when no line is meant: None, or 0 for what lies in a folder."""
    return f"{file}:{line}" if line else file


@contextmanager
def carrying(warnings: Callable[[], Sequence[str]]) -> Iterator[None]:
    """An error that leaves the block takes along the warnings so far."""
    try:
        yield
    except DarknetError as error:
        error.warnings = [*warnings(), *error.warnings]
        raise
