"""What one caller carries from run to run: it stands beside the plans, which any caller may be lent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..backends.base import Backend
from ..backends.ops import Array


class Session:
    """The state of one caller's sequence of runs: the memory of recurrent layers, the outputs of past frames.

    `arrays` are by `layer.key(name)`, NumPy's or the backend's; what isn't there is zero. A session belongs to one
    sequence: one caller at a time, and always as many images.
    """

    def __init__(self, backend: Backend, arrays: Mapping[str, Array] | None = None) -> None:
        self._backend = backend
        self.arrays: dict[str, Array] = dict(arrays or {})

    def reset(self, stream: int | None = None) -> None:
        """Begin another sequence; with `stream` that of one of the images only."""
        if stream is None:
            self.arrays = {}
        for array in self.arrays.values():
            self._backend.write(array[stream], np.zeros(array.shape[1:], np.float32))

    def save(self) -> dict[str, npt.NDArray[Any]]:
        """Copies on the host, for `load`, np.savez and the like."""
        return {
            key: np.array(array if isinstance(array, np.ndarray) else self._backend.to_host(array))
            for key, array in self.arrays.items()
        }

    def load(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from what `save` gave."""
        self.arrays = {key: np.array(array) for key, array in arrays.items()}

    def enter(self, carried: Mapping[str, Array]) -> None:
        """Bring the state into the arrays of a plan, before its run. ValueError for a state of another shape."""
        for key, target in carried.items():
            array = self.arrays.get(key)
            if array is not None and tuple(array.shape) != tuple(target.shape):
                raise ValueError(
                    f"the session's {key} has the shape {tuple(array.shape)}, this run takes {tuple(target.shape)}: "
                    "a session is for one size and number of images; reset() begins anew"
                )
            self._backend.write(target, np.zeros(target.shape, np.float32) if array is None else array)

    def leave(self, carried: Mapping[str, Array]) -> None:
        """Take the state out of the plan after its run, into arrays that nobody else has."""
        self.arrays = self.arrays | {key: self._backend.copy(array) for key, array in carried.items()}
