"""The catalogue of published files: what there is, where to get it, and what a file at hand is.

Sizes and checksums are those on record for the published file; what isn't on record is unknown, and
the size then follows from the number of parameters, up to the header of 16 or 20 bytes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DownloadError, WeightsError
from ..formats.resources import share, with_slashes
from ..formats.text import did_you_mean
from ..system.arguments import check_path
from ..system.progress import say
from .checksum import Expected, measure
from .partfile import PartFile
from .source import Source, SourceError

HEADERS = (16, 20)  # bytes, before and since version 0.2


@dataclass(frozen=True)
class Entry:
    """One published file. `floats`: parameters in a weights file; `size`: bytes, if on record."""

    name: str
    about: str
    kind: str = "weights"  # or "backbone", "image"
    cfg: str = ""
    floats: int | None = None
    size: int | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What it is or was called."""
        return self.name, *self.aliases

    @property
    def expected(self) -> Expected:
        """What the file must be."""
        sizes = () if self.floats is None else tuple(4 * self.floats + header for header in HEADERS)
        return Expected(sizes if self.size is None else (self.size,), self.digests)


@dataclass(frozen=True)
class Own:
    """A file that comes with the package, in its weights/."""

    name: str

    def __str__(self) -> str:
        return "the package"

    def fill(self, part: PartFile, quiet: bool) -> None:
        """Replace the part's content."""
        part.truncate()
        try:
            part.write((share() / "weights" / self.name).read_bytes())
        except OSError as error:
            raise SourceError(f"{error.filename}: {error.strerror}") from error


@dataclass(frozen=True)
class Cut:
    """The first layers of another file of the catalogue, as `partial` writes them: `seen` is 0."""

    whole: str
    floats: int

    def __str__(self) -> str:
        return f"the first layers of {self.whole}"

    def fill(self, part: PartFile, quiet: bool) -> None:
        """Replace the part's content; fetches the whole file into the same folder if it is nowhere."""
        from ..formats.weights import read_header

        path = locate(self.whole, part.target.parent)
        if path is None:
            try:
                path = get(self.whole, part.target.parent, quiet)
            except DownloadError as error:
                raise SourceError(str(error)) from error
        header = read_header(path)
        part.truncate()
        with open(path, "rb") as file:
            start = file.read(header.size)
            part.write(start[:12] + bytes(header.size - 12))
            part.write(file.read(4 * self.floats))


def find(name: str) -> Entry:
    """The entry of that name, with or without `.weights`; DownloadError if there is none."""
    for entry in entries():
        if {name, f"{name}.weights"} & {*entry.names} or name == os.path.splitext(entry.name)[0]:
            return entry
    known = [word for entry in entries() for word in (entry.name, entry.name.removesuffix(".weights"))]
    raise DownloadError(
        f"{name!r} is not in the catalogue{did_you_mean(name, known)}; all names: pydarknet weights list"
    )


def entries() -> tuple[Entry, ...]:
    """The whole catalogue."""
    from .table import ENTRIES

    return ENTRIES


def get(name: str, folder: Path | None = None, quiet: bool = False, force: bool = False) -> Path:
    """The file of that name, fetched into `folder` (default: `default_folder()`) unless it is there.

    A file that is there and wrong is an error, or is replaced with `force`. DownloadError if no source has it.
    """
    entry = find(name)
    target = (default_folder() if folder is None else folder) / entry.name
    if not force and os.path.lexists(target):
        if complaint := entry.expected.complaint(*measure(target)):
            raise DownloadError(f"{target} is not {entry.name}: {complaint}; remove it, or say --force")
        return target
    from .download import obtain

    obtain(target, entry.expected, entry.sources, quiet)
    if not entry.digests:
        say(f"{entry.name}: no checksum was ever published; only its size could be compared", quiet)
    return target


def default_folder() -> Path:
    """`./weights` if there is such a folder, or no other, else the user's cache."""
    cache = cache_folder()
    return Path("weights") if cache is None or os.path.isdir("weights") else cache


def cache_folder() -> Path | None:
    """`$XDG_CACHE_HOME/pydarknet`, by default `~/.cache/pydarknet`; None for a user without a home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser(os.path.join("~", ".cache"))
    return Path(base) / "pydarknet" if os.path.isabs(base) else None


def _folders() -> list[Path]:
    """Where files of the catalogue may be: the package has some of its own."""
    cache = cache_folder()
    return [Path("weights"), *([cache] if cache else []), share() / "weights"]


def locate(name: str, *folders: Path) -> Path | None:
    """A file of the catalogue that is already at hand, unchecked: in `folders`, `./weights`, the cache, the
    package."""
    for folder in (*folders, *_folders()):
        if os.path.isfile(folder / name):
            return folder / name
    return None


def find_weights(name: str | os.PathLike[str]) -> Path:
    """The weights file a user names: a path, or a name of the catalogue that has been fetched before.

    WeightsError lists the places tried, and says how to fetch a file of the catalogue.
    """
    check_path("weights", name)
    given = os.fspath(name)
    if os.path.isfile(given):
        return Path(given)
    if os.path.exists(given):
        raise WeightsError(f"{given}: expected a weights file, found something else (a folder?)")
    places, hint = [Path(given)], ""
    folder, file = os.path.split(os.path.normpath(with_slashes(given)))
    if folder in ("", "weights"):  # as the README has it, wherever the file was fetched to
        with suppress(DownloadError):
            file = find(file).name
            hint = f"; to fetch it: pydarknet weights get {file}"
        if (found := locate(file)) is not None:
            return found
        places += [place for folder in _folders() if (place := folder / file) not in places]
    raise WeightsError(f"can't find {given!r}; tried {', '.join(map(str, places))}{hint}")


@dataclass(frozen=True)
class Identity:
    """What a file is: its measures, and the entry that it is (`complaint` '') or claims to be by its name."""

    size: int
    digests: Mapping[str, str]
    entry: Entry | None
    complaint: str
    proof: str  # the algorithm whose checksum agrees, 'size', or '' if nothing does


def identify(path: Path) -> Identity:
    """Look a file up by checksum, then by name, then by size; DataError if it can't be read."""
    size, digests = measure(path)
    for entry in entries():
        if proof := next((each for each in entry.digests if digests[each] == entry.digests[each]), ""):
            return Identity(size, digests, entry, "", proof)
    named = (entry for entry in entries() if path.name in entry.names)
    as_long = (entry for entry in entries() if size in entry.expected.sizes and not entry.digests)
    found = next(named, None) or next(as_long, None)
    expected = Expected() if found is None else found.expected
    complaint = expected.complaint(size, digests)
    return Identity(size, digests, found, complaint, "size" if expected.sizes and not complaint else "")
