"""One program of the comparison in a process of its own: `programs.py NAME THREADS CFG WEIGHTS BATCH OUT.npz`.

Serves runs of a batch of images. OUT.npz gets what the network gave, for the comparison with the others.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from turns import Run, pin, serve

Floats = npt.NDArray[np.float32]

INPUT = "images"  # of an exported network


class Ours:
    """`Network.forward`."""

    def __init__(self, cfg: str, weights: str, threads: int, precision: str | None = None) -> None:
        from pydarknet import Network

        self.net = Network(cfg, weights, threads=threads, precision=precision)

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


class OursInt8(Ours):
    """In 8 bits, by default, with --keep wide or --tiles; what stays in floats is multiplied as BF16."""

    def __init__(self, cfg: str, weights: str, threads: int, wide: bool = False, tiles: bool = False) -> None:
        from pydarknet import Network
        from pydarknet.quantize import quantize, wide_keep

        made = Path(cfg).with_suffix(".wide" if wide else ".tiles" if tiles else ".int8")
        if not made.exists():
            images = [(255 * x[0].transpose(1, 2, 0)).astype(np.uint8) for x in calibration_inputs(cfg)]
            net = Network(cfg, weights, threads=threads)
            quantize(net, images, made, keep=wide_keep(net) if wide else None, tiles=tiles)
        super().__init__(cfg, str(made), threads, precision="bf16")


class PyTorch:
    """Eager mode, channels last, without the heads' own activations; or traced and frozen, or compiled."""

    def __init__(self, cfg: str, weights: str, threads: int, how: str = "eager") -> None:
        import torch
        from pytorch_model import build

        from pydarknet import Network

        torch.set_num_threads(threads)
        self.torch, self.how = torch, how
        self.model = build(Network(cfg, weights))

    def run(self, x: Floats) -> Run:
        tensor = self.torch.from_numpy(x).to(memory_format=self.torch.channels_last)
        with self.torch.inference_mode():
            model = self._prepared(tensor)

        def once() -> Any:
            with self.torch.inference_mode():
                return model(tensor)

        return once

    def _prepared(self, x: Any) -> Any:
        if self.how == "frozen":
            traced = self.torch.jit.trace(self.model, x, strict=False)
            return self.torch.jit.optimize_for_inference(self.torch.jit.freeze(traced))
        return self.torch.compile(self.model) if self.how == "compiled" else self.model

    def results(self, x: Floats) -> dict[str, Floats]:
        return {f"before{i}": y.numpy() for i, y in enumerate(self.run(x)())}


def exported(cfg: str, weights: str, batch: int) -> str:
    """The file of our export as ONNX: batch norm folded, heads included, of a fixed number of images, as suits
    everyone best. It is made once, so that it isn't part of what a program needs."""
    path = Path(cfg).with_suffix(f".{batch}.onnx")
    if not path.exists():
        from pydarknet import Network
        from pydarknet.export.onnx import build

        path.write_bytes(build(Network(cfg, weights), batch=batch, boxes=False).SerializeToString())
    return str(path)


def named(outputs: list[Floats]) -> dict[str, Floats]:
    """The outputs of an exported network, by what ours are called: heads, or the last output of a classifier."""
    kind = "head" if outputs[0].ndim == 4 and outputs[0].shape[2] > 1 else "before"
    return {f"{kind}{i}": y for i, y in enumerate(outputs)}


class OnnxRuntime:
    """The exported model, with all optimisations."""

    def __init__(self, cfg: str, weights: str, threads: int) -> None:
        self.files, self.threads = (cfg, weights), threads

    def run(self, x: Floats) -> Run:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(self.model(len(x)), options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, {INPUT: x})

    def model(self, batch: int) -> str:
        return exported(*self.files, batch)

    def results(self, x: Floats) -> dict[str, Floats]:
        return named(self.run(x)())


class OnnxRuntimeInt8(OnnxRuntime):
    """The exported model by ONNX Runtime's own static quantization: QDQ, weights by channels."""

    def model(self, batch: int) -> str:
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process

        given = super().model(batch)
        made = Path(given).with_suffix(".qdq.onnx")
        if not made.exists():
            prepared, inputs = str(made.with_suffix(".prepared")), iter(calibration_inputs(self.files[0], batch))

            class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
                def get_next(self) -> dict[str, Floats] | None:
                    x = next(inputs, None)
                    return None if x is None else {INPUT: x}

            quant_pre_process(given, prepared, skip_symbolic_shape=True)
            types = quantization.QuantType.QUInt8, quantization.QuantType.QInt8
            how = {"activation_type": types[0], "weight_type": types[1], "per_channel": True}
            quantization.quantize_static(prepared, str(made), Reader(), **how)
        return str(made)


