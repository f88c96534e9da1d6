"""The classes of keys, and the short names of sections.

Each key of a section is read (a getter asks for it), of training only, idle, or refused. The layer that owns the
section declares the last three in its `keys`; `pydarknet.graph.graph` does so for [net]. Any other key is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from .numbers import read_float, read_int

Value: TypeAlias = "int | float | str | tuple[int, ...] | tuple[float, ...]"

ALIASES = {
    "network": "net",
    "conv": "convolutional",
    "deconv": "deconvolutional",
    "conn": "connected",
    "max": "maxpool",
    "local_avg": "local_avgpool",
    "avg": "avgpool",
    "soft": "softmax",
    "lrn": "normalization",
    "Gaussian_yolo": "gaussian_yolo",
    "silence": "empty",
}


@dataclass(frozen=True)
class Refusal:
    """Why a key is not followed: `what` it would do, and the values at which it does nothing, the first as advice;
    without any the key is better left out."""

    what: str
    harmless: tuple[int | float | str, ...] = (0,)

    def allows(self, text: str) -> bool:
        """Whether the option's text is one of the harmless values."""
        return any(equals(text, value) for value in self.harmless)


@dataclass(frozen=True)
class Keys:
    """What a layer declares of the keys that it doesn't read when it is made.

    training: read in training, or warned about there unless the value is this one, which is as good as no key
    idle: they steer display, tracking, speed or memory of other programs, or belong to a key that is refused
    refused: an error, unless harmless
    """

    training: Mapping[str, Value] = field(default_factory=dict)
    idle: str = ""
    refused: Mapping[str, Refusal] = field(default_factory=dict)

    def __or__(self, other: Keys) -> Keys:
        return Keys(
            {**self.training, **other.training}, f"{self.idle} {other.idle}", {**self.refused, **other.refused}
        )

    @property
    def names(self) -> set[str]:
        """All keys declared."""
        return {*self.training, *self.idle.split(), *self.refused}


def equals(text: str, value: Value) -> bool:
    """Whether an option's text, read as the type of the value, is the value."""
    if isinstance(value, int):
        return read_int(text)[0] == value
    return read_float(text)[0] == value if isinstance(value, float) else text == value


def canonical(section_type: str) -> str:
    """The long name of a section type: `conv` is `convolutional`."""
    return ALIASES.get(section_type, section_type)
