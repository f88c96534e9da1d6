"""Text files as users bring them: any encoding, any line ends, and sometimes not text at all."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable
from os import PathLike, fspath
from typing import TypeGuard, TypeVar

from ..errors import DarknetError

_T = TypeVar("_T")
_PIECE = 1 << 24  # bytes read at a time

# UTF-32's first: in little-endian order it begins with the mark of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text(path: str | PathLike[str], limit: int, error: Callable[[str], DarknetError]) -> str:
    """The text of a file of at most `limit` bytes; `error` makes the exception from a message."""
    data = _content(path, limit + 1, error)
    try:
        text = decode(data)
    except UnicodeDecodeError as problem:
        raise error("is not a text file (it holds zero bytes); are the files in the right order?") from problem
    return _limited(text, len(data), limit, error)


def read_bytes(path: str | PathLike[str], limit: int, error: Callable[[str], DarknetError]) -> bytes:
    """The content of a file of at most `limit` bytes; `error` makes the exception from a message."""
    data = _content(path, limit + 1, error)
    return _limited(data, len(data), limit, error)


def _content(path: str | PathLike[str], most: int, error: Callable[[str], DarknetError]) -> bytes:
    """At most so many bytes of a file. Memory is taken as they come: a limit far above the file costs nothing."""
    parts, left = [], most
    try:
        with open(fspath(path), "rb") as file:
            while left and (part := file.read(min(left, _PIECE))):
                parts.append(part)
                left -= len(part)
    except (OSError, ValueError) as problem:
        raise error(f"can't be read: {getattr(problem, 'strerror', None) or problem}") from problem
    return b"".join(parts)


def _limited(content: _T, length: int, limit: int, error: Callable[[str], DarknetError]) -> _T:
    if length > limit:
        raise error(f"is longer than {limit} bytes, too long for a file of this kind")
    return content


def decode(data: bytes) -> str:
    """What a byte order mark says, else UTF-8, else Latin-1. UnicodeDecodeError for zero bytes and half letters."""
    mark, encoding = byte_order(data)
    data = data[len(mark) :]
    if encoding != "utf-8":
        text = data.decode(encoding)
    else:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    if "\0" in text:
        raise UnicodeDecodeError(encoding, data, 0, 1, "zero bytes")
    return text


def byte_order(start: bytes) -> tuple[bytes, str]:
    """The byte order mark that a text begins with (b'' if none) and its encoding: UTF-8 if there is no mark."""
    return next(((mark, encoding) for mark, encoding in _MARKS if start.startswith(mark)), (b"", "utf-8"))


def lines(text: str) -> list[str]:
    """The lines, whichever of the three line ends they have. Nothing else ends a line, as in C."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def kind_of(rows: Iterable[str]) -> str:
    """What a text is by its first line that is no comment: 'a cfg', 'a .data file', 'a data.yaml', or ''."""
    first = next((row.strip() for row in rows if row.strip() and row.strip()[0] not in "#;"), "")
    if re.match(r"\[net(work)?\]", first):
        return "a cfg"
    if re.match(r"(path|train|val|nc|names)\s*:", first):
        return "a data.yaml"
    return "a .data file" if re.match(r"(classes|train|valid|names)\s*=", first) else ""


def refuse_kinds(
    rows: Iterable[str], others: Iterable[str], expected: str, error: Callable[[str], DarknetError]
) -> None:
    """`error` for a text that is one of the `others`, which users take for what is expected."""
    kind = kind_of(rows)
    if kind in others:
        todo = (
            "`pydarknet data yolo FILE` makes a .data file of it"
            if "yaml" in kind
            else "are the files in the right order?"
        )
        raise error(f"is {kind}; expected {expected}; {todo}")


def short(text: str, limit: int = 60) -> str:
    """The beginning of a text that may be too long for a message."""
    return text if len(text) <= limit else text[:limit] + "..."


def counted(number: int, one: str, many: str = "") -> str:
    """`1 image`, `1,024 images`, `3 boxes`: so many of a thing, for people. `many` where s or es isn't its plural."""
    return f"{number:,} {one if number == 1 else many or one + ('es' if one.endswith(('s', 'x')) else 's')}"


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the choice that is `closest`, or ''."""
    close = closest(word, choices)
    return "" if close is None else f"; did you mean {close!r}?"


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that is spelled nearly as the word, if there is one. Dashes in front make nothing alike."""
    from difflib import get_close_matches

    bare = {each.lstrip("-"): each for each in sorted(choices)}
    close = get_close_matches(word[:64].lstrip("-"), bare, n=1, cutoff=0.7)
    return bare[close[0]] if close else None


def csv_text(text: str) -> str:
    """A name as a cell of a CSV file: behind an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


# After a user's name, up to the last @, since passwords are often typed as they are; and as parameters of cameras:
# ?password=..., /user=admin_password=...
_PASSWORDS = re.compile(
    r"(?<=://)([^/@:?#]*:).*(?=@)|((?:pass(?:word|wd)?|pwd?|psw|secret|token|key|auth)=)[^&_/?#\s]+", re.IGNORECASE
)


def without_password(address: str) -> str:
    """An address to be shown."""
    return _PASSWORDS.sub(lambda match: f"{match[1] or match[2]}***", address)


def is_address(given: object) -> TypeGuard[str]:
    """Whether it is the http or https address of a file."""
    return isinstance(given, str) and given.lower().startswith(("http://", "https://"))