class OpenVino:
    """The exported model, in float32 or with convolutions in bfloat16."""

    def __init__(self, cfg: str, weights: str, threads: int, precision: str = "f32") -> None:
        self.files = cfg, weights
        self.options = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}

    def run(self, x: Floats) -> Run:
        import openvino

        core = openvino.Core()
        model = core.compile_model(self.read(core, len(x)), "CPU", self.options)
        request = model.create_infer_request()
        return lambda: request.infer([x], share_inputs=True, share_outputs=True)

    def read(self, core: Any, batch: int) -> Any:
        return core.read_model(exported(*self.files, batch))

    def results(self, x: Floats) -> dict[str, Floats]:
        return named([np.array(y) for y in self.run(x)().values()])


class OpenVinoInt8(OpenVino):
    """The exported model by NNCF, its own quantizer; what that leaves in floats has products of BF16."""

    def read(self, core: Any, batch: int) -> Any:
        made = Path(self.files[0]).with_suffix(f".{batch}.nncf.xml")
        if not made.exists():
            with redirect_stdout(sys.stderr):  # it talks, and standard output is for figures
                import nncf
                import openvino

                given = nncf.Dataset(calibration_inputs(self.files[0], batch))
                model = nncf.quantize(super().read(core, batch), given, preset=nncf.QuantizationPreset.MIXED)
                openvino.save_model(model, str(made), compress_to_fp16=False)
        return core.read_model(str(made))


class OpenCVOnnx:
    """The newest OpenCV, which reads Darknet's files no longer: the exported model."""

    def __init__(self, cfg: str, weights: str, threads: int) -> None:
        import cv2

        cv2.setNumThreads(threads)
        self.files = cfg, weights
        self.net: Any = None

    def run(self, x: Floats) -> Run:
        import cv2

        net: Any = cv2.dnn.readNetFromONNX(exported(*self.files, batch=len(x)))
        names = net.getUnconnectedOutLayersNames()

        def once() -> Any:
            net.setInput(x)
            return net.forward(names)

        return once

    def results(self, x: Floats) -> dict[str, Floats]:
        return named(list(self.run(x)()))


class Ncnn:
    """The exported model by pnnx, ncnn's converter; it takes one image at a time."""

    def __init__(self, cfg: str, weights: str, threads: int) -> None:
        import ncnn

        made = Path(exported(cfg, weights, batch=1))
        param, model = (made.with_name(f"net.{ending}") for ending in ("param", "bin"))
        if not model.exists():
            found = find_spec("pnnx")
            converter = Path(str(found and found.origin)).with_name("pnnx")
            shape = ",".join(map(str, network_input(cfg).shape))
            places = f"ncnnparam={param.name}", f"ncnnbin={model.name}"
            command = [str(converter), made.name, f"inputshape=[{shape}]", "fp16=0", *places]
            subprocess.run(command, cwd=made.parent, check=True, capture_output=True)
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        self.net.load_param(str(param))
        self.net.load_model(str(model))
        self.mat = ncnn.Mat

    def run(self, x: Floats) -> Run:
        return lambda: [self._one(image) for image in x]

    def _one(self, image: Floats) -> list[Floats]:
        extractor = self.net.create_extractor()
        extractor.input("in0", self.mat(image).clone())
        return [np.array(extractor.extract(name)[1]) for name in self.net.output_names()]

    def results(self, x: Floats) -> dict[str, Floats]:
        images = [self._one(image) for image in x]
        return named([np.stack(parts) for parts in zip(*images, strict=True)])


