"""The memory that a training will take is known of every layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet import TrainingError
from pydarknet.dialects import DIALECTS
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.engine import Engine
from pydarknet.train.memory import divisors, step_bytes
from pydarknet.train.step import Stepper
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
    assert stepper.once == (stepper.subdivisions == 1)
    if stepper.once:
        activations, packed = step_bytes(stepper, (stepper.engine.width, stepper.engine.height), once=False)
    assert packed >= 4 * weights * (kind not in ("local", "implicit"))


DEEP = "[net]\nbatch=2\nwidth=24\nheight=24\nchannels=3\nlearning_rate=0.01\n" + 6 * (
    "[conv]\nbatch_normalize=1\nfilters=64\nsize=3\npad=1\nactivation=leaky\n"
) + "[cost]\n"  # fmt: skip


def test_one_mini_batch_a_batch_packs_all_layers_into_the_same_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    learnt, needed = [], []
    for once in (True, False):
        monkeypatch.setattr(Stepper, "once", once)
        s = Stepper(Engine(parse_cfg_text(DEEP), seed=1), DIALECTS["darknet2018"])
        random = np.random.default_rng(0)
        x = random.random((2, 3, 24, 24), dtype=np.float32)
        truth = random.random((2, s.engine.outputs.size), dtype=np.float32)
        for _ in range(3):
            s.mini(x, truth)
            s.update()
        learnt.append(s.parameters.values.copy())
        needed.append(step_bytes(s, (24, 24)))
    np.testing.assert_array_equal(*learnt)
    (activations, packed), (others, all_packed) = needed
    assert packed == 0
    assert activations - others < all_packed / 6 < all_packed
