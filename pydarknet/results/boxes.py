"""The boxes of an image as arrays, by the names that Ultralytics gave them and that others read them by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from ..detection.results import Detection


class HostArray(np.ndarray[Any, Any]):
    """A NumPy array that knows a tensor's ways to NumPy, for code that was written for tensors."""

    def cpu(self) -> HostArray:
        return self

    def numpy(self) -> npt.NDArray[Any]:
        return np.asarray(self)

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())


def _host(values: npt.NDArray[Any]) -> HostArray:
    return values.view(HostArray)


class Boxes:
    """The boxes of N detections in an image of (height, width) pixels; all arrays have a row for each.

    `xyxy` (N, 4): left, top, right, bottom in pixels; `xywh` (N, 4): centre, width, height; `xyxyn`, `xywhn`: the
    same as shares of the image. `conf` (N,): confidence 0..1; `cls` (N,): number of the class; `id`: None, boxes of
    single images have no track. `data` (N, 6): xyxy, conf, cls. All float32. Boxes may reach beyond the image.
    Iterated over, each is `Boxes` of one row; an index, a slice or a mask gives those rows.
    """

    id = None
    is_track = False

    def __init__(self, detections: Sequence[Detection], shape: tuple[int, int]) -> None:
        rows = [(*each.box, each.confidence, each.class_id) for each in detections]
        self._rows = np.array(rows, np.float32).reshape(-1, 6)
        self.orig_shape = shape

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: Any) -> Boxes:
        part = copy(self)
        part._rows = self._rows[at].reshape(-1, 6)
        return part

    def __iter__(self) -> Iterator[Boxes]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<Boxes: {len(self)} in an image of {self.orig_shape[1]} x {self.orig_shape[0]}>"

    @property
    def xywh(self) -> HostArray:
        return _host(self._rows[:, :4].copy())

    @property
    def xyxy(self) -> HostArray:
        centre, half = self._rows[:, :2], self._rows[:, 2:4] / 2
        return _host(np.concatenate([centre - half, centre + half], axis=1))

    @property
    def xywhn(self) -> HostArray:
        return _host(self.xywh / self._size())

    @property
    def xyxyn(self) -> HostArray:
        return _host(self.xyxy / self._size())

    @property
    def conf(self) -> HostArray:
        return _host(self._rows[:, 4].copy())

    @property
    def cls(self) -> HostArray:
        return _host(self._rows[:, 5].copy())

    @property
    def data(self) -> HostArray:
        return _host(np.concatenate([self.xyxy, self._rows[:, 4:]], axis=1))

    @property
    def shape(self) -> tuple[int, ...]:
        return self._rows.shape

    def cpu(self) -> Boxes:
        return self

    def numpy(self) -> Boxes:
        return self

    def _size(self) -> npt.NDArray[np.float32]:
        height, width = self.orig_shape
        return np.array([width, height, width, height], np.float32)
