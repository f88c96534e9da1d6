"""Texts as rows of numbers below a network's inputs: bytes, or tokens that another program has numbered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike, fspath
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import CfgError, DataError
from ..formats.text import read_bytes, short
from ..graph.graph import Graph

MAX_BYTES = 1 << 34
NEWLINE = b"<NEWLINE>"
Numbers: TypeAlias = npt.NDArray[np.int64]
_NUMBER = re.compile(rb"[+-]?[0-9]{1,18}")


def read_characters(path: str | PathLike[str], inputs: int) -> Numbers:
    """The bytes of a text file, as Darknet takes characters. DataError for a zero byte, at which Darknet ends, one
    that the network has no input for, or less than two."""
    name = fspath(path)
    data = _read(name)
    found = np.frombuffer(data, np.uint8).astype(np.int64)
    if (at := data.find(0)) >= 0:
        raise DataError(f"{name}: byte {at + 1} is zero; expected a text file")
    return checked(name, found, inputs, "byte")


def read_tokens(path: str | PathLike[str], inputs: int) -> Numbers:
    """The numbers of a file with -tokenized. DataError for anything else in it, and as `read_characters`."""
    name = fspath(path)
    words = _read(name).split()
    for i, word in enumerate(words):
        if not _NUMBER.fullmatch(word):
            found = short(word.decode("utf-8", "replace"))
            raise DataError(f"{name}: number {i + 1}: expected the number of a token, found {found!r}")
    return checked(name, np.array([int(word) for word in words], np.int64), inputs, "number")


def checked(name: str, found: Numbers, inputs: int, what: str) -> Numbers:
    """The numbers. DataError if there are less than two, or one isn't among the inputs."""
    if len(found) < 2:
        raise DataError(f"{name}: holds {len(found)} {what}s; expected at least 2, one to follow the other")
    wrong = np.flatnonzero((found < 0) | (found >= inputs))
    if len(wrong):
        raise DataError(
            f"{name}: {what} {wrong[0] + 1} is {found[wrong[0]]}, the network has inputs for 0 to {inputs - 1}; set "
            "inputs= in [net], or take another text"
        )
    return found


def read_names(path: str | PathLike[str]) -> list[bytes]:
    """What tokens are printed as: a line each, <NEWLINE> for the end of one. DataError if there are none."""
    lines = _read(fspath(path)).splitlines()
    if not lines:
        raise DataError(f"{fspath(path)}: is empty; expected a token in each line")
    return [b"\n" if line == NEWLINE else line for line in lines]


def numbers_of(text: bytes, inputs: int, name: str) -> list[int]:
    """The bytes of a short text. DataError for one that the network has no input for."""
    wrong = next((byte for byte in text if byte >= inputs), None)
    if wrong is not None:
        raise DataError(f"{name}: byte {wrong} isn't below the network's {inputs} inputs")
    return list(text)


def printed(number: int, names: Sequence[bytes] | None) -> bytes:
    """A symbol as Darknet prints it. DataError for a token without a name."""
    if names is None:
        return bytes([number % 256])
    if number >= len(names):
        raise DataError(f"token {number} has no name: -tokens has {len(names)} lines; expected one for each input")
    return names[number] + b" "


def check_text_network(graph: Graph) -> int:
    """How many symbols the network knows. CfgError unless it gives a number for each of its inputs."""
    inputs, outputs = graph.inputs.size, graph.outputs.size
    if graph.heads() or outputs != inputs:
        raise CfgError(
            graph.cfg.file,
            graph.layers[graph.output_index].section.line,
            f"gives {outputs} numbers for {inputs} inputs: expected a network for text, with a probability for each "
            "symbol that may come next",
        )
    return inputs


def _read(name: str) -> bytes:
    return read_bytes(name, MAX_BYTES, lambda message: DataError(f"{name}: {message}"))
