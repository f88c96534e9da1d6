"""A web server on this machine that fails in every way a real one does, and the file it has."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pydarknet.catalog.checksum import Expected

CONTENT = bytes(range(256)) * 1200  # 307,200 bytes, several blocks
SHA256 = hashlib.sha256(CONTENT).hexdigest()
WHOLE = Expected((len(CONTENT),), {"sha256": SHA256})


class Server:
    """A web server on this machine; `behaviour` maps a path to its faults, `requests` is what it was asked."""

    def __init__(self) -> None:
        self.behaviour: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def url(self, path: str, **behaviour: Any) -> str:
        self.behaviour[path] = behaviour
        return f"http://127.0.0.1:{self.http.server_address[1]}{path}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        how = self.behaviour[request.path]
        wanted = request.headers.get("Range")
        self.requests.append((request.path, wanted))
        if "hang" in how:
            how["hang"].wait(10)
            return
        if "status" in how:
            request.send_error(how["status"])
            return
        content: bytes = how.get("content", CONTENT)
        first = 0
        if wanted and how.get("ranges", True):
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
            if first >= len(content):
                request.send_error(416)
                return
        request.send_response(206 if first else 200)
        if first:
            place = how.get("resumes_at", first)
            request.send_header("Content-Range", f"bytes {place}-{len(content) - 1}/{len(content)}")
        if length := how.get("length", True):
            claimed = str(how.get("claims", len(content)) - first)
            request.send_header("Content-Length", length if isinstance(length, str) else claimed)
        request.send_header("Content-Type", how.get("type", "application/octet-stream"))
        request.end_headers()
        cuts = how.get("cuts", [])
        request.wfile.write(content[first : cuts.pop(0) if cuts else None])


def leftovers(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path != target)
