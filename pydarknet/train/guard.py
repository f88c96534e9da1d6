"""Stops a training before it starts for a wrong argument, and at the first number that is not finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from ..errors import TrainingError
from ..layers import Layer
from ..system.arguments import check_choice, check_count, check_number
from .parameters import STATISTICS
from .samples import Order
from .step import MiniBatch, Stepper
from .tasks import Missing
from .validation import Validation

SHOWN = 8


def check_finite(stepper: Stepper, mini: MiniBatch, paths: Sequence[str], updated: bool = False) -> None:
    """TrainingError if a number is infinite or NaN: layer, iteration, images, advice.

    Looks at what has changed: after a mini-batch its loss and the updates, after an update (`updated`) the parameters
    and the optimiser's moments too. On a device each array is a wait.
    """
    parameters = stepper.parameters
    changed = [parameters.updates]
    if updated:
        changed += [parameters.values, *stepper.optimiser.moments().values()]
    if math.isfinite(mini.cost) and all(map(stepper.engine.backend.ops.all_finite, changed)):
        return
    iteration = -(-stepper.state.seen // stepper.batch)
    raise TrainingError(
        f"iteration {iteration}: {_where(stepper, mini.cost)} is infinite or not a number (loss {mini.cost:g}). "
        f"What was saved before is good and stays.{_listed(paths)}Try a smaller learning_rate{_longer(stepper)}"
        + (", look at the labels of these images (pydarknet data check), then go on with --resume from the last state"
           if paths else ", and go on from the last weights")
    )  # fmt: skip


def _listed(paths: Sequence[str]) -> str:
    """The images, if there are any."""
    listed = "".join(f"\n  {path}" for path in paths[:SHOWN])
    more = f"\n  and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f" The images:{listed}{more}\n" if paths else " "


def _longer(stepper: Stepper) -> str:
    """Advice that the dialect would follow."""
    followed = stepper.dialect.burn_in_always or stepper.schedule.policy == "poly"
    return " or a longer burn_in" if followed else ""


def _where(stepper: Stepper, cost: float) -> str:
    """The first layer whose parameters are spoilt; else the one nearest to the loss whose updates are."""
    parameters, layers = stepper.parameters, [layer for layer in stepper.engine.layers if layer.records]
    parameters.pull()
    for layer in layers:
        for record in layer.records:
            if not np.isfinite(layer.parameters[record.name]).all():
                return f"{record.name} of {_name(layer)}"
    for layer in reversed(layers):
        for record in layer.records:
            if record.kind in STATISTICS:
                continue
            update = parameters.backend.to_host(parameters.update_of(layer, record.name))
            if not np.isfinite(update).all():
                return f"the update of {record.name} of {_name(layer)}"
    return "a moment of Adam" if math.isfinite(cost) else "the loss"


def _name(layer: Layer) -> str:
    return f"layer {layer.index} ({layer.type}, {layer.section.file}:{layer.section.line})"


def check_arguments(
    *,
    missing: object,
    order: object,
    workers: object,
    seed: object,
    max_hours: object,
    save_every: object,
    map: object,
    callbacks: Any,
    warn: object,
) -> None:
    """ValueError for an argument of `Trainer` that is of no use, by its name."""
    check_choice("missing", missing, get_args(Missing))
    check_choice("order", order, get_args(Order))
    check_count("workers", workers)
    check_count("seed", seed, least=0)
    if max_hours is not None:
        check_number("max_hours", max_hours, "a number of hours, from 0", 0)
    if save_every is not None:
        check_count("save_every", save_every)
    if not isinstance(map, (bool, Validation)):
        raise ValueError(f"map={map!r}: expected True, False or a Validation")
    if not isinstance(callbacks, (list, tuple)) or not all(callable(each) for each in callbacks):
        raise ValueError(f"callbacks={callbacks!r}: expected a list of functions, each of which gets the Metrics")
    if warn is not None and not callable(warn):
        raise ValueError(f"warn={warn!r}: expected a function that gets a text")
