"""One training step: mini-batches forward and backward, then an update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..backends.base import Step
from ..backends.ops import Array
from ..dialects import Dialect
from ..errors import TrainingError
from ..formats.cfg import Section
from ..graph.engine import Engine
from ..layers import Layer
from ..layers.common.recurrent import Recurrent
from ..plan.plan import Plan
from ..plan.shapes import Shape
from ..plan.tape import State, Tape
from .ema import read_average
from .holds import first_updates, limits
from .optimiser import DECAYED, read_optimiser
from .parameters import Parameters
from .schedule import read_schedule

Floats = npt.NDArray[np.float32]

MAX_STEPS = 1 << 20


@dataclass
class TrainPlan:
    """A plan with its truth array, the calls that bring updated weights into the kernels' layouts, and the random
    numbers that a mini-batch draws."""

    plan: Plan
    truth: Array
    refresh: Sequence[Step]
    draws: Sequence[Step]


@dataclass(frozen=True)
class MiniBatch:
    """`cost` as Darknet's `*net.cost`: the mean over the layers that have one. `statistics` by head layer."""

    cost: float
    statistics: dict[int, Any]


class Stepper:
    """Trains an engine's parameters, with Darknet's arithmetic of batch, subdivisions, momentum and decay.

    The engine's parameters become views of one flat array; call `publish` before using them or the engine.
    `batch` images make an update: whole mini-batches, also where subdivisions don't divide the cfg's batch. A
    mini-batch may have more `images` than that, and counts as one that hasn't. With `sequences` each of them is
    `time_steps` images; a mini-batch holds the first ones of all sequences, then the second ones, and so on.
    `session` is what recurrent layers carry from one mini-batch to the next. `length`: over so many a sequence goes
    on; AlexeyAB's GPU build divides the step by them, too.
    CfgError if a layer can't be trained, or a mini-batch has no image; TrainingError if the precision has no
    gradients.
    """

    def __init__(self, engine: Engine, dialect: Dialect, seed: int = 0, *, sequences: bool = False) -> None:
        net = engine.cfg.net
        if engine.backend.precision not in engine.backend.trains_in:
            raise TrainingError(
                f"precision {engine.backend.precision!r}: {engine.backend.name} trains in "
                f"{', '.join(engine.backend.trains_in)} only; leave it out for the training"
            )
        check_sequences(engine.layers, sequences)
        self.engine = engine
        self.dialect = dialect
        self.subdivisions = engine.subdivisions = net.int_("subdivisions", 1, low=1)
        self.steps = net.int_("time_steps", 1, low=1, high=MAX_STEPS) if sequences else 1
        self.mini_batch = read_mini_batch(net, self.subdivisions) * self.steps
        self.batch, self.images = self.mini_batch * self.subdivisions, self.mini_batch
        self.length = 1
        if self.batch == 1:
            net.warn("batch=1 is for testing: rates are for more; training usually wants batch=64, subdivisions=16",
                     "batch")  # fmt: skip
        self.schedule = read_schedule(net, dialect)
        self.parameters = Parameters(engine.backend, engine.layers)
        if dialect.freezes:
            frozen = max((layer.index for layer in engine.layers if layer.stopbackward == 1), default=0)
            self.parameters.segments = [s for s in self.parameters.segments if s.last >= frozen]
        self.segments = self.parameters.segments  # of all layers that may learn; at an update perhaps fewer do
        self.optimiser = read_optimiser(net, self.parameters, dialect.adam)
        layers, burn_in = engine.layers, self.schedule.burn_in
        self.first_updates = first_updates(layers, burn_in) if dialect.holding else {}
        self.limits = limits(layers) if dialect.holding else {}
        self.average = read_average(net, self.parameters, self.schedule.max_batches) if dialect.mixing else None
        self.state = State(engine.seen, random=np.random.Generator(np.random.PCG64(seed)))
        self.session = engine.state()
        self._plans: dict[tuple[Shape, int, int], TrainPlan] = {}

    def divide(self, subdivisions: int) -> None:
        """Cut the batch into so many mini-batches, a divisor of it, before the first of them."""
        self.subdivisions = self.engine.subdivisions = subdivisions
        self.mini_batch = self.images = self.batch // subdivisions

    @property
    def once(self) -> bool:
        """Whether each mini-batch is a batch: weights are packed where they are used, each in the others' memory."""
        return self.subdivisions == 1 and self.steps == 1

    @property
    def iteration(self) -> int:
        """Updates made so far, by Darknet's count of images."""
        return self.state.seen // self.batch

    def stop(self, iteration: int) -> int:
        """Index of the layer at which the way back ends after so many updates; -1: it goes to the first one."""

        def stops(until: int) -> bool:
            return until == 1 or until > iteration if self.dialect.stop_ends else until != 0

        return max((layer.index for layer in self.engine.layers if stops(layer.stopbackward)), default=-1)

    def mini(self, x: Floats, truth: Floats) -> MiniBatch:
        """One mini-batch forward and backward; x (images, C, H, W), truth as the head wants it."""
        plan = self._begin()
        backend = self.engine.backend
        backend.write(plan.plan.input, x)
        backend.write(plan.truth, truth.reshape(plan.truth.shape))
        self.session.enter(plan.plan.carried)
        plan.plan.run()
        self.session.leave(plan.plan.carried)
        costs = [statistics.loss for statistics in self.state.statistics.values()]
        return MiniBatch(sum(costs) / max(1, len(costs)), self.state.statistics)

    def skip(self) -> None:
        """A mini-batch that another process computes: its images count, and its random numbers are drawn."""
        for draw in self._begin().draws:
            draw()

    def _begin(self) -> TrainPlan:
        """Count a mini-batch's images; the plan that computes it."""
        plan, most = self._plan(), self.schedule.max_batches
        self.state.done = self.iteration / most if most else 1.0
        self.state.seen += self.mini_batch
        self.state.statistics = {}
        return plan

    def update(self) -> float:
        """Apply the accumulated updates; the learning rate used."""
        rate = self.schedule.rate(self.iteration, self.state.random)
        self._hold()
        self.optimiser.step(rate, self.images * self.subdivisions * self.length, self.iteration)
        self._clip()
        if self.average is not None:
            self.average.step(self.iteration)
        self.refresh()
        self.engine.seen = self.state.seen
        return rate

    def refresh(self) -> None:
        """Bring the parameters as they are now into the kernels' layouts."""
        for plan in self._plans.values():
            for step in plan.refresh:
                step()

    def _hold(self) -> None:
        """Leave out the layers that aren't updated yet, and what they have learnt."""
        parameters = self.parameters
        held = [s for s in self.segments if self.first_updates.get(s.index, 0) > self.iteration]
        for segment in held:
            parameters.updates[segment.start : segment.stop] = 0
        parameters.segments = [s for s in self.segments if s not in held] if held else self.segments

    def _clip(self) -> None:
        for segment in self.parameters.segments:
            limit = self.limits.get(segment.index)
            if limit and segment.name == DECAYED:
                values = self.parameters.values[segment.start : segment.stop]
                values.clip(-limit, limit, out=values)

    def publish(self) -> None:
        """Make what has been learnt the engine's parameters, for inference and for files."""
        self.parameters.pull()
        self.engine.parameters_changed()

    def _plan(self) -> TrainPlan:
        engine = self.engine
        key = engine.inputs, self.images, self.stop(self.iteration)
        if key not in self._plans:
            tape = Tape(
                engine.backend, self.images, engine.inputs, self.parameters, self.dialect, self.state, self.steps,
                self.once,
            )  # fmt: skip
            compile_layers(tape, engine.layers, key[2])
            plan = tape.finish({}, keep_all=False)
            for step in tape.refresh_steps:
                step()
            self._plans = {key: TrainPlan(plan, tape.truth, tape.refresh_steps, tape.draws)}
        return self._plans[key]


