"""Fetching a file from the first of several sources that has it whole: resumed, checked, then renamed."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from http.client import HTTPException, HTTPResponse
from itertools import accumulate
from pathlib import Path
from typing import cast
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from .._version import __version__
from ..errors import DownloadError
from ..formats.text import without_password
from ..system.progress import byte_bar, say
from .checksum import Expected, in_words
from .partfile import PartFile
from .source import Source, SourceError

TIMEOUT = 30.0  # seconds without a byte
TRIES = 4  # of one address, each going on where the last one ended
BLOCK = 1 << 16
_NUMBER = "[0-9]{1,18}"
_RANGE = re.compile(rf"bytes ({_NUMBER})-{_NUMBER}/({_NUMBER}|\*)")


class _CutError(SourceError):
    """The connection ended too early: worth going on from there."""


class Url:
    """A file at one address, or cut at several, as `split` does; `lengths` are those of all pieces but the last."""

    def __init__(self, *urls: str, lengths: Sequence[int] = ()) -> None:
        self.urls, self.lengths = urls, lengths

    def __str__(self) -> str:
        return " + ".join(self.urls)

    def fill(self, part: PartFile, quiet: bool) -> None:
        """Append what is missing."""
        starts = [0, *accumulate(self.lengths)]
        ends = [*((end,) for end in starts[1:]), part.expected.sizes]
        for address in map(_Address, self.urls, starts, ends):
            address.append_to(part, quiet)


@dataclass(frozen=True)
class _Address:
    """What is at `url`: the bytes of a file from `start` on, to one of the `ends` (none: not known)."""

    url: str
    start: int
    ends: tuple[int, ...]

    def append_to(self, part: PartFile, quiet: bool) -> None:
        """Append what is missing, in several tries as long as each gets further."""
        for left in reversed(range(TRIES)):
            before = part.size
            if before in self.ends or before > max(self.ends, default=before):
                return
            try:
                with self._open(part) as response:
                    self._accept(response, part)
                    self._copy(response, part, quiet)
                return
            except _CutError:
                if not left or part.size == before:
                    raise

    def _open(self, part: PartFile) -> HTTPResponse:
        request = Request(self.url, headers={"User-Agent": f"pydarknet/{__version__}", "Accept-Encoding": "identity"})
        if offset := part.size - self.start:
            request.add_header("Range", f"bytes={offset}-")
        try:
            return cast(HTTPResponse, urlopen(request, timeout=TIMEOUT))
        except HTTPError as error:
            error.close()
            if error.code == 416 and offset:
                part.truncate(self.start)
                raise _CutError("can't resume the download") from error
            raise SourceError(f"HTTP {error.code} {error.reason}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise SourceError(_reason(error)) from error

    def _accept(self, response: HTTPResponse, part: PartFile) -> None:
        """Bring `part` to where the body begins, and note where it will end, if that is said."""
        if response.headers.get_content_type() == "text/html":
            raise SourceError("sends a web page instead of the file")
        first, length = _extent(response)
        end = None if length is None else self.start + length
        if self.start + first != part.size or (first and part.total not in (None, end)):
            part.truncate(self.start)
            if first:
                raise _CutError("resumes at another place than asked for")
        if self.ends and length is not None and end not in self.ends:
            raise SourceError(f"offers {length} bytes, expected {in_words(each - self.start for each in self.ends)}")
        part.total = end
        if end is not None:
            part.check_room(end)

    def _copy(self, response: HTTPResponse, part: PartFile, quiet: bool) -> None:
        end = part.total
        limit = end if end is not None else max(self.ends, default=None)
        with byte_bar(part.target.name, end, part.size, quiet) as bar:
            while data := _read(response, part):
                part.write(data)
                bar.update(len(data))
                if limit is not None and part.size > limit:
                    part.truncate()
                    raise SourceError(f"sends more than the expected {limit} bytes")
        if end is not None and part.size < end:
            there = part.size - self.start
            raise _CutError(f"the connection was cut after {there} of {end - self.start} bytes")


def _extent(response: HTTPResponse) -> tuple[int, int | None]:
    """Where the body begins in what is at the address, and the length of that."""
    if response.status == 206:
        match = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if not match:
            raise SourceError("sends a part without saying which")
        return int(match[1]), None if match[2] == "*" else int(match[2])
    if response.status != 200:
        raise SourceError(f"HTTP {response.status} {response.reason}")
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if re.fullmatch(_NUMBER, length) else None


def _read(response: HTTPResponse, part: PartFile) -> bytes:
    try:
        return response.read1(BLOCK)
    except (OSError, HTTPException) as error:
        raise _CutError(f"{_reason(error)} after {part.size} bytes") from error


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, URLError) else error
    return (
        f"no answer within {TIMEOUT:g} s" if isinstance(inner, TimeoutError) else str(inner) or type(inner).__name__
    )


def obtain(target: Path, expected: Expected, sources: Sequence[Source], quiet: bool = False) -> Path:
    """`target`, filled by the first source whose file is as expected.

    What has arrived stays beside it, as a part, when the connection or the user breaks off, and the next call
    goes on from there. A file that is wrong is removed. DownloadError lists every source with its reason.
    """
    failures = []
    for source in sources:
        say(f"{target.name}: from {source}", quiet)
        try:
            with PartFile(target, expected, str(source)) as part:
                _fill(source, part, quiet)
                part.commit()
            for left in target.parent.glob(f"{escape(target.name)}.*part"):  # what other sources began
                with suppress(OSError):
                    left.unlink()
            return target
        except SourceError as error:
            failures.append(f"\n  {source}: {error}")
            say(f"{target.name}: {error}", quiet)
    raise DownloadError(
        f"{target.name} could not be fetched:{''.join(failures)}\n"
        f"Get the file in another way, put it at {target}, and check it by: pydarknet weights verify {target}"
    )


def _fill(source: Source, part: PartFile, quiet: bool) -> None:
    """One source's whole file in `part`, checked; what was there before may turn out to be of another file."""
    begun = part.size
    if not begun or not part.expected.digests or part.complaint():
        source.fill(part, quiet)
    if begun and part.complaint():
        part.truncate()
        source.fill(part, quiet)
    if complaint := part.complaint():
        part.truncate()
        raise SourceError(f"the file is wrong: {complaint}")


def read_url(url: str, most: int, seconds: float) -> bytes:
    """What is at an http or https address: `most` bytes at most, within so many seconds. DownloadError."""
    shown, end = without_password(url), time.monotonic() + seconds
    content = bytearray()
    request = Request(url, headers={"User-Agent": f"pydarknet/{__version__}", "Accept-Encoding": "identity"})
    try:
        with urlopen(request, timeout=min(TIMEOUT, seconds)) as response:
            length = response.length
            while data := response.read1(BLOCK):
                content += data
                if len(content) > most:
                    raise DownloadError(f"{shown}: sends more than {most} bytes")
                if time.monotonic() > end:
                    raise DownloadError(f"{shown}: sent {len(content)} bytes in {seconds:g} s, and isn't waited for")
    except HTTPError as error:
        error.close()
        raise DownloadError(f"{shown}: HTTP {error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise DownloadError(f"{shown}: {_reason(error)}") from error
    if length is not None and len(content) < length:
        raise DownloadError(f"{shown}: the connection was cut after {len(content)} of {length} bytes")
    return bytes(content)
