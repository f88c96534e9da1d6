"""The published networks, whole, in onnxruntime and OpenCV 5: what users will do with the files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.export import export
from pydarknet.layers import Layer

from .networks import CFG, TOLERANCE, Array, assert_close, images, network, run

pytestmark = pytest.mark.slow

# By the norm. The worst single value may be further off, where OpenCV computes with large Winograd tiles: 1.3e-4
# with yolov2, of a sum in double precision (ours: 4.9e-5, onnxruntime 3.5e-5, OpenCV without Winograd 3.5e-5).
NORM_TOLERANCE = 1e-5


@pytest.mark.parametrize(
    ("cfg", "size"), [("yolov2", 416), ("yolov2-tiny", 416), ("yolov3-tiny", 416), ("darknet19", 224)]
)
def test_heads(cfg: str, size: int, tmp_path: Path) -> None:
    net = network(CFG / f"{cfg}.cfg", size=size)
    x = images(net)
    net.forward(x)
    path = tmp_path / "net.onnx"
    export(net, path, boxes=False)
    results = {
        "onnxruntime": run(path.read_bytes(), x),
        "winograd": opencv(path, x, cv2.dnn.ENGINE_AUTO),
        "exact": opencv(path, x, cv2.dnn.ENGINE_CLASSIC),
    }
    shown: list[Layer] = [*net.heads()] or [net.layers[net.output_index]]
    for layer in shown:
        name = f"{layer.type}_{layer.index}"
        for program, outputs in results.items():
            found, wanted = outputs[name].reshape(layer.output.shape), layer.output
            assert np.linalg.norm(found - wanted) <= NORM_TOLERANCE * np.linalg.norm(wanted), program
            if program != "winograd":
                assert_close(found, wanted, TOLERANCE)


def opencv(path: Path, x: Array, engine: int) -> dict[str, Array]:
    """The outputs by name. Only the classic engine lets one do without Winograd."""
    net = cv2.dnn.readNetFromONNX(str(path), engine=engine)
    net.enableWinograd(engine != cv2.dnn.ENGINE_CLASSIC)
    net.setInput(x, "images")
    names = net.getUnconnectedOutLayersNames()
    return dict(zip(names, net.forward(names), strict=True))
