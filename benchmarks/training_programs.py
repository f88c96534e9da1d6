"""One program of the comparison in training: `training_programs.py NAME THREADS CFG [DATA]`. Serves steps.

A step is forward, loss, backward, and the update of one batch, on the same images each time; of the loader, it is
the next batch of augmented photographs from the list of DATA.
"""

from __future__ import annotations

import math
import sys
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from turns import Run, pin, serve

from pydarknet.formats.cfg import parse_cfg
from pydarknet.graph.graph import Graph

Floats = npt.NDArray[np.float32]
RATE = 1e-6  # of PyTorch's step: so small that the loss of random targets stays finite
WARM_UP = 2


def pictures(cfg: str) -> Floats:
    batch = parse_cfg(cfg).net.int_("batch", 1)
    return np.random.default_rng(1).random((batch, *Graph(cfg).inputs), dtype=np.float32)


def finite(loss: float) -> None:
    """A step on numbers that are none may be faster or slower."""
    if not math.isfinite(loss):
        raise SystemExit(f"the loss is {loss}")


def ours(cfg: str, threads: int, precision: str | None = None) -> Run:
    """`Stepper`, with the region loss of the paper's Darknet on four objects an image."""
    from pydarknet.dialects import dialect
    from pydarknet.graph.engine import Engine
    from pydarknet.train.step import Stepper

    x, rng = pictures(cfg), np.random.default_rng(2)
    stepper = Stepper(Engine(cfg, None, seed=1, threads=threads, precision=precision), dialect("paper2017"))
    truth = np.zeros((len(x), 30, 5), np.float32)
    truth[:, :4] = rng.uniform(0.2, 0.6, (len(x), 4, 5))
    truth[:, :4, 4] = rng.integers(20, size=(len(x), 4))

    def step() -> None:
        finite(stepper.mini(x, truth).cost)
        stepper.update()

    return step


def pytorch(cfg: str, threads: int, compiled: bool = False, bf16: bool = False) -> Run:
    """Channels last, batch norm of the batch, SGD with momentum and decay; eager or `compiled`, in FP32 or under its
    autocast to `bf16`. The loss is the sum of squares to a random target: less than ours computes."""
    import torch
    from pytorch_model import build

    from pydarknet import Network

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = build(Network(cfg)).train()
    x = torch.from_numpy(pictures(cfg)).to(memory_format=torch.channels_last)
    target = torch.rand_like(model(x)[0]).detach()
    forward = torch.compile(model) if compiled else model
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, weight_decay=0.0005)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            output = forward(x)[0]
        loss = (output.float() - target).square().sum()
        loss.backward()
        optimizer.step()
        finite(loss.item())

    return step


def loader(cfg: str, workers: int, data: str) -> Run:
    """`Loader` alone, with the cfg's augmentation, as the paper's Darknet has it."""
    from pydarknet.datasets.dataset import read_image_list
    from pydarknet.dialects import dialect
    from pydarknet.formats.data import read_data
    from pydarknet.graph.engine import Engine
    from pydarknet.train.loader import Loader
    from pydarknet.train.samples import Samples
    from pydarknet.train.source import detection_augmentation
    from pydarknet.train.tasks import DetectionTask

    engine, description = Engine(cfg, None), read_data(data)
    augment = detection_augmentation(engine, engine.heads()[-1], dialect("paper2017"))
    task = DetectionTask(description.int_("classes", 0), augment=augment, rules=dialect("paper2017").truth)
    paths = read_image_list("train", description.path("train")).images
    batch, size = len(pictures(cfg)), (engine.width, engine.height)
    batches = Loader(task, paths, Samples(len(paths)), batch, size, workers=workers)
    return lambda: next(batches)


PROGRAMS: dict[str, Any] = {
    "pydarknet": ours,
    "PyTorch": pytorch,
    "PyTorch compiled": partial(pytorch, compiled=True),
    "pydarknet bf16": partial(ours, precision="bf16"),
    "PyTorch bf16": partial(pytorch, bf16=True),
    "PyTorch compiled bf16": partial(pytorch, compiled=True, bf16=True),
    "pydarknet's loader": loader,
}


def main() -> None:
    name, threads, cfg, *data = sys.argv[1:]
    pin(int(threads))
    serve(PROGRAMS[name](cfg, int(threads), *data), WARM_UP)


if __name__ == "__main__":
    main()
