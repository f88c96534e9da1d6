"""What can deliver a file. Apart from those that ask others for it, whose means take long to import."""

from __future__ import annotations

from typing import Protocol

from .partfile import PartFile


class SourceError(Exception):
    """Why one source could not deliver; the next one is tried."""


class Source(Protocol):
    """A place that can fill a part file: raises SourceError, or leaves the whole file in `part`."""

    def fill(self, part: PartFile, quiet: bool) -> None: ...
