"""The inference plan: the steps of a network bound to a few reused buffers.

Layers describe their work on symbolic values through `Builder`; `Builder.finish` decides which values share
memory (first fit over their lifetimes) and binds every step to arrays. A plan serves one caller at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..backends.base import Backend, Step, sequence
from ..backends.ops import Array, Ops
from ..errors import DeviceError
from .fuse import fused
from .joined import joined
from .pooled import pooled
from .shapes import Shape

Constants = Callable[[str, Callable[[], Array]], Array]


@dataclass(eq=False)
class Value:
    """A symbolic activation of `batch` images: blocked (kernels' layout) or plain (NCHW).

    A part of another value (`whole`), its numbers from `start` on, has no memory of its own. What is `passing`
    is read right after it was written.
    """

    shape: Shape
    blocked: bool
    dims: tuple[int, ...]
    first: int = -1
    last: int = -1
    array: Array = None
    dtype: str = "float32"
    whole: Value | None = None
    start: int = 0
    passing: bool = False

    @property
    def bytes(self) -> int:
        return math.prod(self.dims) * np.dtype(self.dtype).itemsize

    @property
    def owner(self) -> Value:
        """The value that has the memory."""
        return self if self.whole is None else self.whole.owner

    @property
    def begin(self) -> int:
        """Bytes from the owner's first to this value's."""
        return 0 if self.whole is None else self.whole.begin + self.start * np.dtype(self.dtype).itemsize


@dataclass(eq=False)
class Workspace:
    """Scratch memory for one step, as an array of `dtype`; all steps of a plan share the memory."""

    size: int
    dtype: str = "float32"

    @property
    def bytes(self) -> int:
        return self.size * np.dtype(self.dtype).itemsize


@dataclass
class Buffer:
    """Memory that several values use one after the other; `free_from` is the first step it is free again."""

    bytes: int
    free_from: int
    passing: bool = False
    values: list[Value] = field(default_factory=list)


class Parametrised(Protocol):
    """What a plan needs of a layer with parameters, which are NumPy arrays."""

    @property
    def parameters(self) -> MutableMapping[str, Any]: ...
    def key(self, name: str) -> str: ...


class PackedStore(Protocol):
    """Where packed weights may be from an earlier process, and are put for later ones."""

    def find(self, key: str, algorithm: str, floats: int) -> Array | None: ...
    def keep(self, key: str, algorithm: str, packed: Array) -> None: ...


class Builder:
    """Collects the steps of one plan.

    The images are those of `steps` times, all `streams` of one time before those of the next.
    """

    repeated = True  # whether every run makes the same calls
    store: PackedStore | None = None

    def __init__(self, backend: Backend, batch: int, inputs: Shape, constants: Constants, steps: int = 1) -> None:
        self.backend = backend
        self.batch = batch
        self.steps, self.streams = steps, batch // steps
        self.outputs: dict[int, Value] = {}
        self._constants = constants
        self._values: list[Value] = []
        self._parts: list[Value] = []
        self._calls: list[tuple[Callable[..., None], tuple[object, ...]]] = []
        self._converted: dict[Value, Value] = {}
        self._carried: dict[str, Value] = {}
        self._concatenated: list[Value] = []
        self.input = self.new(inputs, blocked=False)
        self.input.first = 0

    @property
    def ops(self) -> Ops:
        return self.backend.ops

    def new(self, shape: Shape, blocked: bool = True, images: int | None = None) -> Value:
        """A value that some step will write, of the batch's images or of so many."""
        n = images or self.batch
        dims = self.backend.blocked_shape(n, *shape) if blocked else (n, *shape)
        self._values.append(Value(shape, blocked, dims))
        return self._values[-1]

    def floats(self, count: int) -> Value:
        """Memory of so many floats, that some step will write and the next one read."""
        self._values.append(Value(Shape(count, 1, 1), False, (count,), passing=True))
        return self._values[-1]

    def part(self, value: Value, time: int) -> Value:
        """The images of one of the times."""
        if self.steps == 1:
            return value
        dims = self.streams, *value.dims[1:]
        part = Value(value.shape, value.blocked, dims, whole=value, start=time * math.prod(dims))
        self._parts.append(part)
        return part

    def carried(self, layer: Parametrised, name: str, shape: Shape, blocked: bool = False) -> Value:
        """What a caller carries from run to run in its `Session`, zeros at first, of each stream: some step reads it,
        and some later one leaves in it what the next run is to find."""
        value = self._carried[layer.key(name)] = self.new(shape, blocked, self.streams)
        return value

    def workspace(self, floats: int) -> Workspace:
        """Scratch memory for the step it is an argument of."""
        return Workspace(floats)

    def emit(self, op: Callable[..., None], *args: object) -> None:
        """Append a call; Values and Workspaces among the arguments become arrays when the plan is finished."""
        step = len(self._calls)
        for value in args:
            if isinstance(value, Value):
                owner = value.owner
                owner.first = step if owner.first < 0 else owner.first
                owner.last = step
        self._calls.append((op, args))

    def constant(self, key: str, make: Callable[[], Any]) -> Array:
        """The NumPy array that `make` gives, on the device; all plans of the network share it."""
        return self.shared(key, lambda: self.backend.to_device(make()))

    def shared(self, key: str, make: Callable[[], Array]) -> Array:
        """What `make` gives, on the device already; all plans of the network share it."""
        return self._constants(key, make)

    def parameter(self, layer: Parametrised, name: str) -> Array:
        """A layer's parameter, on the device."""
        return self.constant(layer.key(name), lambda: layer.parameters[name])

    def blocked(self, value: Value) -> Value:
        """The value in the kernels' layout."""
        return value if value.blocked else self._convert(value, self.ops.to_blocked)

    def plain(self, value: Value) -> Value:
        """The value in NCHW."""
        return self._convert(value, self.ops.from_blocked) if value.blocked else value

    def concatenated(self, values: Sequence[Value], shape: Shape) -> Value:
        """The values' channels, one after the other."""
        y, offset = self.new(shape), 0
        self.concatenates(y)
        for value in values:
            self.emit(self.ops.copy_channels, self.blocked(value), y, offset, value.shape.c)
            offset += value.shape.c
        return y

    def concatenates(self, y: Value) -> None:
        """Take note that copies into y may be spared, by writing its parts where they belong."""
        self._concatenated.append(y)

    def normalize_channels(self, x: Value, kind: str) -> Value:
        """Each pixel's channels as shares of their sum."""
        y = self.new(x.shape, False, x.dims[0])
        self.emit(self.ops.normalize_channels_forward, self.plain(x), y, kind)
        return y

    def finish(self, wanted: dict[int, Value], keep_all: bool) -> Plan:
        """Bind the steps. `wanted` values are NCHW outputs; they and the input outlive the run. `keep_all` gives
        each value memory of its own. DeviceError if the memory is out."""
        self.outlive(wanted)
        if not keep_all:
            self.fuse()
        buffers = share(self._values, keep_all)
        scratch = self.scratch_bytes()
        total = sum(b.bytes for b in buffers) + scratch
        self._check_memory(total, scratch)
        for buffer in buffers:
            memory = self.backend.empty((buffer.bytes,), "uint8")
            owned = set(buffer.values)
            for value in (*buffer.values, *(part for part in self._parts if part.owner in owned)):
                numbers = memory[value.begin : value.begin + value.bytes].view(value.dtype)
                value.array = numbers.reshape(value.dims)
        workspace = self.backend.empty((scratch,), "uint8")
        steps = [bind(op, args, workspace) for op, args in self._calls]
        self._calls.clear()  # some calls know the builder: a cycle would keep the arrays after the plan is gone
        outputs = {index: value.array for index, value in wanted.items()}
        run = self.backend.program(steps) if self.repeated else sequence(steps)
        carried = {key: value.array for key, value in self._carried.items()}
        return Plan(self.input.array, outputs, run, total, carried)

    def fuse(self) -> None:
        """Let pairs of calls become one, and values be written where they are wanted."""
        end = len(self._calls)
        calls, deltas = pooled(fused(self._calls, self.ops), self.ops)
        self._calls, parts = joined(calls, self._concatenated, end, self.ops)
        self._parts += (*deltas, *parts)

    def outlive(self, wanted: Mapping[int, Value]) -> None:
        """Let the input, `wanted` values and what is carried outlive the run."""
        for value in self._carried.values():
            value.first = 0
        for value in (self.input, *wanted.values(), *self._carried.values()):
            value.last = len(self._calls)

    def scratch_bytes(self) -> int:
        """The workspace that all steps share: that of the step which needs most."""
        return max((a.bytes for _, args in self._calls for a in args if isinstance(a, Workspace)), default=0)

    def _check_memory(self, needed: int, scratch: int) -> None:
        capacity = self.backend.capacity()
        if needed <= capacity:
            return
        fitting = self.batch * capacity // needed
        advice = "a smaller input size or batch"
        if fitting:
            advice = f"a batch of about {fitting}, or a smaller input size"
        what = ""
        if scratch > needed // 2:
            threads = self.ops.num_threads()
            what, advice = f", {scratch / 2**30:.1f} GiB of them as scratch for {threads} threads", "fewer threads"
        raise DeviceError(
            f"{self.backend.name}: the activations of {self.batch} images need {needed / 2**30:.1f} GiB{what}, more "
            f"than the {capacity / 2**30:.1f} GiB there are; use {advice}"
        )

    def _convert(self, value: Value, op: Callable[..., None]) -> Value:
        if value not in self._converted:
            self._converted[value] = self.new(value.shape, not value.blocked, value.dims[0])
            self.emit(op, value, self._converted[value])
        return self._converted[value]


@dataclass(eq=False)
class LastPass:
    """The input of a plan's last run, until the next run overwrites it, what was carried into it, and how many times
    it holds."""

    input: Array
    carried: dict[str, Array] = field(default_factory=dict)
    steps: int = 1


@dataclass(eq=False)
class Plan:
    """`input` (N, C, H, W) to fill before `run` computes `outputs` by layer index (valid until the next run), all of
    them arrays of the backend; `bytes` of activations it holds. `carried`: where a `Session` enters and leaves."""

    input: Array
    outputs: dict[int, Array]
    run: Step
    bytes: int
    carried: dict[str, Array] = field(default_factory=dict)
    last: LastPass | None = None


def bind(op: Callable[..., None], args: tuple[object, ...], workspace: Array) -> Step:
    """The call with arrays in place of symbols; `workspace` is memory in bytes."""

    def bound(a: object) -> object:
        if isinstance(a, Value):
            return a.array
        return workspace.view(a.dtype) if isinstance(a, Workspace) else a

    arrays = [bound(a) for a in args]
    return lambda: op(*arrays)


def share(values: Sequence[Value], keep_all: bool) -> list[Buffer]:
    """Buffers for all used values: the smallest free one that fits, else the largest free one grows. Those of passing
    values serve no others, which would keep them."""
    buffers: list[Buffer] = []
    for value in sorted((v for v in values if v.first >= 0), key=lambda v: v.first):
        free = [] if keep_all else [b for b in buffers if b.free_from <= value.first and b.passing == value.passing]
        fitting = [b for b in free if b.bytes >= value.bytes]
        if fitting:
            buffer = min(fitting, key=lambda b: b.bytes)
        elif free:
            buffer = max(free, key=lambda b: b.bytes)
        else:
            buffer = Buffer(0, 0, value.passing)
            buffers.append(buffer)
        buffer.bytes = max(buffer.bytes, value.bytes)
        buffer.free_from = value.last + 1
        buffer.values.append(value)
    return buffers
