"""The ops of a device as layers call them: on its current stream, and with failures that say what failed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

from ..errors import DeviceError
from .ops import Ops

# Everything else is arithmetic on numbers that the host has.
STREAMED = frozenset(
    name for name, op in vars(Ops).items() if inspect.isfunction(op) and "stream" in inspect.signature(op).parameters
)

# Objects made by an op, whose methods run on a stream: what messages call these.
PRIMITIVES = {
    "Conv": {"pack": "conv_pack", "forward": "conv_forward"},
    "ConvDgrad": {"pack": "conv_data_pack", "backward": "conv_backward_data"},
    "ConvWgrad": {"backward": "conv_backward_weights"},
}

# What puts something around an op's calls: its name, the op, and the object whose method it is, if it is one.
Around: TypeAlias = Callable[[str, Callable[..., Any], Any], Callable[..., Any]]


class Primitive:
    """An extension's object with something around the calls of its `methods` (name -> that of the op)."""

    def __init__(self, made: Any, methods: Mapping[str, str], around: Around) -> None:
        self._made = made
        for method, op in methods.items():
            setattr(self, method, around(op, getattr(made, method), made))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)


def surround(extension: Any, name: str, around: Around) -> Any:
    """The extension's op, with something around every call that runs on a stream."""
    op = getattr(extension, name)
    if name in PRIMITIVES:
        return lambda *args, **options: Primitive(op(*args, **options), PRIMITIVES[name], around)
    return around(name, op, None) if name in STREAMED else op


class DeviceOps:
    """An extension's ops. `stream` gives the handle of the stream to use inside `active()`, the device's context."""

    def __init__(
        self,
        extension: Any,
        stream: Callable[[], int] = int,
        active: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self._extension, self._stream, self._active = extension, stream, active

    def __getattr__(self, name: str) -> Any:
        op = surround(self._extension, name, self._on_stream)
        if name in PRIMITIVES:
            op = self._inside(op)
        setattr(self, name, op)  # found at once the next time
        return op

    def _inside(self, make: Callable[..., Any]) -> Callable[..., Any]:
        """What is made for this device may depend on what it can do."""
        active = self._active

        def call(*args: Any, **options: Any) -> Any:
            with active():
                return make(*args, **options)

        return call

    def _on_stream(self, name: str, op: Callable[..., Any], made: Any) -> Callable[..., Any]:
        stream, active = self._stream, self._active
        of = () if made is None else (made.shape,)

        def call(*args: Any, **options: Any) -> Any:
            with active():
                try:
                    return op(*args, stream=stream(), **options)
                except DeviceError as error:
                    shapes = ", ".join(_shapes([*of, *args, *options.values()]))
                    raise DeviceError(f"{name}({shapes}): {error}") from error

        return call


def _shapes(arguments: list[Any]) -> Iterator[str]:
    """What an op worked on: shapes of arrays, and geometries."""
    for argument in arguments:
        if isinstance(argument, tuple | list):
            yield from _shapes(list(argument))
        elif hasattr(argument, "shape"):
            yield "x".join(map(str, argument.shape))
        elif hasattr(argument, "flops"):
            yield repr(argument)
