"""Twenty updates of recurrent layers against pjreddie's program, from the same weights, sequences and truths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet.dialects import DIALECTS
from pydarknet.formats.cfg import parse_cfg
from pydarknet.graph.engine import Engine
from pydarknet.train.step import Stepper
from tests.ops.loss_goldens import GOLDENS

pytestmark = pytest.mark.slow

CASES = (
    "rnn", "rnn_leaky", "rnn_norm", "rnn_shortcut", "gru", "gru_tanh", "gru_norm", "lstm", "lstm_norm", "crnn",
    "crnn_norm",
)  # fmt: skip
CHECKED = (1, 2, 20)
TOLERANCE = 1e-5  # relative, in the norm of each record; found: 2e-6
CARRIED = ("gru", "lstm")  # pjreddie's CPU code of the others begins each mini-batch anew


def stepper(case: str, folder: Path, device: str) -> tuple[Stepper, dict[str, np.ndarray]]:
    with np.load(GOLDENS / "train_recurrent.npz") as file:
        golden = {name.partition("/")[2]: file[name] for name in file if name.startswith(f"{case}/")}
    (folder / "net.cfg").write_text(str(golden["cfg"]))
    (folder / "net.weights").write_bytes(golden["weights"].tobytes())
    precision = None if device == "cpu" else "fp32"
    cfg = parse_cfg(folder / "net.cfg")
    engine = Engine(cfg, folder / "net.weights", device=device, precision=precision, dialect="darknet2018")
    return Stepper(engine, DIALECTS["darknet2018"], sequences=True), golden


def check(case: str, folder: Path, device: str, updates: int) -> None:
    s, golden = stepper(case, folder, device)
    sequences, truths, k = golden["x"], golden["truths"], 0
    for update in range(1, updates + 1):
        for sub in range(s.subdivisions):
            if not case.startswith(CARRIED):
                s.session.reset()
            cost = s.mini(sequences[k % len(sequences)], truths[k % len(sequences)]).cost
            np.testing.assert_allclose(cost, golden["errors"][update - 1, sub], rtol=TOLERANCE)
            k += 1
        s.update()
        if update in CHECKED:
            s.publish()
            compare(s.engine, golden[f"after_{update}"])


def compare(engine: Engine, theirs: np.ndarray) -> None:
    start = 0
    for layer in engine.layers:
        for record in layer.records:
            ours, wanted = layer.parameters[record.name].reshape(-1), theirs[start : start + record.size]
            start += record.size
            error = np.linalg.norm(ours - wanted) / max(float(np.linalg.norm(wanted)), 1e-20)
            assert error < TOLERANCE, f"{record.name}: {error:.1e}"
    assert start == theirs.size


@pytest.mark.parametrize("case", CASES)
def test_twenty_updates(case: str, tmp_path: Path) -> None:
    check(case, tmp_path, "cpu", 20)


@pytest.mark.parametrize("case", ["rnn_norm", "gru", "lstm", "crnn_norm"])
def test_two_updates_with_the_kernels_of_cuda(case: str, tmp_path: Path) -> None:
    check(case, tmp_path, "emu", 2)
