"""The engine of a network: parameters from a weights file, and plans that run the graph on a backend."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from operator import index
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from ..backends.base import Backend, choose, set_threads
from ..backends.ops import Array
from ..catalog import find_weights
from ..detection.lazy import LazyOutput
from ..errors import DeviceError, WeightsError, carrying
from ..formats import weights as weights_file
from ..formats.cfg import Cfg
from ..formats.int8 import is_int8
from ..layers import Head, Layer
from ..layers.convolutional import Convolution
from ..layers.narrow.bf16 import plan_layer as plan_in_bf16
from ..layers.narrow.int8 import OF_SCALES, Int8Layers
from ..plan.bf16 import Bf16Builder
from ..plan.int8 import Int8Builder
from ..plan.plan import Builder, LastPass, Plan, Value
from ..plan.session import Session
from ..system.arguments import check_count, check_path
from .graph import Graph
from .initialise import initialise
from .int8 import load_int8
from .other_classes import check_classes
from .packed import PackedCache, open_cache
from .pickled import parameters_of, revived

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()

PLANS_KEPT = 4

FloatArray = npt.NDArray[np.float32]


class Engine(Graph):
    """A network ready for inference.

    `cfg`: path of a cfg (or a parsed one). `weights`: path of a weights file; None starts from random
    parameters (`seed`). `cutoff`: load only the first so many layers (a backbone). `threads`: for all networks
    of the process; default: PYDARKNET_NUM_THREADS or every processor. `device`: "cpu", "cuda", "cuda:N", "emu" (the
    kernels of CUDA, emulated), or "auto", the GPU if it can be used. `precision`: "fp32", "tf32", "fp16" or "bf16",
    what this network's convolutions round their factors to; default: tf32 on devices, fp32 on the CPU, which has
    fp16 and bf16 too, for inference only.
    `uniform`: types of layers whose random weights are evenly distributed, not normally. `dialect`: whose Darknet's
    batch norm, a name of `pydarknet.dialects`; default: that of [net], else pjreddie's. `packed_cache`: on the CPU,
    keep packed weights in a file beside the weights, which the next process maps instead of packing them.
    CfgError, WeightsError, DataError, DeviceError.
    """

    def __init__(
        self,
        cfg: str | PathLike[str] | Cfg,
        weights: str | PathLike[str] | None = None,
        *,
        cutoff: int | None = None,
        seed: int = 0,
        threads: int | None = None,
        device: str = "cpu",
        precision: str | None = None,
        allow_nan: bool = False,
        uniform: Container[str] = (),
        dialect: str | None = None,
        packed_cache: bool = False,
    ) -> None:
        check_count("seed", seed, least=0)
        super().__init__(cfg, dialect)
        self._keeps_packed = packed_cache
        self._packed: PackedCache | None = None
        self._settings = {"cfg": self.cfg, "device": device, "precision": precision, "dialect": dialect}
        self.backend: Backend
        self.backend, warning = choose(device)
        if warning is not None:
            self.warnings.append(warning)
        if precision is not None:
            self.backend = with_precision(self.backend, precision, warning)
        if threads is not None:
            set_threads(threads)
        self.seen = 0
        self.int8: Int8Layers | None = None  # what is in 8 bits, if the weights are
        self._constants: dict[str, Array] = {}
        self._lock = threading.RLock()
        self._idle: list[tuple[tuple[object, ...], Plan]] = []
        self.plans_kept = PLANS_KEPT  # idle ones; each holds a network's activations
        self._version = 0
        self._mine = threading.local()  # .last: this thread's last pass
        self._last: LastPass | None = None  # that of any thread
        self._kept: tuple[LastPass, dict[int, Array]] | None = None
        _engines.add(self)
        for layer in self.layers:
            layer.output_of = WeakOutput(self)
        if weights is not None:
            self.load_weights(weights, cutoff, allow_nan=allow_nan)
        in_floats = (layer for layer in self.layers if self.int8 is None or layer.index not in self.int8.convolutions)
        initialise(in_floats, seed, uniform)

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy: to other processes as well, where the device is looked for anew."""
        rest = {"seen": self.seen, "warnings": list(self.warnings), "int8": self.int8}
        return revived, (type(self), self._settings, parameters_of(self), (self.width, self.height), rest)

    def load_weights(
        self, path: str | PathLike[str], cutoff: int | None = None, *, allow_nan: bool = False
    ) -> weights_file.LoadResult:
        """Replace the parameters by a file's, which is named as on the command line: a path, or a name of the
        catalogue that has been fetched. One of 8-bit weights is for detecting and classifying on the CPU.
        WeightsError, and nothing has changed, if it doesn't fit. ValueError for a cutoff below 0."""
        check_count("cutoff", cutoff or 0, least=0)
        path = find_weights(path)
        if is_int8(path):
            if self._keeps_packed:
                self.warnings.append(f"{path}: weights in 8 bits are few to pack: nothing is kept of them")
            result = load_int8(self, path, cutoff)
            self.parameters_changed()
            return result
        with carrying(lambda: self.warnings):
            if cutoff is None:
                check_classes(path, self.layers, self.cfg.file)
            cache = self._open_cache(path, whole=cutoff is None and not allow_nan)
            result = weights_file.load_weights(
                path,
                self.layers,
                cutoff,
                allow_nan=allow_nan,
                sure=self.dialect_given,
                known=cache is not None and cache.known,
            )
        self.int8 = None
        self.warnings += result.warnings
        self.seen = result.header.seen
        self.parameters_changed()
        self._packed = cache
        return result

    def save_weights(self, path: str | PathLike[str], cutoff: int | None = None) -> None:
        """Write the parameters as Darknet does (header 0.2.0), of the first `cutoff` layers or all. WeightsError if
        that is impossible."""
        check_path("path", path)
        check_count("cutoff", cutoff or 0, least=0)
        self.need_floats("to be saved")
        weights_file.save_weights(path, self.layers, self.seen, cutoff=cutoff)

    def need_floats(self, purpose: str) -> None:
        """WeightsError if the weights are in 8 bits, which is too few for the purpose ("to be trained")."""
        if self.int8 is not None:
            raise WeightsError(
                f"{self.cfg.file}: its weights are in 8 bits, by `pydarknet quantize`; expected those in floats "
                f"{purpose}: take the .weights file they were made from"
            )

    def parameters_changed(self) -> None:
        """Forget packed weights and plans; call it after changing a layer's `parameters`.

        ValueError, and nothing is forgotten, for one that has another shape now.
        """
        for layer in self.layers:
            layer.check_parameters()
        with self._lock:
            self._version += 1
            self._constants.clear()
            self._idle.clear()
            self._kept, self._packed = None, None

    def requantise(self, int8: Int8Layers) -> None:
        """Take 8-bit layers whose weights are those of the present ones, if there are any, and their scales not."""
        with self._lock:
            self.int8 = int8
            self._version += 1
            for key in [key for key in self._constants if key.endswith(OF_SCALES)]:
                del self._constants[key]
            self._idle.clear()

    def constant_bytes(self) -> int:
        """Memory of what plans share, packed weights above all, but for the parameters themselves."""
        own = {id(array) for layer in self.layers for array in layer.parameters.values()}
        with self._lock:
            arrays = (
                item
                for value in self._constants.values()
                for item in (value if isinstance(value, tuple) else (value,))
            )
            return sum(item.nbytes for item in arrays if not isinstance(item, str) and id(item) not in own)

    def resize(self, width: int, height: int) -> None:
        """Take another input size, as Darknet's `resize_network`; packed weights stay. Not during a `forward`.

        TypeError for sizes that are no whole numbers; CfgError for those that a layer can't have.
        """
        with self._lock:
            if (index(width), index(height)) != (self.width, self.height):
                self.reshape(width, height)
                self._idle.clear()
                self._mine, self._last, self._kept = threading.local(), None, None

    def state(self) -> Session:
        """A state for a sequence of runs, from the beginning: to be given to each of them, to `reset`, and by `save`
        and `load` to be kept. It holds nothing of networks without recurrent layers."""
        return Session(self.backend)

    def forward(self, x: Any, *, on_device: bool = False, session: Session | None = None, steps: int = 1) -> Array:
        """The network's output (N, C, H, W) for a batch x (N, C, H, W), float32, as Darknet's `network_predict`.

        `x` may be an array of any library that speaks DLPack, on the host or on the network's own GPU. With
        `on_device` the result is an array there (CuPy's on a GPU), which speaks DLPack too, and nothing waits for it.
        `session` is the caller's state from run to run, of networks that have one. With `steps` x is of so many
        times, one after the other, each with N / steps streams.
        ValueError if the shape is not that of the network's input, or the array on another device.
        """
        batch = self.backend.given(x)
        if batch.ndim != 4 or batch.shape[1:] != tuple(self.inputs) or not len(batch):
            raise ValueError(f"expected x with shape (N, {', '.join(map(str, self.inputs))}), found {batch.shape}")
        if steps < 1 or len(batch) % steps:
            raise ValueError(f"steps={steps}: expected a number that divides the {len(batch)} images")
        with self.plan(len(batch), session=session, steps=steps) as plan:
            self.backend.write(plan.input, batch)
            plan.run()
            result = plan.outputs[self.output_index]
            output = self.backend.copy(result) if on_device else self.backend.to_host(result).copy()
        return output.reshape(len(batch), *self.outputs)

    @contextmanager
    def plan(
        self, batch: int, *, lazy: bool = False, session: Session | None = None, steps: int = 1
    ) -> Iterator[Plan]:
        """A plan for `batch` images of the present size, lent to this caller, to fill its input and run it once.
        It goes on from the caller's `session`; None: from nothing. `steps`: as in `forward`.

        `lazy`: of a network that `is_lazy`, one whose only output is a `LazyOutput`.
        """
        threads = self.backend.ops.num_threads()  # for which there is scratch memory
        key = (batch, self.inputs, self._version, self.backend.stream, lazy, threads, steps)
        with self._lock:
            fitting = [item for item in self._idle if item[0] == key]
            mine = getattr(self._mine, "last", None)
            own = [item for item in fitting if item[1].last is mine]  # rather than one into which others may look
            found = next(iter(own or fitting), None)
            if found is not None:
                self._idle.remove(found)
            plan = found[1] if found else self._compile(batch, lazy=lazy, steps=steps)
            self._save_packed()
            if plan.last is not None:  # about to be filled anew
                plan.last.input = None
        session = session or Session(self.backend)
        before = session.arrays
        try:
            session.enter(plan.carried)
            yield plan
            session.leave(plan.carried)
            with self._lock:
                self._mine.last = self._last = plan.last = LastPass(plan.input, before, steps)
                self._kept = None
        finally:
            with self._lock:
                self._idle.append((key, plan))
                del self._idle[: -self.plans_kept]

    def plan_bytes(self, batch: int, *, lazy: bool = False) -> int:
        """What the activations of a `plan` take, which is made if there is none."""
        with self.plan(batch, lazy=lazy) as plan:
            return plan.bytes

    def layer_output(self, index: int) -> FloatArray:
        """Output (N, C, H, W) of one layer in this thread's last forward pass (if it made none, in that of another).

        The first look runs the network once more, keeping all layers. RuntimeError before the first forward pass,
        and when another thread's has taken its memory."""
        with self._lock:
            last = self._last_pass()
            if self._kept is None or self._kept[0] is not last:
                if last is None or last.input is None:
                    raise RuntimeError(
                        "no forward pass yet, or one under way, or that of another thread has taken the memory of "
                        "this thread's: call forward() or detect() first"
                    )
                plan = self._compile(len(last.input), keep_all=True, steps=last.steps)
                self.backend.write(plan.input, last.input)
                Session(self.backend, last.carried).enter(plan.carried)
                plan.run()
                self._kept = last, plan.outputs
            output: FloatArray = self.backend.to_host(self._kept[1][index])
        return output.reshape(len(output), *self.layers[index].out)

    def _last_pass(self) -> LastPass | None:
        return getattr(self._mine, "last", self._last)

    def _compile(self, batch: int, *, keep_all: bool = False, lazy: bool = False, steps: int = 1) -> Plan:
        p = self._builder()(self.backend, batch, self.inputs, self._constant, steps)
        p.store = self._packed
        late = self.lazy_layers if lazy else None
        if late is not None:
            return self._compile_lazy(p, *late)
        x = p.input
        for layer in self.layers:
            x = p.outputs[layer.index] = self._plan_layer(p, layer, x)
        indices: Sequence[int] = range(len(self.layers))
        if not keep_all:
            indices = sorted({self.output_index, *(layer.index for layer in self.heads())})
        plan = p.finish({index: p.plain(p.outputs[index]) for index in indices}, keep_all)
        self.backend.wait()  # constants are ready for plans on other streams
        return plan

    def _compile_lazy(self, p: Builder, before: Convolution, head: Head) -> Plan:
        """The weights of the classes stay where they are: none is packed, and few are ever read."""
        x = p.input
        for layer in self.layers[: before.index]:
            x = p.outputs[layer.index] = self._plan_layer(p, layer, x)
        features = p.blocked(x)
        boxes = head.plan_boxes(p, before, features)
        weights = p.parameter(before, "weights")
        bias = p.parameter(before, "biases")
        plan = p.finish({before.index: features, head.index: boxes}, keep_all=False)
        arrays = plan.outputs[head.index], plan.outputs[before.index]
        plan.outputs = {head.index: LazyOutput(*arrays, weights, bias)}
        self.backend.wait()
        return plan

    def _builder(self) -> type[Builder]:
        if self.int8 is not None:
            return Int8Builder
        return Bf16Builder if (self.backend.name, self.backend.precision) == ("cpu", "bf16") else Builder

    def _plan_layer(self, p: Builder, layer: Layer, x: Value) -> Value:
        if isinstance(p, Bf16Builder):
            return plan_in_bf16(layer, p, x)
        if self.int8 is not None and isinstance(p, Int8Builder):
            return self.int8.plan(layer, p, x)
        return layer.plan(p, x)

    def _open_cache(self, path: str | PathLike[str], whole: bool) -> PackedCache | None:
        """That of a weights file, if it is asked for; a warning says why there can be none."""
        if not self._keeps_packed:
            return None
        found = open_cache(path, self.layers, self.backend, self.dialect.name, whole)
        if isinstance(found, PackedCache):
            return found
        self.warnings.append(found)
        return None

    def _save_packed(self) -> None:
        warning = None if self._packed is None else self._packed.save()
        if warning is not None:
            self.warnings.append(warning)

    def _constant(self, key: str, make: Callable[[], Array]) -> Array:
        if key not in self._constants:
            self._constants[key] = make()
        return self._constants[key]


def _after_fork() -> None:
    """In a forked child: what another thread held a lock for will not go on there."""
    for engine in list(_engines):
        engine._lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)


def with_precision(backend: Backend, precision: str, warning: str | None) -> Backend:
    """The backend with another precision. DeviceError, with the `warning` about the device, if there is none."""
    try:
        return backend.with_precision(precision)
    except DeviceError as error:
        if warning is None:
            raise
        raise DeviceError(f"{error} ({warning})") from error


class WeakOutput:
    """Reaches the network from its layers without keeping it alive, so that it is freed without the collector."""

    def __init__(self, network: Engine) -> None:
        self._network = weakref.ref(network)

    def __call__(self, index: int) -> Array:
        network = self._network()
        if network is None:
            raise RuntimeError("the network of this layer is gone")
        return network.layer_output(index)
