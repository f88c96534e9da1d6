"""The backup folder of a run: where it is, whether another run's files are in it, and which process writes there."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from os import PathLike, fspath
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

from ..errors import DataError, TrainingError, WeightsError
from ..formats.data import DataFile
from ..formats.resources import with_slashes
from ..formats.text import counted
from ..formats.weights import read_header
from .names import STATE, weights_ending

if TYPE_CHECKING:
    from .checkpoint import Files

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows: nothing keeps two trainings apart there
    fcntl = None

SHOWN = 4  # files that a message names


def find_folder(data: DataFile, backup: str | PathLike[str] | None) -> Path:
    """`backup`, else the folder of the .data file: as it is written or beside that file. It may be missing."""
    if backup is not None:
        return Path(backup)
    names = [data.get("backup", "backup")]
    names += [data.written[key] for key in ("backup",) if key in data.written] + [with_slashes(names[0])]
    beside = Path(data.file).parent
    places = [folder for name in names for folder in (Path(name), beside / name)]
    return next((place for place in places if place.is_dir()), Path(names[-1]))


def check_folder(folder: Path, place: str) -> None:
    """DataError unless files can be written there. A missing folder can be made where it is relative or its parent
    exists: /content/drive/x must not be made because nothing is mounted there."""
    there = folder
    if not folder.is_dir():
        if folder.exists():
            raise DataError(f"{place}: the backup folder {folder} is a file; name another one")
        if folder.is_absolute() and not folder.parent.is_dir():
            raise DataError(
                f"{place}: the backup folder {folder} doesn't exist, nor does {folder.parent}; is something not "
                "mounted? Make it (mkdir -p), or name another one"
            )
        there = next(parent for parent in folder.absolute().parents if parent.is_dir())
    probe = there / f".pydarknet-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise DataError(f"{place}: can't write into the backup folder {there}: {error.strerror}") from error


def check_unused(files: Files, weights: str | PathLike[str] | None) -> None:
    """TrainingError if a run of this name has left weights or a state: a new one would write over them.

    A run may go on from the newest of its own `weights`, as Darknet's users do, and over one that has learnt nothing.
    """
    if not (found := _in_the_way(files, weights)):
        return
    names = ", ".join(path.name for path in list(found)[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    seen = counted(max(found.values()), "image")
    raise TrainingError(
        f"{files.folder} holds {names}{more}, of a run that has seen {seen}: --resume goes on with it, --overwrite "
        "starts anew over it, --backup FOLDER keeps both (from Python resume=True, overwrite=True, backup=)"
    )


def set_aside(files: Files, weights: str | PathLike[str] | None) -> str:
    """Move what `check_unused` refuses into a folder of its own in the backup folder, BASE.1, BASE.2, ...; returns a
    sentence that says so, '' if nothing is in the way. TrainingError if it can't be moved."""
    if not (found := _in_the_way(files, weights)):
        return ""
    try:
        place = _new_folder(files.folder, files.base)
        for path in [*found, *filter(os.path.lexists, files.charts)]:
            os.rename(path, place / path.name)
    except OSError as error:
        raise TrainingError(f"{files.folder}: the earlier run's files can't be moved: {error.strerror}") from error
    seen = counted(max(found.values()), "image")
    return f"an earlier run has seen {seen}; its weights, state and chart are moved to {place}"


def _new_folder(folder: Path, base: str) -> Path:
    for number in count(1):
        with suppress(FileExistsError):
            place = folder / f"{base}.{number}"
            place.mkdir()
            break
    return place


def _in_the_way(files: Files, weights: str | PathLike[str] | None) -> dict[Path, int]:
    """Files of an earlier run, and how many images each has seen; none if its newest `weights` go on."""
    found = {path: _seen(path) for path in _results(files)}
    newest = max(found.values(), default=0)
    if newest and weights is not None and Path(weights).exists():
        own = next((seen for path, seen in found.items() if os.path.samefile(path, weights)), 0)
        return found if own != newest else {}
    return found if newest else {}


def _results(files: Files) -> list[Path]:
    """What a run of this name has left, in any dialect's names; the state first."""
    ours = re.compile(rf"{re.escape(files.base)}(?:{re.escape(STATE)}|{weights_ending()})")
    with suppress(OSError):
        paths = [path for path in files.folder.iterdir() if ours.fullmatch(path.name)]
        return sorted(paths, key=lambda path: (path != files.state, path.name))
    return []


def _seen(path: Path) -> int:
    """Images that a file's run has seen, at least 1 where it doesn't tell; 0 if it is empty."""
    from .state import peek_seen

    with suppress(TrainingError, WeightsError):
        return peek_seen(path) if path.suffix == ".npz" else read_header(path).seen
    return 1 if path.is_file() and path.stat().st_size else 0


class Claim:
    """A run's right to its folder and name, held until `close`, or the end of the process however it ends.

    The folder is made if it is missing; `warn` says so. TrainingError if another training has the name.
    """

    def __init__(self, files: Files, warn: Callable[[str], None]) -> None:
        self._path = files.folder / f".{files.base}.lock"
        self._file: BinaryIO | None = None
        if not files.folder.is_dir():
            try:
                files.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise TrainingError(f"{files.folder}: can't be made: {error.strerror or error}") from error
            warn(f"the backup folder {files.folder} didn't exist; it is made")
        if fcntl is not None:
            with suppress(OSError):  # file systems without locks: nothing keeps two trainings apart
                self._lock(fcntl)

    def close(self) -> None:
        """Give it up."""
        if self._file is not None:
            with suppress(OSError):
                self._path.unlink()
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _lock(self, fcntl: ModuleType) -> None:
        while self._file is None:
            file = open(self._path, "a+b", buffering=0)  # noqa: SIM115
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                holder = file.read(200).decode(errors="replace").strip()
                file.close()
                raise TrainingError(
                    f"{fspath(self._path.parent)}: another training writes here under the same name "
                    f"({holder or 'unknown'}); let it end, or take another folder (--backup FOLDER) or cfg"
                ) from error
            if self._is_current(file):
                self._file = file
                file.truncate(0)
                file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
            else:
                file.close()  # whoever had it has removed it in between

    def _is_current(self, file: BinaryIO) -> bool:
        with suppress(OSError):
            return os.path.samestat(os.fstat(file.fileno()), os.stat(self._path))
        return False