class Darknet:
    """Debian's `darknet`, asked for one image after another; what it takes is what it says. One thread."""

    def __init__(self, cfg: str, weights: str, threads: int) -> None:
        from pydarknet.formats.cfg import parse_cfg
        from pydarknet.images.image import save_image

        self.folder = tempfile.TemporaryDirectory()
        place = Path(self.folder.name)
        head = parse_cfg(cfg).sections[-1]
        classes = head.int_("classes", 1000)
        (place / "names").write_text("".join(f"{i}\n" for i in range(classes)))
        (place / "data").write_text(f"classes={classes}\nnames={place}/names\n")
        (place / "labels").mkdir()
        save_image(place / "image.png", np.zeros((480, 640, 3), np.uint8))
        self.process = subprocess.Popen(
            ["darknet", "detector", "test", str(place / "data"), cfg, weights, "-out", "drawn"],
            cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def run(self, x: Floats) -> Run:
        return lambda: sum(self._one() for _ in x)

    def _one(self) -> float:
        """Seconds of one image, without reading it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{self.folder.name}/image.png\n".encode())
        self.process.stdin.flush()
        for line in self.process.stdout:
            if b"Predicted in " in line:
                return float(line.split(b"Predicted in ")[1].split()[0])
        raise SystemExit(f"darknet ended with exit code {self.process.wait()}")

    def results(self, x: Floats) -> dict[str, Floats]:
        """None: it shows no numbers."""
        return {}


class OpenCV:
    """The last OpenCV with `readNetFromDarknet`, its CPU backend with Winograd convolutions."""

    def __init__(self, cfg: str, weights: str, threads: int) -> None:
        import cv2

        cv2.setNumThreads(threads)
        dnn: Any = cv2.dnn
        self.read: Callable[[], Any] = lambda: dnn.readNetFromDarknet(cfg, weights)
        self.net = self.read()
        self.last = self.net.getUnconnectedOutLayersNames()

    def run(self, x: Floats) -> Run:
        return lambda: (self.net.setInput(x), self.net.forward(self.last))

    def results(self, x: Floats) -> dict[str, Floats]:
        """The last convolutions; a classifier's output. OpenCV's heads decode boxes already."""
        (net := self.read()).setInput(x)
        convolutions = [name for name in net.getLayerNames() if name.startswith("conv_")]
        heads = [name for name in self.last if name.startswith(("yolo", "detection", "region"))]
        if len(heads) < 2:
            return {"before0": net.forward(convolutions[-1] if heads else self.last[0])}
        return {f"before{i}": net.forward(f"conv_{int(name[5:]) - 1}") for i, name in enumerate(heads)}


PROGRAMS: dict[str, Callable[[str, str, int], Any]] = {
    "pydarknet": Ours,
    "pydarknet fp16": partial(Ours, precision="fp16"),
    "pydarknet bf16": partial(Ours, precision="bf16"),
    "pydarknet int8": OursInt8,
    "pydarknet int8 wide": partial(OursInt8, wide=True),
    "pydarknet int8 tiles": partial(OursInt8, tiles=True),
    "pydarknet lazy": OursLazy,
    "PyTorch": PyTorch,
    "PyTorch frozen": partial(PyTorch, how="frozen"),
    "PyTorch compiled": partial(PyTorch, how="compiled"),
    "ONNX Runtime": OnnxRuntime,
    "OpenVINO": OpenVino,
    "OpenVINO bf16": partial(OpenVino, precision="bf16"),
    "ONNX Runtime int8": OnnxRuntimeInt8,
    "OpenVINO int8": partial(OpenVinoInt8, precision="bf16"),
    "OpenCV": OpenCV,
    "OpenCV 5": OpenCVOnnx,
    "ncnn": Ncnn,
    "Darknet": Darknet,
}


def network_input(cfg: str, batch: int = 1) -> Floats:
    from pydarknet.graph.graph import Graph

    return np.random.default_rng(1).random((batch, *Graph(cfg).inputs), dtype=np.float32)


def calibration_inputs(cfg: str, batch: int = 1) -> list[Floats]:
    """Eight inputs to find ranges of 8 bits on, the same for all programs, in batches."""
    inputs = [np.random.default_rng(seed).random(network_input(cfg).shape, dtype=np.float32) for seed in range(2, 10)]
    return [np.concatenate([inputs[j % 8] for j in range(i, i + batch)]) for i in range(0, 8, batch)]


def main() -> None:
    name, threads, cfg, weights, batch, out = sys.argv[1:]
    pin(int(threads))
    x = network_input(cfg, int(batch))
    child = os.fork()  # so that the memory for the results isn't counted
    if not child:
        np.savez(Path(out), **PROGRAMS[name](cfg, weights, int(threads)).results(x))
        sys.stdout.flush()
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise SystemExit(f"{name}: no results")
    program = PROGRAMS[name](cfg, weights, int(threads))
    own = getattr(program, "process", None)
    serve(program.run(x), warm_up=2, process="self" if own is None else own.pid)


if __name__ == "__main__":
    main()
