"""The small text files around a network: .data, .names, .labels, .map and lists of images."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from ..errors import DataError, locate
from .numbers import INT_MAX, INT_MIN, read_int
from .resources import find, moved
from .text import counted, did_you_mean, lines, read_text, refuse_kinds, short

MAX_BYTES = 64 << 20
MAX_LIST_BYTES = 1 << 30  # ten million paths
MAX_CLASSES = 1_000_000  # a hundred times the largest published network's

_KEYS = """classes train valid test names labels backup results eval map tree leaves top tag saveweights
    savelast difficult labels_match train_boxes train_classes mix unboxed"""
KNOWN_KEYS = frozenset(_KEYS.split())

_COMMENT = re.compile(r"(?:[ \t]+(?:#|;|//).*|[ \t]*[,;])+$")  # behind a value
_COMMENT_OF_NUMBER = re.compile(r"[ \t]*[#;].*$")


@dataclass
class DataFile:
    """The options of a .data file as text, without comments behind them; `lines` has the line of each key, `written`
    the text as it stands where that is another one."""

    file: str
    options: dict[str, str]
    lines: dict[str, int]
    warnings: list[str] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)

    @overload
    def get(self, key: str) -> str | None: ...
    @overload
    def get(self, key: str, default: str) -> str: ...
    def get(self, key: str, default: str | None = None) -> str | None:
        """The text of an option, or the default."""
        return self.options.get(key, default)

    def str_(self, key: str) -> str:
        """The text of an option that must be there."""
        if key not in self.options:
            raise DataError.at(self.file, None, f"{key!r} is missing; add a line {key} = ...")
        return self.options[key]

    def int_(self, key: str, default: int, low: int = INT_MIN, high: int = INT_MAX) -> int:
        """An option that is an integer. DataError if there is none, or more, or it is outside low..high."""
        if key not in self.options:
            return default
        text = _COMMENT_OF_NUMBER.sub("", self.options[key])
        value, warning = read_int(text)
        if warning:
            raise self.error(f"expected an integer, found {short(text)!r}", key)
        if not low <= value <= high:
            raise self.error(f"expected a number from {low} to {high}, found {value}", key)
        return value

    def classes(self, default: int) -> int:
        """`classes`, 0 where they aren't known. DataError for what can be no number of classes."""
        return self.int_("classes", default, 0, MAX_CLASSES)

    def path(self, key: str) -> Path:
        """The file that an option names, whatever the current folder; with a warning one that was moved together with
        this one. DataError with the places tried."""
        name = self.str_(key)
        with suppress(DataError):
            return find(self.written.get(key, name), relative_to=self.file)
        try:
            return find(name, relative_to=self.file)
        except DataError as error:
            place = moved(name, self.file)
            if place is None:
                raise self.error(str(error), key) from error
        warning = f"{locate(self.file, self.lines.get(key))}: {key}: {name} isn't there, {place} is taken"
        if warning not in self.warnings:
            self.warnings.append(warning)
        return Path(place)

    def error(self, message: str, key: str) -> DataError:
        """The error to raise, placed at the key's line."""
        return DataError.at(self.file, self.lines.get(key), f"{key}: {message}")


def read_data(path: str | PathLike[str]) -> DataFile:
    """Read a .data file: the options of a cfg without sections, except that blanks inside a value stay.

    Darknet knows no comments behind a value; here they don't count, nor does a comma at the end. A name that is no
    path is looked for as `find` does. DataError.
    """
    name = _place(path)
    if os.path.isdir(name):
        raise DataError(f"{name}: can't be read: it is a folder; expected a .data file{_made_for(name)}")
    data = DataFile(name, {}, {})
    for number, line in enumerate(
        _lines_but(name, "a .data file, lines like names = data/coco.names", ["a cfg", "a data.yaml"]), 1
    ):
        key, equals, value = (part.strip() for part in line.partition("="))
        key = "".join(key.split())
        place = locate(name, number)
        if not line or line[0] in "#;":
            continue
        if not equals:
            data.warnings.append(f"{place}: {short(line)!r} is ignored: expected key = value")
        elif not value:
            data.warnings.append(f"{place}: {short(key)!r} has no value: its default is used")
        elif key in data.options:
            first = data.lines[key]
            data.warnings.append(f"{place}: {key!r} is given again: line {first} counts, as in Darknet")
        else:
            data.options[key], data.lines[key] = _COMMENT.sub("", value) or value, number
            if data.options[key] != value:
                data.written[key] = value
            if key not in KNOWN_KEYS:
                hint = did_you_mean(key, KNOWN_KEYS)
                data.warnings.append(f"{place}: unknown key {short(key)!r} is ignored{hint}")
    if not data.options:
        raise DataError.at(name, None, "has no options; expected lines like names = data/coco.names")
    return data


