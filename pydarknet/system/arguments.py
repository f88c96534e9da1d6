"""Checks of arguments from code: a ValueError says the name, what was expected, what was found, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from operator import index
from os import PathLike, fspath
from typing import SupportsIndex


def check_share(name: str, value: object) -> None:
    """ValueError unless `value` is a number from 0 to 1."""
    number = _number(value)
    if number is None:
        raise ValueError(f"{name}: expected a number from 0 to 1, found {value!r}")
    if not 0 <= number <= 1:
        raise ValueError(f"{name}={number:g}: expected a number from 0 to 1{percent_hint(number)}")


def check_number(name: str, value: object, wanted: str, low: float, high: float = inf) -> None:
    """ValueError unless `value` is a number from `low` to `high`, which `wanted` says in words."""
    number = _number(value)
    if number is None or not low <= number <= high:
        raise ValueError(f"{name}={value!r}: expected {wanted}")


def percent_hint(number: float) -> str:
    """What to say of a number that may be meant as percent."""
    return f"; for {number:g} percent give {number / 100:g}" if 1 < number <= 100 else ""


def check_choice(name: str, value: object, among: Sequence[str]) -> None:
    """ValueError unless `value` is one of these words."""
    if value not in among:
        raise ValueError(f"{name}={value!r}: expected one of {', '.join(among)}")


def check_count(name: str, value: object, least: int = 1) -> None:
    """ValueError unless `value` is a whole number of at least so much."""
    if not isinstance(value, SupportsIndex) or index(value) < least:
        raise ValueError(f"{name}={value!r}: expected a whole number of at least {least}")


def check_flag(name: str, value: object) -> None:
    """ValueError unless `value` is True or False, of whatever type."""
    if isinstance(value, str) or value not in (0, 1):
        raise ValueError(f"{name}={value!r}: expected True or False")


def check_path(name: str, value: object) -> None:
    """ValueError unless `value` is the path of a file."""
    if not isinstance(value, (str, PathLike)) or not isinstance(fspath(value), str):
        raise ValueError(f"{name}: expected a path, found {value!r}")


def _number(value: object) -> float | None:
    """A number of whatever type, or None for what is none."""
    try:
        return None if isinstance(value, (str, bytes)) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
