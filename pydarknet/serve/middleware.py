"""What every request goes through, and how answers of our own look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src blob: data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of JSON that nobody keeps."""
    return JSONResponse(value, status, {**HEADERS, **(headers or {})})


class KnownHosts:
    """Refuses requests whose header Host names another server than one of `hosts` ("*": any will do)."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or "*" in self._hosts or self._knows(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send)
            return
        told = f"answers as {' or '.join(self._hosts[:2])} only; another --host, with a token, takes other names"
        await as_json({"error": told}, 400)(scope, receive, send)

    def _knows(self, given: str) -> bool:
        try:
            return urlsplit(f"//{given}").hostname in self._hosts
        except ValueError:
            return False


class AccessLog:
    """Says each request: `127.0.0.1 POST /detect?thresh=.3 200 41 ms`, in the bytes of the request line."""

    def __init__(self, app: ASGIApp, log: Callable[[str], object]) -> None:
        self._app, self._log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            query = b"?" + scope["query_string"] if scope["query_string"] else b""
            path = (scope.get("raw_path") or scope["path"].encode()) + query
            client = (scope.get("client") or ("-",))[0]
            milliseconds = (perf_counter() - start) * 1000
            shown = ascii(path.decode("latin-1"))[1:-1]
            self._log(f"{client} {scope['method']} {shown} {status} {milliseconds:.0f} ms")
