"""What a training will need of memory, known before it starts."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import TrainingError
from ..plan.plan import share
from ..plan.tape import Tape
from .augment import Size
from .step import Stepper, compile_layers
from .team import Team

if TYPE_CHECKING:
    from .validation import Evaluator

SHARE = 0.5  # of the free memory for a training that may choose; others want some, too


class Measure(Tape):
    """A tape that is only measured."""

    packed = 0  # bytes

    def refresh(self, op: Callable[..., None], *args: Any) -> None:
        """A call whose second argument is made of the first: weights in a kernel's layout, or made binary."""
        self.packed += int(args[1].nbytes)

    def bytes(self) -> int:
        """Memory of the activations and deltas, if the plan were finished."""
        self.outlive({})
        self.fuse()
        return sum(b.bytes for b in share(self._values, False)) + self.scratch_bytes()


def step_bytes(stepper: Stepper, size: Size, once: bool | None = None) -> tuple[int, int]:
    """The most memory that a mini-batch's activations and deltas take at a size (width, height), and weights that
    stay packed from one mini-batch to the next: none where each is a batch, `once` (default: as the stepper's are).

    CfgError if nothing learns, at once or later.
    """
    once = stepper.once if once is None else once
    engine = stepper.engine
    before = engine.width, engine.height
    engine.resize(*size)
    try:
        stops = {stepper.stop(iteration) for iteration in (stepper.iteration, stepper.schedule.max_batches)}
        return max((_bytes(stepper, stop, once) for stop in stops), key=sum)
    finally:
        engine.resize(*before)


def _bytes(stepper: Stepper, stop: int, once: bool) -> tuple[int, int]:
    engine = stepper.engine
    tape = Measure(
        engine.backend, stepper.mini_batch, engine.inputs, stepper.parameters, stepper.dialect, stepper.state,
        stepper.steps, once,
    )  # fmt: skip
    compile_layers(tape, engine.layers, stop)
    return tape.bytes(), tape.packed


def divide(stepper: Stepper, needed: Callable[[], int], available: float) -> int:
    """Cut the batch into the fewest mini-batches with which `needed()` bytes are available, else into images by
    themselves. What is needed then."""
    batch, bytes_ = stepper.batch // stepper.steps, 0
    for subdivisions in divisors(batch):
        stepper.divide(subdivisions)
        if (bytes_ := needed()) <= available:
            break
    return bytes_


def divisors(number: int) -> list[int]:
    """All of them, the smallest first."""
    small = [n for n in range(1, math.isqrt(number) + 1) if number % n == 0]
    return sorted({*small, *(number // n for n in small)})


def advice(needed: int, available: int, batch: int, subdivisions: int) -> str:
    """Subdivisions with which so much memory will do; `needed` goes with the mini-batch."""
    for more in divisors(batch):
        if more > subdivisions and needed * (batch // more) / (batch // subdivisions) <= available:
            return f"set subdivisions={more} in [net] (batch={batch} stays; batch norm will be over fewer images)"
    return "use a smaller width and height in [net], or a network with fewer filters"


def check_memory(stepper: Stepper, size: Size, evaluator: Evaluator | None, team: Team, choose: bool) -> int:
    """Bytes that training needs at its largest size (width, height), with evaluation. With `choose` the subdivisions
    are made to fit before. TrainingError if what is free isn't enough."""
    available, (width, height) = stepper.engine.backend.free_bytes(), size
    evaluating = evaluator.bytes() if evaluator is not None else 0

    def parts(once: bool | None = None) -> tuple[int, int]:
        """What goes with the mini-batch, and what doesn't."""
        images = 3 * stepper.mini_batch * stepper.engine.inputs.c * width * height * 4  # given out and ahead
        if images > available:  # enough to know: planning for a billion images would take minutes
            return images, evaluating
        activations, packed = step_bytes(stepper, size, once)
        return activations + images, packed + evaluating + team.bytes(stepper)

    def needed() -> int:
        return sum(parts()) if stepper.subdivisions >= team.least else sys.maxsize

    if choose:
        divide(stepper, needed, available * SHARE)
    needs = sum(parts())
    if needs > available:
        mini, rest = parts(once=False)  # of mini-batches that are a part of the batch
        looking = f", with {evaluating / 2**30:.1f} GiB for --map" if evaluating else ""
        raise TrainingError(
            f"a mini-batch of {stepper.mini_batch} images of {width}x{height} needs {needs / 2**30:.1f} GiB"
            f"{looking}, {available / 2**30:.1f} GiB are free; "
            + advice(mini, available - rest, stepper.engine.batch, stepper.subdivisions)
        )
    return needs
