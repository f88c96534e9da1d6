"""Detection in films with the outputs of the last few frames averaged, as Darknet's demo does."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..detection.decode import Floats
    from ..detection.results import Detection
    from ..heads import DetectOptions
    from ..images.image import Picture
    from ..network import Network


class Averager:
    """Keeps what the heads gave for the last `frames` frames.

    Darknet counts the frames before the first one as zeros, so that its first detections are too weak; here the
    mean is over the frames there are.
    """

    def __init__(self, net: Network, frames: int) -> None:
        self._net = net
        self._memory: dict[int, deque[Floats]] = {layer.index: deque(maxlen=frames) for layer in net.heads()}

    def detect(self, image: Picture, options: DetectOptions) -> list[Detection]:
        """Detections by the mean of the heads' outputs."""
        from ..detection.decode import join, to_detections
        from ..heads import candidates, head_tree, suppression

        net, heads = self._net, self._net.heads()
        with net.plan(1) as plan:
            net.fit_pictures(plan.input, [image], options.fit)
            plan.run()
            for index, memory in self._memory.items():
                memory.append(net.backend.to_host(plan.outputs[index])[0].copy())
        found = [candidates(layer, self._mean(layer.index), net.inputs, options) for layer in heads]
        height, width = image.shape[:2]
        kind, beta = suppression(heads, options.nms_kind, options.beta_nms)
        return to_detections(
            join(found),
            net.names,
            width,
            height,
            net.width,
            net.height,
            fit=options.fit,
            nms=options.nms,
            nms_kind=kind,
            beta_nms=beta,
            tree=head_tree(heads),
            backend=net.backend,
        )

    def _mean(self, index: int) -> Floats:
        import numpy as np

        mean: Floats = np.mean(self._memory[index], axis=0, dtype=np.float32)
        return mean
