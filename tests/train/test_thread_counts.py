"""What is learnt doesn't depend on the number of threads: a run may be resumed with any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pydarknet.backends.base import cpu_backend
from pydarknet.dialects import DIALECTS
from pydarknet.formats.cfg import parse_cfg
from pydarknet.graph.engine import Engine
from pydarknet.train.step import Stepper

pytestmark = pytest.mark.slow

GOLDENS = Path(__file__).parent.parent / "goldens"
# Batch norm, reorg, routes; two [yolo] heads with shortcut and upsample; local and connected layers; no batch norm.
NAMES = ("region_late", "debian_yolo", "debian_detection", "plain_region")


@pytest.fixture(autouse=True)
def threads_restored() -> Iterator[None]:
    ops = cpu_backend().ops
    before = ops.num_threads()
    yield
    ops.set_num_threads(before)


def learnt(golden: dict[str, np.ndarray], folder: Path, threads: int) -> np.ndarray:
    """All parameters after three updates."""
    cpu_backend().ops.set_num_threads(threads)
    (folder / "net.cfg").write_text(str(golden["cfg"]))
    (folder / "net.weights").write_bytes(golden["weights"].tobytes())
    stepper = Stepper(Engine(parse_cfg(folder / "net.cfg"), folder / "net.weights"), DIALECTS["darknet2018"])
    pictures, count = golden["pictures"].astype(np.float32) / 255, len(golden["pictures"])
    for i in range(3 * stepper.subdivisions):
        chosen = (np.arange(stepper.mini_batch) + i * stepper.mini_batch) % count
        stepper.mini(pictures[chosen], golden["truths"][chosen])
        if (i + 1) % stepper.subdivisions == 0:
            stepper.update()
    return np.array(stepper.parameters.values)


@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_threads_learns_the_same_bits(name: str, tmp_path: Path) -> None:
    with np.load(GOLDENS / f"train_{name}.npz") as file:
        golden = dict(file)
    one = learnt(golden, tmp_path, 1)
    for threads in (2, 3, 16):
        np.testing.assert_array_equal(learnt(golden, tmp_path, threads), one, err_msg=f"{threads} threads")
