"""Detection in videos with the outputs of the last few frames averaged, as Darknet's demo does, and with what
recurrent layers remember of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plan.session import Session

if TYPE_CHECKING:
    from ..backends.ops import Array
    from ..detection.options import DetectOptions
    from ..detection.results import Detection
    from ..images.image import Image
    from ..layers import Head
    from ..network import Network


class Averager:
    """Averages what the heads give over the last `frames` frames, which are in the `session`, as is the state of
    recurrent layers.

    Darknet counts the frames before the first one as zeros, so that its first detections are too weak; here the
    mean is over the frames there are.
    """

    def __init__(self, net: Network, frames: int, session: Session | None = None) -> None:
        self._net, self._frames = net, frames
        self.session = session or Session(net.backend)

    def detect(self, image: Image, options: DetectOptions) -> list[Detection]:
        """Detections by the mean of the heads' outputs."""
        with self._net.head_outputs([image], options.fit, session=self.session) as outputs:
            means = {head.index: self._mean(head, outputs[head.index]) for head in self._net.heads()}
        return self._net.decode(means, [image], options)[0]

    def _mean(self, head: Head, output: Array) -> Array:
        """That of the head's output for this frame, and for those before it, (F, C, H, W) in the session."""
        import numpy as np

        key, new = head.key("frames"), self._net.backend.to_host(output)
        past = self.session.arrays.get(key, new[:0])
        frames = self.session.arrays[key] = np.concatenate([past, new])[-self._frames :]
        return self._net.backend.to_device(frames.mean(axis=0, dtype=np.float32)[None])
