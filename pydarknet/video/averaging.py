"""Detection in videos with the outputs of the last few frames averaged, as Darknet's demo does."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..backends.ops import Array
    from ..detection.decode import Floats
    from ..detection.options import DetectOptions
    from ..detection.results import Detection
    from ..images.image import Picture
    from ..network import Network


class Averager:
    """Keeps what the heads gave for the last `frames` frames.

    Darknet counts the frames before the first one as zeros, so that its first detections are too weak; here the
    mean is over the frames there are.
    """

    def __init__(self, net: Network, frames: int) -> None:
        self._net = net
        self._memory: dict[int, deque[Floats]] = {head.index: deque(maxlen=frames) for head in net.heads()}

    def detect(self, image: Picture, options: DetectOptions) -> list[Detection]:
        """Detections by the mean of the heads' outputs."""
        net = self._net
        with net.head_outputs([image], options.fit) as outputs:
            for index, memory in self._memory.items():
                memory.append(net.backend.to_host(outputs[index]).copy())
        means = {index: self._mean(index) for index in self._memory}
        return net.decode(means, [image], options)[0]

    def _mean(self, index: int) -> Array:
        import numpy as np

        mean: Floats = np.mean(self._memory[index], axis=0, dtype=np.float32)
        return self._net.backend.to_device(mean)
