"""Fetching a file from the first of several sources that has it whole: resumed, checked, then renamed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from http.client import HTTPException, HTTPResponse
from itertools import accumulate
from pathlib import Path
from typing import Protocol, cast
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from .._version import __version__
from ..errors import DownloadError
from ..system.progress import Progress, byte_bar, say
from .checksum import CHUNK, Expected
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
        for left in reversed(range(TRIES)):
            before = part.size
            if before in part.expected.sizes:
                return
            try:
                _request(self.url, part, quiet)
                return
            except _CutError:
                if not left or part.size == before:
                    raise


@dataclass(frozen=True)
class Pieces:
    """A file cut into pieces of known lengths, as `split` does; the last length is open."""

    urls: tuple[str, ...]
    lengths: tuple[int, ...]  # of all but the last

    def __str__(self) -> str:
        return " + ".join(self.urls)

    def fill(self, part: PartFile, quiet: bool) -> None:
        """Append the pieces that are missing, each fetched first, beside the part."""
        last = tuple(size - sum(self.lengths) for size in part.expected.sizes)
        ends = [0, *accumulate(self.lengths)]
        if part.size not in ends:
            part.truncate()
        sizes_of = [*((length,) for length in self.lengths), last]
        for url, sizes in list(zip(self.urls, sizes_of, strict=True))[ends.index(part.size) :]:
            with PartFile(part.target.with_name(f"{part.target.name}.piece"), Expected(sizes), url) as piece:
                Url(url).fill(piece, quiet)
                with open(piece.path, "rb") as file:
                    while data := file.read(CHUNK):
                        part.write(data)
                piece.truncate()


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
    if part.expected.digests and not part.complaint():
        return
    source.fill(part, quiet)
    if part.complaint() and part.inherited:
        part.truncate()
        source.fill(part, quiet)
    if complaint := part.complaint():
        part.truncate()
        raise SourceError(f"the file is wrong: {complaint}")


def _request(url: str, part: PartFile, quiet: bool) -> None:
    try:
        response = _open(url, part.size)
    except HTTPError as error:
        with error:
            if error.code == 416 and part.size:
                part.truncate()
                raise _CutError("can't resume the download") from error
            raise SourceError(f"HTTP {error.code} {error.reason}") from error
    except (URLError, OSError, HTTPException, ValueError) as error:
        raise SourceError(_reason(error)) from error
    with response:
        _accept(response, part)
        with byte_bar(part.target.name, part.total, part.size, quiet) as bar:
            _copy(response, part, bar)


def _open(url: str, offset: int) -> HTTPResponse:
    request = Request(url, headers={"User-Agent": f"pydarknet/{__version__}", "Accept-Encoding": "identity"})
    if offset:
        request.add_header("Range", f"bytes={offset}-")
    return cast(HTTPResponse, urlopen(request, timeout=TIMEOUT))


def _accept(response: HTTPResponse, part: PartFile) -> None:
    """Bring `part` to where the body begins, and note the file's length, if it is said."""
    if response.headers.get_content_type() == "text/html":
        raise SourceError("sends a web page instead of the file")
    offset, total = _extent(response)
    if offset != part.size or (offset and part.total not in (None, total)):
        part.truncate()
        if offset:
            raise _CutError("resumes at another place than asked for")
    sizes = part.expected.sizes
    if sizes and total is not None and total not in sizes:
        raise SourceError(f"offers {total} bytes, expected {' or '.join(map(str, sizes))}")
    part.total = total
    if total is not None:
        part.check_room(total)


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


def _copy(response: HTTPResponse, part: PartFile, bar: Progress) -> None:
    total = part.total
    limit = total if total is not None else max(part.expected.sizes, default=None)
    while True:
        try:
            data = response.read1(BLOCK)
        except (OSError, HTTPException) as error:
            raise _CutError(f"{_reason(error)} after {part.size} bytes") from error
        if not data:
            break
        part.write(data)
        bar.update(len(data))
        if limit is not None and part.size > limit:
            part.truncate()
            raise SourceError(f"sends more than the expected {limit} bytes")
    if total is not None and part.size < total:
        raise _CutError(f"the connection was cut after {part.size} of {total} bytes")


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, URLError) else error
    if isinstance(inner, TimeoutError):
        return f"no answer within {TIMEOUT:g} s"
    return str(inner) or type(inner).__name__
