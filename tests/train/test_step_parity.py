"""Twenty updates against the paper-era program and AlexeyAB's, from the same weights, images and truths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet.dialects import DIALECTS
from pydarknet.formats.cfg import parse_cfg
from pydarknet.graph.engine import Engine
from pydarknet.plan.plan import Value
from pydarknet.plan.tape import Tape
from pydarknet.train.step import Stepper
from tests.ops.loss_goldens import GOLDENS, PREFIXES, cases

pytestmark = pytest.mark.slow

YOLO_GOLDEN = GOLDENS / "train_alexeyab_yolo.npz"
YOLO = ["mse", "mse_many", "mse_classes", "focal", "iou", "giou", "diou", "ciou", "new_coords", "new_coords_mse"]
LAYERS_GOLDEN = GOLDENS / "train_alexeyab_layers.npz"
LAYERS = [
    *("shortcut of several", "per_feature relu", "per_feature softmax", "per_channel relu", "per_channel softmax"),
    *("implicit", "share_index", "maxpool_depth", "normalize_channels", "normalize_channels_softmax"),
    *("normalize_channels_softmax_maxval", "xnor", "gaussian", "gaussian keys", "gaussian giou", "gaussian ciou"),
]
TRACK_GOLDEN = GOLDENS / "train_alexeyab_track.npz"
TRACK = ["crnn", "crnn twice"]
CHECKED = (1, 2, 20)  # updates after which the golden has all parameters
# Relative error (norm) of one record after that many updates. The goldens are drawn such that no leaky unit and no
# pool comes so close to its edge that the last bit decides which way it goes (see tests/goldens/README.md).
TOLERANCE = 3e-5  # found: 1.1e-5 (normalize_channels_softmax), 5e-6 (debian_detection), 3e-6 at most for the others
LOSS = 3e-5  # relative; found: 9e-6


def stepper(golden: dict[str, np.ndarray], folder: Path, dialect: str, sequences: bool = False) -> Stepper:
    for name in ("tree", "map"):
        if name in golden:
            value = golden[name]
            text = str(value) if value.ndim == 0 else "\n".join(map(str, value)) + "\n"
            (folder / f"toy.{name}").write_text(text)
    (folder / "net.cfg").write_text(str(golden["cfg"]))
    (folder / "net.weights").write_bytes(golden["weights"].tobytes())
    engine = Engine(parse_cfg(folder / "net.cfg"), folder / "net.weights")
    engine.seen = int(golden.get("seen", 0))
    return Stepper(engine, DIALECTS[dialect], sequences=sequences)


def flat(engine: Engine) -> list[tuple[str, np.ndarray]]:
    return [
        (f"layer {layer.index} {record.name}", layer.parameters[record.name].reshape(-1))
        for layer in engine.layers
        for record in layer.records
    ]


def departed(engine: Engine, theirs: np.ndarray) -> list[str]:
    """Records whose relative error (norm) is too large."""
    result, start = [], 0
    for name, ours in flat(engine):
        wanted = theirs[start : start + ours.size]
        start += ours.size
        error = np.linalg.norm(ours - wanted) / max(float(np.linalg.norm(wanted)), 1e-20)
        if not error < TOLERANCE:
            result.append(f"{name}: {error:.1e}")
    assert start == theirs.size
    return result


def run(golden: dict[str, np.ndarray], s: Stepper, prefix: str) -> list[str]:
    """What differs from the golden: parameters after 1, 2 and 20 updates, every learning rate, every loss."""
    pictures, truths = golden["pictures"].astype(np.float32) / 255, golden["truths"]
    n, m, minis, problems = len(pictures), s.mini_batch, 0, []
    errors = np.zeros((max(CHECKED), s.subdivisions))
    for update in range(1, max(CHECKED) + 1):
        for sub in range(s.subdivisions):
            index = (np.arange(m) + minis * m) % n
            s.session.reset()
            errors[update - 1, sub] = s.mini(pictures[index], truths[index]).cost
            minis += 1
        rate = s.update()
        if f"{prefix}rates" in golden:
            np.testing.assert_allclose(rate, golden[f"{prefix}rates"][update - 1], rtol=1e-6)
        if update in CHECKED:
            problems += [f"after {update}: {text}" for text in departed(s.engine, golden[f"{prefix}after_{update}"])]
    wanted = golden[f"{prefix}errors"] * golden.get("counted", 1)  # a mean that counts layers without a loss
    wrong = float(np.abs(errors / wanted - 1).max())
    return problems + [f"a loss differs by {wrong:.1e}"] * (wrong > LOSS)


def overwriting(add_delta):  # type: ignore[no-untyped-def]
    """Debian's program, unlike its own cuDNN path, lets a 1x1 convolution overwrite the delta of its input, what
    other readers of that input had added included. We add, as is right; to compare, the test does as it does."""

    def changed(self: Tape, value: Value, delta: Value) -> None:
        conv = getattr(self._calls[-1][0], "__self__", None)
        shape = conv.shape if isinstance(conv, type(of_one(self))) else None
        if shape is not None and (shape.kernel_h, shape.kernel_w) == (1, 1):
            self._deltas.pop(self._origin(value), None)
        add_delta(self, value, delta)

    return changed


def of_one(tape: Tape) -> Any:
    shape = tape.ops.ConvShape(1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1)
    return tape.ops.ConvDgrad(shape, shape.dgrad_algorithms(0)[0])


def check(name: str, folder: Path, dialect: str, prefix: str) -> None:
    with np.load(GOLDENS / f"train_{name}.npz") as file:
        golden = dict(file)
    problems = run(golden, stepper(golden, folder, dialect), prefix)
    assert not problems, problems


@pytest.mark.parametrize(("name", "prefix"), cases())
def test_region(name: str, prefix: str, tmp_path: Path) -> None:
    check(name.removeprefix("train_"), tmp_path, PREFIXES[prefix], f"{prefix}_")


@pytest.mark.parametrize("name", ["classifier_flat", "classifier_tree", "debian_yolo", "debian_detection",
                                  "debian_softmax", "debian_cost", "debian_tree",
                                  "pjreddie_deconvolutional"])  # fmt: skip
def test_others(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name.startswith("debian"):
        monkeypatch.setattr(Tape, "add_delta", overwriting(Tape.add_delta))
    dialect = "paper2017" if name.startswith("classifier") else "darknet2018"
    check(name, tmp_path, dialect, "")


@pytest.mark.parametrize(
    ("path", "case"),
    [
        (path, case)
        for path, cases in ((YOLO_GOLDEN, YOLO), (LAYERS_GOLDEN, LAYERS), (TRACK_GOLDEN, TRACK))
        for case in cases
    ],
)
def test_alexeyab(path: Path, case: str, tmp_path: Path) -> None:
    with np.load(LAYERS_GOLDEN if path == TRACK_GOLDEN else path) as file:
        shared = {name: file[name] for name in ("weights", "pictures", "truths") if name in file}
    with np.load(path) as file:
        own = {name.partition("/")[2]: file[name] for name in file if name.startswith(f"{case}/")}
    golden = shared | own
    problems = run(golden, stepper(golden, tmp_path, "alexeyab", sequences=path == TRACK_GOLDEN), "")
    assert not problems, problems
