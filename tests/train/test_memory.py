"""The memory that a training will take is known of every layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from pydarknet.train.memory import step_bytes
from tests.lib.networks_trained import TRAINED, steppers


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