def check_sequences(layers: Sequence[Layer], sequences: bool) -> None:
    """CfgError for a layer with a memory where images come in no order."""
    layer = next((each for each in layers if isinstance(each, Recurrent)), None)
    if layer is not None and not sequences:
        raise layer.section.error(
            "learns from sequences: expected a text for `pydarknet rnn train`, or a detector, dialect=alexeyab and "
            "track=1 in [net]; another training on images takes them in no order, and can't train it"
        )


def read_mini_batch(net: Section, subdivisions: int) -> int:
    """Images of a mini-batch: the whole part of batch / subdivisions; a warning if some are left. CfgError."""
    batch = net.int_("batch", 1, low=1)
    mini = batch // subdivisions
    told = f"subdivisions={subdivisions} does not divide batch={batch}"
    if not mini:
        raise net.error(f"{told}: a mini-batch has no image; expected 1 to {batch} subdivisions", "subdivisions")
    if batch % subdivisions:
        net.warn(f"{told}: mini-batches of {mini}, {mini * subdivisions} images an iteration", "subdivisions")
    return mini


def compile_layers(tape: Tape, layers: Sequence[Layer], stop: int) -> None:
    """Append the forward steps of all layers and the backward steps of those after layer `stop`.

    CfgError if none of these has a loss.
    """
    x, inputs, outputs = tape.input, [], []
    for layer in layers:
        inputs.append(x)
        x = tape.outputs[layer.index] = layer.train(tape, x)
        outputs.append(x)
    for layer, source, output in zip(reversed(layers), reversed(inputs), reversed(outputs), strict=True):
        if layer.index == stop:
            break
        if not (layer.onlyforward and tape.dialect.any_onlyforward):
            layer.backward(tape, source, output)
            tape.emit(tape.state.passed, layer.index)
    if tape.truth is None:
        raise layers[-1].section.error("nothing can be learnt: no loss is left (see stopbackward, onlyforward)")
