"""Writing a file so that half of it is never seen: beside its place first, then renamed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike, fspath
from typing import BinaryIO

STDOUT = "/dev/stdout"


def open_regular(path: str | PathLike[str], flags: int) -> int:
    """A descriptor of a regular file, as from `os.open`. OSError for symbolic links, devices, pipes and folders.

    For files with names that others know, in folders where others may have put something else in their place.
    """
    try:
        descriptor = os.open(fspath(path), flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "a symbolic link has this name; remove it", fspath(path)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "something that is no regular file has this name; remove it", fspath(path))
    return descriptor


@contextmanager
def replacing(path: str | PathLike[str], follow: bool = True) -> Iterator[BinaryIO]:
    """A binary file to write that takes the place of `path` if the block succeeds; else nothing changes.

    The new file has the mode of the old one, and its owner if the user may give it away. A stream (see
    `is_stream`) is written to as it is: a file in its place would take it from everyone. What a symbolic link leads
    to is replaced; without `follow` whatever has the name itself, link or stream. OSError as from `open` and `write`:
    a full disk or a missing permission leaves the old file whole; and for `-`, which is hardly meant as a file.
    """
    if fspath(path) == "-":
        raise OSError(errno.EINVAL, f"standard output is {STDOUT} here, a file of this name ./-")
    if follow and (number := _descriptor(fspath(path))) is not None:
        with os.fdopen(os.dup(number), "wb") as stream:
            yield stream
        return
    target = os.path.realpath(fspath(path)) if follow else os.path.abspath(fspath(path))
    if follow and is_stream(target):
        with open(target, "wb") as device:
            yield device
        return
    folder, name = os.path.split(target)
    partial = os.path.join(folder, f".{name[:100]}.{os.getpid()}.{os.urandom(4).hex()}.part")
    try:
        with open(partial, "xb") as file:
            if follow:
                take_after(target, partial)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial)
        raise


def write_text(path: str | PathLike[str], text: str, error: type[Exception]) -> None:
    """Write a text file whole, or raise `error` with the reason. Bytes of file names that are no UTF-8 stay."""
    try:
        with replacing(path) as file:
            file.write(text.encode("utf-8", "surrogateescape"))
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise error(f"{fspath(path)}: can't be written: {reason}") from problem


def is_stream(path: str | PathLike[str]) -> bool:
    """Whether what is written there is gone at once: a pipe, a device, or one of this program's open files."""
    name = fspath(path)
    special = os.path.exists(name) and not (os.path.isfile(name) or os.path.isdir(name))
    return special or _descriptor(name) is not None


def is_same(a: str | PathLike[str], b: str | PathLike[str]) -> bool:
    """Whether two paths name one file that exists, by whatever links."""
    try:
        return os.path.samefile(a, b)
    except (OSError, ValueError):
        return False


def is_stdout(path: str | PathLike[str]) -> bool:
    """Whether a path means standard output."""
    return _descriptor(fspath(path)) == 1


def _descriptor(path: str) -> int | None:
    """The number of the open file that /dev/stdout, /dev/fd/N and links to them mean. Resolved to the end, they
    would name the file that standard output was sent to, which others write to as well."""
    for _ in range(8):
        if path == STDOUT:
            return 1
        folder, name = os.path.split(path)
        if name.isdecimal() and os.path.realpath(folder) in ("/dev/fd", f"/proc/{os.getpid()}/fd"):
            return int(name)
        if not os.path.islink(path):
            return None
        path = os.path.join(folder, os.readlink(path))
    return None


def take_after(old: str, new: str) -> None:
    """Give a new file the permissions of the one whose place it takes, if there is one."""
    with suppress(FileNotFoundError):
        status = os.stat(old)
        if hasattr(os, "chown"):
            with suppress(OSError):  # only root gives files away; a member of the group keeps that
                os.chown(new, -1, status.st_gid)
                os.chown(new, status.st_uid, -1)
        os.chmod(new, stat.S_IMODE(status.st_mode) & 0o777)
