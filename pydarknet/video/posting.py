"""What a running demo finds, posted to a server, as AlexeyAB's -http_post_host."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import TracebackType
from urllib.parse import urlsplit

from ..detection.results import Detection
from ..errors import ExportError
from ..formats.text import without_password

TIMEOUT = 3.0  # seconds, as AlexeyAB's
WAITING = 16  # frames; newer ones are dropped while so many wait
PATIENCE = 2 * TIMEOUT  # at the end, for what waits


def message(found: Sequence[Detection], source: str) -> str:
    """What AlexeyAB's demo posts of a frame: names, numbers, the time and the video; '' if nothing was found."""
    if not found:
        return ""
    lines = "".join(f"{each.name}, id: {each.class_id}\n" for each in found)
    return f"{lines}\ntime:\n{time.strftime('%A %F %T')}\nvideosource:\n{without_password(source)}"


class Posts:
    """Posts texts to HOST[:PORT]/PATH, or an http or https address, one after another; a context manager.

    A demo never waits for the server: what can't be sent is dropped, and `warn` told once. ExportError for what is
    no address.
    """

    def __init__(self, address: str, warn: Callable[[str], None]) -> None:
        self._address, self._warn, self._failed = without_password(address), warn, False
        parts = urlsplit(address if "://" in address else f"http://{address}")
        try:
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            self._host = ""
        if parts.scheme not in ("http", "https") or not self._host:
            raise ExportError(f"{self._address}: expected HOST[:PORT]/PATH, or an address of http or https")
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._waiting: queue.Queue[str | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Posts:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._waiting.put(None, timeout=PATIENCE)
        except queue.Full:
            return
        self._thread.join(PATIENCE)

    def send(self, text: str) -> None:
        """Hand a text over, and return at once."""
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            self._complain("answers too slowly")

    def _work(self) -> None:
        while (text := self._waiting.get()) is not None:
            connection = self._connection(self._host, self._port, timeout=TIMEOUT)
            try:
                connection.request("POST", self._path, text.encode(), {"Content-Type": "text/plain"})
                connection.getresponse().read()
            except (OSError, HTTPException) as error:
                self._complain(str(error) or type(error).__name__)
            finally:
                connection.close()

    def _complain(self, reason: str) -> None:
        if not self._failed:
            self._failed = True
            self._warn(f"warning: {self._address}: {reason}; detections that can't be posted are dropped")
