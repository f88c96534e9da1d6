"""Frames of a running demo for whoever connects: drawn images (MJPEG) or detections (JSON), as AlexeyAB's ports."""

from __future__ import annotations

import socket
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from ..errors import ExportError
from ..system.hosts import LOCAL_HOSTS, is_local

CLIENTS = 32  # at once; others are told to come again
CONNECTIONS = 2 * CLIENTS  # with those that have not said yet what they want; others are closed
PATIENCE = 10.0  # seconds that a client may take for what is sent, and for its request
BOUNDARY = b"pydarknetframe"


@dataclass(frozen=True)
class Format:
    """What is around the frames of a stream. `kept`: frames that wait for a slow client, which loses older ones."""

    content_type: str
    start: bytes
    between: bytes
    end: bytes
    kept: int


MJPEG = Format(f"multipart/x-mixed-replace; boundary={BOUNDARY.decode()}", b"", b"", b"", kept=1)
JSON = Format("application/json", b"[\n", b", \n", b"\n]\n", kept=256)


def mjpeg_part(jpeg: bytes) -> bytes:
    """A frame of an MJPEG stream."""
    head = b"--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % (BOUNDARY, len(jpeg))
    return head + jpeg + b"\r\n"


class _Handler(BaseHTTPRequestHandler):
    """A connection that is cut off when its request takes longer than PATIENCE in all."""

    timeout = PATIENCE  # of each read and write

    def setup(self) -> None:
        """Begin."""
        super().setup()
        self._late = threading.Timer(PATIENCE, self._cut_off)
        self._late.daemon = True
        self._late.start()

    def parse_request(self) -> bool:
        """The request's head; whether it is one."""
        parsed = super().parse_request()
        self._late.cancel()
        return parsed

    def finish(self) -> None:
        """End."""
        self._late.cancel()
        super().finish()

    def _cut_off(self) -> None:
        with suppress(OSError):  # it is closed already
            self.request.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Who looks is nobody's business."""


class _Server(ThreadingHTTPServer):
    """One with an end to its connections, and no word about those that fail."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self._places = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(*arguments)

    def verify_request(self, *_: object) -> bool:
        """Whether there is a place; else the connection is closed."""
        return self._places.acquire(blocking=False)

    def process_request(self, *arguments: Any) -> None:
        """Begin a thread for a connection."""
        try:
            super().process_request(*arguments)
        except RuntimeError:  # no more threads
            self._places.release()
            raise

    def process_request_thread(self, *arguments: Any) -> None:
        """The life of a connection."""
        try:
            super().process_request_thread(*arguments)
        finally:
            self._places.release()

    def handle_error(self, *_: object) -> None:
        """A client that breaks off breaks nothing."""


class Broadcast:
    """A server at `host`:`port` (0: any that is free) that sends every frame to all who are there; a context manager.

    A demo never waits for a client. ExportError if the port can't be had.
    """

    def __init__(self, host: str, port: int, form: Format) -> None:
        self._form = form
        self._changed = threading.Condition()
        self._waiting: dict[int, deque[bytes]] = {}
        self._ended = False
        broadcast = self

        class Handler(_Handler):
            def do_GET(self) -> None:
                broadcast._serve(self)

        try:
            self._server = _Server((host, port), Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ExportError(f"port {port} of {host} can't be had: {reason}; choose another one") from error
        self._local = is_local(host)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def __enter__(self) -> Broadcast:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    @property
    def wanted(self) -> bool:
        """Whether anybody is there."""
        return bool(self._waiting)

    def send(self, frame: bytes) -> None:
        """Hand a frame to all clients, and return at once."""
        with self._changed:
            for waiting in self._waiting.values():
                waiting.append(frame)
            self._changed.notify_all()

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        """The life of one client."""
        me, name = threading.get_ident(), urlsplit(f"//{request.headers.get('Host', 'localhost')}").hostname
        if self._local and name not in LOCAL_HOSTS:  # a foreign page that reaches us by a name of its own
            request.send_error(400, "unknown host")
            return
        with self._changed:
            full = len(self._waiting) >= CLIENTS
            if not full:
                mine = self._waiting[me] = deque(maxlen=self._form.kept)
        if full:
            request.send_error(503, "too many clients")
            return
        with suppress(OSError):  # it is gone, or too slow
            request.send_response(200)
            request.send_header("Content-Type", self._form.content_type)
            request.send_header("Cache-Control", "no-store")
            request.end_headers()
            self._stream(request, mine)
        with self._changed:
            del self._waiting[me]

    def _stream(self, request: BaseHTTPRequestHandler, mine: deque[bytes]) -> None:
        out, before = request.wfile, self._form.start
        while True:
            with self._changed:
                self._changed.wait_for(lambda: mine or self._ended)
                if not mine:
                    break
                frame = mine.popleft()
            out.write(before + frame)
            before = self._form.between
        out.write((self._form.start if before == self._form.start else b"") + self._form.end)
