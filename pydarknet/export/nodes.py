"""Collects the nodes and constants of an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ExportError


def onnx_module() -> Any:
    """The onnx package, loaded late. ExportError if it isn't installed."""
    try:
        import onnx
    except ImportError as error:
        raise ExportError("a model in ONNX needs the package onnx: pip install 'pydarknet[onnx]'") from error
    return onnx


class Nodes:
    """Nodes in the order they were added. Values are known by name, `outputs` has those of the layers so far.

    The batch is the first dimension of every value: a number, or None where the user of the model decides.
    """

    def __init__(self, batch: int | None, keep_bn: bool) -> None:
        self.batch = batch
        self.keep_bn = keep_bn
        self.scope = ""
        self.outputs: dict[int, str] = {}
        self._helper = onnx_module().helper
        self._from_array = onnx_module().numpy_helper.from_array
        self._nodes: list[Any] = []
        self._constants: dict[str, npt.NDArray[Any]] = {}
        self._shared: dict[tuple[object, ...], str] = {}
        self._count = 0

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Append a node with one output; returns its name."""
        return self.split(op, 1, *inputs, **attributes)[0]

    def split(self, op: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """Append a node with `count` outputs; returns their names."""
        names = [self._name(op.lower()) for _ in range(count)]
        self._nodes.append(self._helper.make_node(op, inputs, names, name=f"node_{len(self._nodes)}", **attributes))
        return names

    def weight(self, name: str, values: npt.NDArray[Any]) -> str:
        """A constant under a name of the present layer's."""
        full = f"{self.scope}_{name}"
        self._constants[full] = values
        return full

    def floats(self, values: npt.ArrayLike) -> str:
        """A float32 constant."""
        return self._constant(np.asarray(values, np.float32))

    def ints(self, values: npt.ArrayLike) -> str:
        """An int64 constant."""
        return self._constant(np.asarray(values, np.int64))

    def reshape(self, x: str, *dims: int) -> str:
        """Each image of x with the dimensions `dims`."""
        return self.add("Reshape", x, self.ints([0 if self.batch is None else self.batch, *dims]))

    def slice(self, x: str, axis: int, start: int, stop: int, step: int = 1) -> str:
        """x[start:stop:step] along one axis."""
        return self.add("Slice", x, self.ints([start]), self.ints([stop]), self.ints([axis]), self.ints([step]))

    def parts(self, x: str, axis: int, sizes: Sequence[int]) -> list[str]:
        """x cut along one axis into parts of these sizes, none of them 0."""
        if len(sizes) == 1:
            return [x]
        return self.split("Split", len(sizes), x, self.ints(sizes), axis=axis)

    def pad(self, x: str, before: Sequence[int], after: Sequence[int], value: float = 0.0) -> str:
        """x (N, C, H, W) with so many more channels, rows and columns on either side."""
        if not any((*before, *after)):
            return x
        return self.add("Pad", x, self.ints([0, *before, 0, *after]), self.floats(value))

    def scale(self, x: str, factor: float) -> str:
        """x times a number."""
        return x if factor == 1 else self.add("Mul", x, self.floats(factor))

    def finish(self, outputs: Mapping[str, str]) -> tuple[list[Any], list[Any]]:
        """Nodes and initializers of what `outputs` (name of the output -> value) needs, under those names."""
        made = {name for node in self._nodes for name in node.output}
        names: dict[str, str] = {}
        for output, value in outputs.items():
            if value in names or value not in made:
                value = self.add("Identity", value)
            names[value] = output
        needed = set(outputs)
        kept = []
        for node in reversed(self._nodes):
            for end in (node.input, node.output):
                end[:] = [names.get(name, name) for name in end]
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        constants = [self._from_array(a, name) for name, a in self._constants.items() if name in needed]
        return kept[::-1], constants

    def _constant(self, values: npt.NDArray[Any]) -> str:
        key = values.dtype.str, values.shape, values.tobytes()
        if key not in self._shared:
            self._shared[key] = f"constant_{len(self._shared)}"
            self._constants[self._shared[key]] = values
        return self._shared[key]

    def _name(self, what: str) -> str:
        self._count += 1
        return f"{self.scope}_{what}_{self._count}"
