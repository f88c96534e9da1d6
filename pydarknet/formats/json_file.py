"""JSON files of other programs, and the numbers in them."""

from __future__ import annotations

import json
from typing import Any

from ..errors import DataError
from .text import read_text

MAX_BYTES = 4 << 30  # of a results file


def read_json(name: str) -> Any:
    """The content of a JSON file. DataError if it has none."""
    text = read_text(name, MAX_BYTES, lambda message: DataError.at(name, None, message))
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError.at(name, getattr(error, "lineno", None), f"is no JSON: {error}") from error


def whole(value: Any) -> int:
    """A number of a JSON file as an integer. ValueError, TypeError or OverflowError if it is none."""
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("has a fraction")
    return int(value)
