"""WordTrees against the paper-era program's numbers: forward, boxes, the walk down, class maps, suppression."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet.cli.main import main
from pydarknet.detection.decode import Candidates
from pydarknet.detection.nms import nms_obj
from pydarknet.detection.results import Detection
from pydarknet.formats.cfg import parse_cfg
from pydarknet.graph.engine import Engine
from pydarknet.images.image import save_image, stretch
from pydarknet.layers.region import Region
from pydarknet.network import Network
from tests.lib.decoding import decode_region

from .random_weights import Record, write

GOLDENS = Path(__file__).parent.parent / "goldens"
ROOT = Path(__file__).parent.parent.parent
NMS = 0.4  # the paper-era program's threshold
SETTINGS = range(4)
DETECTED = [(0.24, 0.5), (0.3, 0.2), (0.15, 0.05)]  # thresholds of p17_detect_*: objectness, and down the tree
# Relative error (norm) of whole arrays, absolute one of probabilities: float32 sums in another order.
TOLERANCE = 1e-4


def relative(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def candidates(layer: Region, output: np.ndarray, thresh: float, hier: float, **more: object) -> Candidates:
    return decode_region(output, layer.anchors, layer.classes, thresh, tree=layer.tree, hier_thresh=hier, **more)  # type: ignore[arg-type]


def toy(depth: int, folder: Path) -> tuple[dict[str, np.ndarray], Engine, Region]:
    with np.load(GOLDENS / f"p17_tree_depth{depth}.npz") as file:
        golden = dict(file)
    (folder / "toy.tree").write_text(str(golden["tree"]))
    (folder / "net.cfg").write_text(str(golden["cfg"]))
    (folder / "net.weights").write_bytes(golden["weights"].tobytes())
    engine = Engine(folder / "net.cfg", folder / "net.weights")
    layer = engine.layers[-1]
    assert isinstance(layer, Region)
    return golden, engine, layer


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_toy_tree(depth: int, tmp_path: Path) -> None:
    golden, engine, layer = toy(depth, tmp_path)
    output = engine.forward(golden["picture"][None].astype(np.float32) / 255)[0]
    assert relative(engine.layers[-2].output[0], golden["head_input"]) < TOLERANCE
    assert relative(output, golden["output"]) < TOLERANCE
    # The golden's own output from here on, so that a rounding near a threshold decides nothing.
    for k in SETTINGS:
        thresh, hier = map(float, golden[f"thresh_{k}"])
        check_walk(layer, golden, candidates(layer, golden["output"], thresh, hier), k, thresh)
    check_map(golden, candidates(layer, golden["output"], 0.05, 0.5, map=golden["map"]))


def check_walk(layer: Region, golden: dict[str, np.ndarray], found: Candidates, k: int, thresh: float) -> None:
    above = golden["objectness"].reshape(-1) > np.float32(thresh)
    theirs = golden[f"prob_{k}"].reshape(len(above), -1)[above]
    assert above.sum() == len(found) > 0
    np.testing.assert_allclose(found.boxes, golden["boxes"].reshape(-1, 4)[above], rtol=1e-5, atol=1e-6)
    ours = found.dense(theirs.shape[1])
    named = theirs.any(axis=1)
    np.testing.assert_allclose(ours[named], theirs[named], atol=1e-6)
    # The root group failed: that program leaves a box without a class, newer ones and ours take the best root.
    assert (layer.tree.parent[found.class_id[~named]] == -1).all()
    kept = nms_obj(found.boxes, found.objectness, NMS)
    suppressed = golden[f"nms_{k}"].reshape(len(above), -1)[above].any(axis=1)
    np.testing.assert_array_equal(kept[named], suppressed[named])


def check_map(golden: dict[str, np.ndarray], found: Candidates) -> None:
    above = golden["objectness"].reshape(-1) > np.float32(0.05)
    theirs = golden["map_prob"].reshape(len(above), 200)[above]
    np.testing.assert_allclose(found.dense(200), theirs, atol=1e-6)
    assert theirs.any()


def test_yolo9000(tmp_path: Path) -> None:
    with np.load(GOLDENS / "p17_yolo9000.npz") as file:
        golden = dict(file)
    records = [Record(*row) for row in json.loads(str(golden["records"]))]
    weights = tmp_path / "yolo9000.weights"
    digest = write(weights, records, int(golden["seed"]), minor=1, head=(9418, float(golden["head_gain"])))
    assert digest == str(golden["weights_sha256"]), "NumPy's generator no longer gives the golden's weights"

    cfg = parse_cfg(ROOT / "cfg" / "yolo9000.cfg")
    width, height = map(int, golden["size"])
    cfg.net.set("width", width)
    cfg.net.set("height", height)
    engine = Engine(cfg, weights)
    output = engine.forward(golden["picture"][None].astype(np.float32) / 255)[0]
    positions, norms = golden["positions"], golden["head_norms"]
    head_input = engine.layers[-2].output.reshape(-1)
    assert relative(head_input[positions], golden["head_input_values"]) < TOLERANCE
    assert relative(output.reshape(-1)[positions], golden["values"]) < TOLERANCE
    np.testing.assert_allclose([np.linalg.norm(head_input), np.linalg.norm(output)], norms, rtol=1e-5)

    layer = engine.layers[-1]
    assert isinstance(layer, Region)
    for k in SETTINGS:
        thresh, hier = map(float, golden[f"thresh_{k}"])
        check_classes(golden, candidates(layer, output, thresh, hier), k, thresh)


def check_classes(golden: dict[str, np.ndarray], found: Candidates, k: int, thresh: float) -> None:
    objectness, theirs = golden["objectness"].reshape(-1), golden[f"class_{k}"].reshape(-1)
    assert np.abs(objectness - thresh).min() > 1e-4, "the golden sits on the threshold"
    above = objectness > np.float32(thresh)
    assert above.sum() == len(found) > 0
    np.testing.assert_allclose(found.boxes, golden["boxes"].reshape(-1, 4)[above], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.probability, objectness[above], rtol=1e-4)
    named = theirs[above] >= 0
    np.testing.assert_array_equal(found.class_id[named], theirs[above][named])
    kept = nms_obj(found.boxes, found.objectness, NMS)
    np.testing.assert_array_equal(kept[named], golden[f"kept_{k}"].reshape(-1)[above][named])


@pytest.mark.parametrize("depth", range(1, 7))
def test_detections(depth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """From pixels to labels, whole percents and boxes, after either suppression, and to what is printed."""
    with np.load(GOLDENS / f"p17_detect_depth{depth}.npz") as file:
        golden = dict(file)
    monkeypatch.chdir(tmp_path)
    for name, text in {"toy.tree": "tree", "toy.names": "names", "net.cfg": "cfg"}.items():
        Path(name).write_text(str(golden[text]))
    Path("net.weights").write_bytes(golden["weights"].tobytes())
    Path("toy.data").write_text("names=toy.names\n")
    picture = np.ascontiguousarray(golden["picture"][..., ::-1])
    save_image("picture.png", picture)
    network = Network("net.cfg", "net.weights", names="toy.names", dialect="paper2017")
    output = network.forward(stretch(picture, 48, 32))[0]
    assert relative(network.layers[-2].output[0], golden["head_input"]) < TOLERANCE
    assert relative(output, golden["output"]) < TOLERANCE
    for k, (thresh, hier) in enumerate(DETECTED):
        given = ["--thresh", str(thresh), "--hier-thresh", str(hier), "--nms", str(NMS), "--fit", "stretch"]
        for kind in ("obj", "sort"):
            found = network.detect("picture.png", thresh, hier, NMS, nms_kind=kind, fit="stretch")
            check_detections(found, golden[f"{kind}_{k}"], str(golden["names"]).splitlines())
        words = ["toy.data", "net.cfg", "net.weights", "picture.png", *given, "--nms-kind", "obj", "--no-draw"]
        assert main(["detector", "test", *words, "--dialect", "paper2017"]) == 0
        printed = [line for line in capsys.readouterr().out.splitlines() if line.endswith("%")]
        assert sorted(printed) == sorted(golden[f"lines_{k}"].tolist())


def check_detections(found: Sequence[Detection], theirs: np.ndarray, names: list[str]) -> None:
    """`theirs` (n, 6): class, probability, and the box in fractions of the image, 61x45."""
    ours = sorted((d.class_id, d.confidence, d.box.x / 61, d.box.y / 45, d.box.w / 61, d.box.h / 45) for d in found)
    wanted = np.array(sorted(map(tuple, theirs.tolist())))
    assert [row[0] for row in ours] == wanted[:, 0].tolist()
    assert all(d.name == names[d.class_id] for d in found)
    np.testing.assert_allclose(ours, wanted, rtol=TOLERANCE, atol=TOLERANCE)
    assert [f"{row[1]:.0%}" for row in ours] == [f"{row[1]:.0%}" for row in wanted]
