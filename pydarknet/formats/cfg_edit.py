"""Other values in the file of a cfg, which otherwise stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .cfg import Cfg
from .text import byte_order, decode

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|$)")


def _in_bytes(data: bytes) -> bytes:
    """A cfg in UTF-16 or UTF-32 as UTF-8, whose lines and values can be told by their bytes; others as they are."""
    return data if byte_order(data)[1] == "utf-8" else decode(data).encode()


def edited(data: bytes, cfg: Cfg, edits: Mapping[int, Mapping[str, str]]) -> bytes:
    """The file `data`, which was read as `cfg`, with other values of keys.

    `edits` has the values by the line of their section. Keys that are not there come first in it; everything else
    stays, comments, spelling and line ends included.
    """
    rows = _LINE.findall(_in_bytes(data))
    for section in (cfg.net, *cfg.sections):
        for key, value in edits.get(section.line, {}).items():
            if key in section.lines:
                row = rows[section.lines[key] - 1]
                before, after = _around(row)
                rows[section.lines[key] - 1] = before + value.encode() + after
            else:
                header = rows[section.line - 1]
                ending = _ending(header) or b"\n"
                body = header[: len(header) - len(_ending(header))]
                rows[section.line - 1] = body + ending + f"{key}={value}".encode() + _ending(header)
    return b"".join(rows)


def _around(row: bytes) -> tuple[bytes, bytes]:
    """What stands around a value: its key; and a remark, which Darknet takes for a part of the value, and the end."""
    start = row.index(b"=") + 1
    start += len(row[start:]) - len(row[start:].lstrip(b" \t"))
    value = re.split(rb"[#;\r\n]", row[start:], maxsplit=1)[0].rstrip(b" \t")
    return row[:start], row[start + len(value) :]


def _ending(row: bytes) -> bytes:
    return row[len(row.rstrip(b"\r\n")) :]
