"""The ops of a device as layers call them: on its current stream, and with failures that say what failed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..errors import DeviceError
from .ops import Ops

# Everything else is arithmetic on numbers that the host has.
STREAMED = frozenset(
    name for name, op in vars(Ops).items() if inspect.isfunction(op) and "stream" in inspect.signature(op).parameters
)


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
        op = getattr(self._extension, name)
        if name in STREAMED:
            op = self._on_stream(name, op)
        setattr(self, name, op)  # found at once the next time
        return op

    def _on_stream(self, name: str, op: Callable[..., Any]) -> Callable[..., Any]:
        stream, active = self._stream, self._active

        def call(*args: Any, **options: Any) -> Any:
            with active():
                try:
                    return op(*args, stream=stream(), **options)
                except DeviceError as error:
                    raise DeviceError(f"{name}({', '.join(_shapes([*args, *options.values()]))}): {error}") from error

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