def _made_for(folder: str) -> str:
    """Where the .data file of a folder is, or what makes one."""
    if found := sorted(Path(folder).glob("*.data")):
        return f"; did you mean {found[0]}?"
    return (
        f"; `pydarknet data yolo {folder}` makes one of labelled images, `pydarknet data classes {folder}` of a "
        "folder for each class"
    )


def read_names(path: str | PathLike[str], classes: int = 0) -> list[str]:
    """The names of the classes, one a line; empty lines at the end don't count.

    A name that is no path is looked for as `find` does. DataError if the file is empty or has fewer names than
    `classes`.
    """
    name = _place(path)
    names = _without_empty_end(_lines_but(name, "one name a line", ["a cfg", "a .data file", "a data.yaml"]))
    if not names or len(names) < classes:
        expected = f"at least {classes} names" if classes else "one name a line"
        raise DataError.at(name, None, f"expected {expected}, found {len(names)}; is it of another network?")
    return names


def class_name(names: Sequence[str], class_id: int) -> str:
    """The name of a class, or its number where there is none."""
    return names[class_id] if 0 <= class_id < len(names) else str(class_id)


def spare_names(names: Sequence[str], classes: int, origin: str) -> list[str]:
    """A warning if there are more names than classes."""
    if len(names) <= classes:
        return []
    return [f"{origin}: has {len(names)} names for {counted(classes, 'class')}; the first {classes} count"]


def read_labels(path: str | PathLike[str], classes: int = 0) -> list[str]:
    """The labels that are looked for in the paths of images; like names, but none may be empty."""
    labels = read_names(path, classes)
    if "" in labels:
        raise DataError.at(fspath(path), labels.index("") + 1, "expected a label, found an empty line")
    return labels


def read_map(path: str | PathLike[str], *, length: int = 0, nodes: int | None = None) -> npt.NDArray[np.int32]:
    """The numbers of a map, one a line: the node of the tree for each class of a data set.

    DataError on anything but numbers from 0 (and below `nodes`), and on fewer than `length` lines.
    """
    name = _place(path)
    numbers = []
    for line_number, line in enumerate(_without_empty_end(_lines(name, MAX_BYTES)), 1):
        value, warning = read_int(line)
        if warning:
            raise DataError.at(name, line_number, f"expected an integer, found {short(line)!r}")
        if value < 0 or (nodes is not None and value >= nodes):
            limit = "" if nodes is None else f" to {nodes - 1}"
            raise DataError.at(name, line_number, f"expected a number from 0{limit}, found {value}")
        numbers.append(value)
    if not numbers or len(numbers) < length:
        raise DataError.at(
            name, None, f"expected at least {max(length, 1)} lines, one for each class, found {len(numbers)}"
        )
    return np.array(numbers, np.int32)


def read_list(path: str | PathLike[str]) -> list[str]:
    """The paths of an image list, one a line, as they are written; empty lines don't count."""
    name = fspath(path)
    paths = [line for line in _lines(name, MAX_LIST_BYTES) if line]
    if not paths:
        raise DataError.at(name, None, "is empty; expected the path of an image on each line")
    return paths


def _place(path: str | PathLike[str]) -> str:
    """A path as it is, or the file of a relative one that isn't there, as `find` has it."""
    name = fspath(path)
    return name if os.path.isabs(name) or os.path.exists(name) else fspath(find(name))


def _lines_but(name: str, expected: str, others: Sequence[str]) -> list[str]:
    """The lines of a file that is none of the `others` that users take for it. DataError."""
    rows = _lines(name, MAX_BYTES)
    refuse_kinds(rows, others, expected, lambda message: DataError.at(name, None, message))
    return rows


def _lines(name: str, limit: int) -> list[str]:
    text = read_text(name, limit, lambda message: DataError.at(name, None, message))
    return [line.strip(" \t") for line in lines(text)]


def _without_empty_end(items: list[str]) -> list[str]:
    while items and not items[-1]:
        items.pop()
    return items
