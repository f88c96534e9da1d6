"""Checks of arguments from code: a ValueError says the name, what was expected, what was found, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import SupportsIndex


def check_share(name: str, value: object) -> None:
    """ValueError unless `value` is a number from 0 to 1."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected a number from 0 to 1, found {value!r}") from None
    if not 0 <= number <= 1:
        raise ValueError(f"{name}={number:g}: expected a number from 0 to 1{percent_hint(number)}")


def percent_hint(number: float) -> str:
    """What to say of a number that may be meant as percent."""
    return f"; for {number:g} percent give {number / 100:g}" if 1 < number <= 100 else ""


def check_choice(name: str, value: object, among: Sequence[str]) -> None:
    """ValueError unless `value` is one of these words."""
    if value not in among:
        raise ValueError(f"{name}={value!r}: expected one of {', '.join(among)}")


def check_count(name: str, value: object) -> None:
    """ValueError unless `value` is a whole number above 0."""
    if not isinstance(value, SupportsIndex) or index(value) < 1:
        raise ValueError(f"{name}={value!r}: expected a whole number of at least 1")
