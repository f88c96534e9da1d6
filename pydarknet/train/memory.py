"""What a training will need of memory, known before it starts."""

from __future__ import annotations

from ..backend import FLOAT
from ..plan import Workspace, share
from ..tape import Tape
from .augment import Size
from .step import Stepper, compile_layers


class Measure(Tape):
    """A tape that is only measured."""

    def bytes(self) -> int:
        """Memory of the activations and deltas, if the plan were finished."""
        scratch = (a.floats for _, args in self._calls for a in args if isinstance(a, Workspace))
        return FLOAT * (sum(b.floats for b in share(self._values, False)) + max(scratch, default=0))


def step_bytes(stepper: Stepper, size: Size) -> int:
    """Memory of one mini-batch's activations, deltas and pictures at a size (width, height), whatever learns by then.

    CfgError if nothing does, at once or later.
    """
    engine = stepper.engine
    before = engine.width, engine.height
    engine.resize(*size)
    try:
        stops = {stepper.stop(iteration) for iteration in (stepper.iteration, stepper.schedule.max_batches)}
        return max(_bytes(stepper, stop) for stop in stops)
    finally:
        engine.resize(*before)


def _bytes(stepper: Stepper, stop: int) -> int:
    engine = stepper.engine
    tape = Measure(
        engine.backend, stepper.mini_batch, engine.inputs, stepper.parameters, stepper.dialect, stepper.state
    )
    compile_layers(tape, engine.layers, stop)
    return tape.bytes()


def advice(needed: int, available: int, batch: int, subdivisions: int) -> str:
    """Subdivisions with which so much memory will do; memory goes with the mini-batch."""
    for more in range(subdivisions + 1, batch + 1):
        if batch % more == 0 and needed * subdivisions / more <= available:
            return f"set subdivisions={more} in [net] (batch={batch} stays; batch norm will be over fewer pictures)"
    return "use a smaller width and height in [net], or a network with fewer filters"
