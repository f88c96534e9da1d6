"""The memory that a training will take is known of every layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from pydarknet import TrainingError
from pydarknet.train.memory import divisors, step_bytes
from pydarknet.train.trainer import Trainer
from tests.lib.networks_trained import TRAINED, steppers
from tests.lib.toy_training import make


@pytest.mark.parametrize("batch", [2**31 - 1, 999999990])
def test_batches_of_a_billion_images(batch: int, tmp_path: Path) -> None:
    """They are refused at once."""
    data, cfg = make(tmp_path)
    cfg.write_text(cfg.read_text().replace("batch=4\nsubdivisions=2", f"batch={batch}\nsubdivisions=1"))
    with pytest.raises(TrainingError, match=f"a mini-batch of {batch} images .* needs .* set subdivisions="):
        Trainer(cfg, data)


def test_divisors() -> None:
    assert [divisors(n) for n in (1, 2, 12, 49)] == [[1], [1, 2], [1, 2, 3, 4, 6, 12], [1, 7, 49]]


@pytest.mark.parametrize("kind", TRAINED)
def test_a_step_is_measured(kind: str, tmp_path: Path) -> None:
    (stepper,) = steppers(kind, "alexeyab", tmp_path, "cpu")
    activations, packed = step_bytes(stepper, (stepper.engine.width, stepper.engine.height))
    plan = stepper._plan().plan
    assert 0 <= plan.bytes - activations <= plan.input.nbytes  # which lives on after its last reader
    weights = sum(
        record.size for layer in stepper.engine.layers for record in layer.records if record.name == "weights"
    )
    assert packed >= 4 * weights * (kind not in ("local", "implicit"))
