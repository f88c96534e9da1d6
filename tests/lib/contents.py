"""Calls whose arrays are right and whose contents are wrong: errors where the host reads them, as the CPU's do. A
device's launchers see no contents; there the kernels must survive them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeAlias

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from pydarknet.errors import DeviceError

Refused: TypeAlias = Callable[[str], AbstractContextManager[Any]]  # the fixture of conftest.py


def contents(*values: Any) -> Any:
    """Parameters of a test that are wrong by contents alone; the others are errors everywhere."""
    return pytest.param(*values, marks=pytest.mark.contents)


@contextmanager
def survived(ops: Ops) -> Iterator[None]:
    """Inside, a call with wrong contents ends well, and the device computes as before.

    Numbers that are nobody's may be written twice: to the emulator that is a race.
    """
    try:
        yield
    except DeviceError as error:
        if ": race: " not in str(error):
            raise
    probe = np.zeros(7, np.float32)
    ops.fill(probe, 0.5)
    assert (probe == 0.5).all()
