"""HTTP as the server speaks it: no client holds a connection, or memory, for longer than it may."""

from __future__ import annotations

import asyncio
from functools import partial

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol


class _Patience:
    """Cuts a connection off so many seconds after `start`, unless `stop` comes first."""

    def __init__(self, transport: asyncio.Transport, seconds: float) -> None:
        self._start = partial(asyncio.get_running_loop().call_later, seconds, transport.abort)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Once: what has begun goes on."""
        self._timer = self._timer or self._start()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class PatientProtocol(H11Protocol):
    """A connection that is cut off when a request's head, or the taking of an answer, lasts longer than `patience`
    seconds. The application itself limits the time of a body, uvicorn that of silence between requests."""

    patience = 30.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there, and owes a head."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)  # any byte that isn't taken pauses
        self._head, self._answer = (_Patience(transport, self.patience) for _ in range(2))
        self._head.start()

    def data_received(self, data: bytes) -> None:
        """The clock runs from the first byte of a head, and through what follows an answer without being one."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._head.start()
        else:
            self._head.stop()

    def pause_writing(self) -> None:
        """The client doesn't take what is sent."""
        super().pause_writing()
        self._answer.start()

    def resume_writing(self) -> None:
        """It has taken all."""
        super().resume_writing()
        self._answer.stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        super().connection_lost(exc)
        self._head.stop()
        self._answer.stop()


def configured(app: Starlette, patience: float) -> uvicorn.Config:
    """How uvicorn runs the application, whatever else is installed that it would use by itself: parsers without a
    limit on a request's head, and web sockets, which nothing here limits."""

    class Protocol(PatientProtocol):
        pass

    Protocol.patience = patience
    return uvicorn.Config(
        app, http=Protocol, ws="none", log_level="warning", limit_concurrency=1024, timeout_keep_alive=15,
        h11_max_incomplete_event_size=1 << 16, timeout_graceful_shutdown=10, server_header=False,
    )  # fmt: skip
