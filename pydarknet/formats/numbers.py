"""Numbers in text as C reads them: atoi and atof, with a word about what they would pass over in silence."""

from __future__ import annotations

import re

from .text import short

INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1
FLOAT_MAX = 3.4028234663852886e38  # of float32, which every number ends up in

NOT_A_NUMBER = "not a number, read as 0"

_INT = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEX = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?")
_SPECIAL = re.compile(r"[+-]?(?:infinity|inf|nan)", re.IGNORECASE)


def read_int(text: str) -> tuple[int, str]:
    """The leading integer of `text` clamped to 32 bits (0 if there is none), and a warning ('' if none)."""
    match = _INT.match(text)
    if not match:
        return 0, NOT_A_NUMBER
    digits = match.group()
    # Python refuses thousands of digits; ten are enough to know that it is out of range.
    negative, magnitude = digits[0] == "-", digits.lstrip("+-").lstrip("0")
    value = int(magnitude[:11] or "0") * (-1 if negative else 1)
    clamped = min(max(value, INT_MIN), INT_MAX)
    if clamped != value:
        return clamped, f"too large for 32 bits, read as {clamped}"
    return value, _tail(text, match.end(), value)


def read_float(text: str) -> tuple[float, str]:
    """The leading number of `text` (0 if there is none; may be infinite or NaN), and a warning ('' if none)."""
    if match := _HEX.match(text):
        try:
            value = float.fromhex(match.group())
        except OverflowError:
            value = float("inf")
    elif match := _FLOAT.match(text) or _SPECIAL.match(text):
        value = float(match.group())
    else:
        return 0.0, NOT_A_NUMBER
    return value, _tail(text, match.end(), value)


def _tail(text: str, end: int, value: float) -> str:
    return f"{short(text[end:], 40)!r} after the number is ignored, read as {value}" if end < len(text) else ""
