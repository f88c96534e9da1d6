"""Fetching a file from the first of several sources that has it whole: resumed, checked, then renamed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from itertools import accumulate
from pathlib import Path
from typing import Protocol, cast
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from .._version import __version__
from ..errors import DownloadError
from ..system.progress import Progress, byte_bar, say
from .checksum import Expected
from .partfile import PartFile

TIMEOUT = 30.0  # seconds without a byte
TRIES = 4  # of one address, each going on where the last one ended
BLOCK = 1 << 16


class SourceError(Exception):
    """Why one source could not deliver; the next one is tried."""


class _CutError(SourceError):
    """The connection ended too early: worth going on from there."""


class Source(Protocol):
    """A place that can fill a part file: raises SourceError, or leaves the whole file in `part`."""

    def fill(self, part: PartFile, quiet: bool) -> None: ...


@dataclass(frozen=True)
class Url:
    """One file at one address."""

    url: str

    def __str__(self) -> str:
        return self.url

    def fill(self, part: PartFile, quiet: bool) -> None:
        """Append what is missing of the file at the address."""
        fetch_url(self.url, part, 0, part.expected.sizes, quiet)


@dataclass(frozen=True)
class Pieces:
    """A file cut into pieces of known lengths, as `split` does; the last length is open."""

    urls: tuple[str, ...]
    lengths: tuple[int, ...]  # of all but the last

    def __str__(self) -> str:
        return " + ".join(self.urls)

    def fill(self, part: PartFile, quiet: bool) -> None:
        """Append what is missing, piece after piece."""
        starts = list(accumulate(self.lengths, initial=0))
        for url, start, end in zip(self.urls, starts, [*starts[1:], None], strict=True):
            if end is None:
                fetch_url(url, part, start, tuple(size - start for size in part.expected.sizes), quiet)
            elif part.size < end:
                fetch_url(url, part, start, (end - start,), quiet)


def obtain(target: Path, expected: Expected, sources: Sequence[Source], quiet: bool = False) -> Path:
    """`target`, filled by the first source whose file is as expected.

    What has arrived stays in `target.part` when the connection or the user breaks off, and the next call
    goes on from there. A file that is wrong is removed. DownloadError lists every source with its reason.
    """
    failures = []
    with PartFile(target, expected) as part:
        if part.size and expected.digests and not part.complaint():
            part.commit()
            return target
        for source in sources:
            say(f"{target.name}: from {source}", quiet)
            try:
                _fill(source, part, quiet)
            except SourceError as error:
                failures.append(f"\n  {source}: {error}")
                say(f"{target.name}: {error}", quiet)
                part.inherited = part.size
            else:
                part.commit()
                return target
    raise DownloadError(
        f"{target.name} could not be fetched:{''.join(failures)}\n"
        f"Get the file in another way, put it at {target}, and check it by: pydarknet weights verify {target}"
    )


def _fill(source: Source, part: PartFile, quiet: bool) -> None:
    """One source's whole file in `part`, checked; what was there before may turn out to be of another file."""
    source.fill(part, quiet)
    complaint = part.complaint()
    if complaint and part.inherited:
        part.discard()
        source.fill(part, quiet)
        complaint = part.complaint()
    if complaint:
        part.discard()
        raise SourceError(f"the file is wrong: {complaint}")


def fetch_url(url: str, part: PartFile, start: int, sizes: Sequence[int], quiet: bool = False) -> None:
    """Append to `part` what it lacks of the file at `url`, which begins at byte `start` of the whole.

    `sizes` are the lengths this file may have (none: any). SourceError says why it failed.
    """
    if part.note.get("url") != url and not part.expected.digests and part.size > start:
        part.truncate(start)  # without a checksum nobody would notice two files in one
    for left in reversed(range(TRIES)):
        before = part.size
        if before - start in sizes:
            return
        try:
            _request(url, part, start, sizes, quiet)
            return
        except _CutError:
            if not left or part.size == before:
                raise


def _request(url: str, part: PartFile, start: int, sizes: Sequence[int], quiet: bool) -> None:
    try:
        response = _open(url, part, part.size - start)
    except HTTPError as error:
        with error:
            if error.code == 416 and part.size > start:
                part.truncate(start)
                raise _CutError("can't resume the download") from error
            raise SourceError(f"HTTP {error.code} {error.reason}") from error
    except (URLError, OSError, HTTPException, ValueError) as error:
        raise SourceError(_reason(error)) from error
    with response:
        total = _accept(url, response, part, start, sizes)
        with _bar(part, total, start, quiet) as bar:
            _copy(response, part, start, total, bar)


def _open(url: str, part: PartFile, offset: int) -> HTTPResponse:
    request = Request(url, headers={"User-Agent": f"pydarknet/{__version__}", "Accept-Encoding": "identity"})
    if offset:
        request.add_header("Range", f"bytes={offset}-")
        etag = str(part.note.get("etag", "")) if part.note.get("url") == url else ""
        if etag and etag.isascii() and etag.isprintable():
            request.add_header("If-Range", etag)
    return cast(HTTPResponse, urlopen(request, timeout=TIMEOUT))


def _accept(url: str, response: HTTPResponse, part: PartFile, start: int, sizes: Sequence[int]) -> int | None:
    """Bring `part` to where the body begins; the length of the whole file at `url`, None if not said."""
    if response.headers.get_content_type() == "text/html":
        raise SourceError("sends a web page instead of the file")
    offset, total = _extent(response)
    known = part.note.get("total")
    if offset != part.size - start or (offset and known is not None and total != known):
        part.truncate(start)
        if offset:
            raise _CutError("resumes at another place than asked for")
    if sizes and total is not None and total not in sizes:
        raise SourceError(f"offers {total} bytes, expected {' or '.join(map(str, sizes))}")
    etag = response.headers.get("ETag", "")
    part.remember({"url": url, "total": total, "etag": "" if etag.startswith("W/") else etag})
    if total is not None:
        part.check_room(start + total)
    return total


def _extent(response: HTTPResponse) -> tuple[int, int | None]:
    """Where the body begins in the file, and the file's length."""
    if response.status == 206:
        match = re.fullmatch(
            r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", response.headers.get("Content-Range", "").strip()
        )
        if not match:
            raise SourceError("sends a part without saying which")
        return int(match[1]), None if match[2] == "*" else int(match[2])
    if response.status != 200:
        raise SourceError(f"HTTP {response.status} {response.reason}")
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if re.fullmatch("[0-9]{1,18}", length) else None


def _copy(response: HTTPResponse, part: PartFile, start: int, total: int | None, bar: Progress) -> None:
    limit = total if total is not None else max(part.expected.sizes, default=None)
    while True:
        try:
            data = response.read1(BLOCK)
        except (OSError, HTTPException) as error:
            raise _CutError(f"{_reason(error)} after {part.size - start} bytes") from error
        if not data:
            break
        part.write(data)
        bar.update(len(data))
        if limit is not None and part.size - start > limit:
            part.truncate(start)
            raise SourceError(f"sends more than the expected {limit} bytes")
    if total is not None and part.size - start < total:
        raise _CutError(f"the connection was cut after {part.size - start} of {total} bytes")


def _bar(part: PartFile, total: int | None, start: int, quiet: bool) -> AbstractContextManager[Progress]:
    return byte_bar(part.target.name, None if total is None else start + total, part.size, quiet)


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, URLError) else error
    if isinstance(inner, TimeoutError):
        return f"no answer within {TIMEOUT:g} s"
    return str(inner) or type(inner).__name__
