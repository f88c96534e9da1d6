"""One program of the comparison in a process of its own: `programs.py NAME THREADS CFG WEIGHTS OUT.npz`.

Serves runs of one image. OUT.npz gets what the network gave, for the comparison with the others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from serving import Run, pin, serve

Floats = npt.NDArray[np.float32]


class Ours:
    """`Network.forward`."""

    def __init__(self, cfg: str, weights: str, threads: int) -> None:
        from pydarknet import Network

        self.net = Network(cfg, weights, threads=threads)

    def run(self, x: Floats) -> Run:
        return lambda: self.net.forward(x)

    def results(self, x: Floats) -> dict[str, Floats]:
        """The network's heads and what goes into them (the last output of a classifier)."""
        self.net.forward(x)
        heads = self.net.heads()
        results = {f"before{i}": self.net.layers[h.index - 1].output for i, h in enumerate(heads)}
        results |= {f"head{i}": h.output for i, h in enumerate(heads)}
        if self.net.is_lazy:
            results |= self.found(x, lazy=False)
        return results or {"before0": self.net.layers[self.net.output_index].output}

    def found(self, x: Floats, lazy: bool) -> dict[str, Floats]:
        """The detections, with all classes or those that the walk down the tree looks at."""
        from pydarknet.detection.options import DEFAULTS

        net = self.net
        image = np.zeros((net.height, net.width, 3), np.uint8)  # nothing but its size counts
        with net.plan(1, lazy=lazy) as plan:
            net.backend.write(plan.input, x)
            plan.run()
            (found,) = net.decode(plan.outputs, [image], DEFAULTS)
        return {"found": np.array([[each.class_id, each.confidence, *each.box] for each in found], np.float32)}


class OursLazy(Ours):
    """From the network's input to detections, computing only those classes of a tree that the walk looks at."""

    def run(self, x: Floats) -> Run:
        return lambda: self.found(x, lazy=True)

    def results(self, x: Floats) -> dict[str, Floats]:
        return self.found(x, lazy=True)


class PyTorch:
    """Eager mode, channels last, without the heads' own activations."""

    def __init__(self, cfg: str, weights: str, threads: int) -> None:
        import torch
        from pytorch_model import build

        from pydarknet import Network

        torch.set_num_threads(threads)
        self.torch = torch
        self.model = build(Network(cfg, weights))

    def run(self, x: Floats) -> Run:
        tensor = self.torch.from_numpy(x).to(memory_format=self.torch.channels_last)

        def once() -> Any:
            with self.torch.inference_mode():
                return self.model(tensor)

        return once

    def results(self, x: Floats) -> dict[str, Floats]:
        return {f"before{i}": y.numpy() for i, y in enumerate(self.run(x)())}


class OnnxRuntime:
    """Our export, batch norm folded, heads included."""

    def __init__(self, cfg: str, weights: str, threads: int) -> None:
        import onnxruntime

        from pydarknet import Network
        from pydarknet.export.onnx import build

        model = build(Network(cfg, weights), boxes=False).SerializeToString()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name

    def run(self, x: Floats) -> Run:
        return lambda: self.session.run(None, {self.name: x})

    def results(self, x: Floats) -> dict[str, Floats]:
        outputs = self.session.run(None, {self.name: x})
        kind = "head" if len(outputs[0].shape) == 4 and outputs[0].shape[2] > 1 else "before"
        return {f"{kind}{i}": y for i, y in enumerate(outputs)}


class OpenVino:
    """The same model, in float32."""

    def __init__(self, cfg: str, weights: str, threads: int) -> None:
        import openvino

        from pydarknet import Network
        from pydarknet.export.onnx import build

        model = build(Network(cfg, weights), boxes=False).SerializeToString()
        core = openvino.Core()
        options = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        self.model = core.compile_model(core.read_model(model), "CPU", options)
        self.request = self.model.create_infer_request()

    def run(self, x: Floats) -> Run:
        return lambda: self.request.infer([x], share_inputs=True, share_outputs=True)

    def results(self, x: Floats) -> dict[str, Floats]:
        outputs = [np.array(y) for y in self.request.infer([x]).values()]
        kind = "head" if outputs[0].ndim == 4 and outputs[0].shape[2] > 1 else "before"
        return {f"{kind}{i}": y for i, y in enumerate(outputs)}


class OpenCV:
    """`readNetFromDarknet`, the CPU backend with its Winograd convolutions."""

    def __init__(self, cfg: str, weights: str, threads: int) -> None:
        import cv2

        cv2.setNumThreads(threads)
        dnn: Any = cv2.dnn
        self.read: Callable[[], Any] = lambda: dnn.readNetFromDarknet(cfg, weights)
        self.net = self.read()
        self.last = self.net.getUnconnectedOutLayersNames()

    def run(self, x: Floats) -> Run:
        def once() -> Any:
            self.net.setInput(x)
            return self.net.forward(self.last)

        return once

    def results(self, x: Floats) -> dict[str, Floats]:
        """The last convolutions; a classifier's output. OpenCV's heads decode boxes already."""
        net = self.read()
        net.setInput(x)
        convolutions = [name for name in net.getLayerNames() if name.startswith("conv_")]
        heads = [name for name in self.last if name.startswith(("yolo", "detection", "region"))]
        if not heads:
            return {"before0": net.forward(self.last[0])}
        if len(heads) == 1:
            return {"before0": net.forward(convolutions[-1])}
        return {f"before{i}": net.forward(f"conv_{int(name[5:]) - 1}") for i, name in enumerate(heads)}


PROGRAMS: dict[str, Callable[[str, str, int], Any]] = {
    "pydarknet": Ours,
    "pydarknet lazy": OursLazy,
    "PyTorch": PyTorch,
    "ONNX Runtime": OnnxRuntime,
    "OpenVINO": OpenVino,
    "OpenCV": OpenCV,
}


def network_input(cfg: str) -> Floats:
    from pydarknet.graph.graph import Graph

    return np.random.default_rng(1).random((1, *Graph(cfg).inputs), dtype=np.float32)


def main() -> None:
    name, threads, cfg, weights, out = sys.argv[1:]
    pin(int(threads))
    x = network_input(cfg)
    program = PROGRAMS[name](cfg, weights, int(threads))
    np.savez(Path(out), **program.results(x))
    serve(program.run(x), warm_up=2)


if __name__ == "__main__":
    main()
