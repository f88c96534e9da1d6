"""What pjreddie's darknet.py has of its own that AlexeyAB's, and the calls of 2017, use too."""

from __future__ import annotations

import random
from ctypes import POINTER, Structure, c_float, c_int
from typing import Any

from ._networks import BOX


class DETECTION(Structure):
    """One box and the probabilities of its classes."""

    _fields_ = [
        ("bbox", BOX),
        ("classes", c_int),
        ("prob", POINTER(c_float)),
        ("mask", POINTER(c_float)),
        ("objectness", c_float),
        ("sort_class", c_int),
    ]


def sample(probs: Any) -> int:
    """An index drawn with these weights."""
    rest = random.uniform(0, 1) * sum(probs)
    for index, weight in enumerate(probs):
        rest -= weight
        if rest <= 0:
            return index
    return len(probs) - 1


def c_array(ctype: Any, values: Any) -> Any:
    """A C array with these values."""
    return (ctype * len(values))(*values)
