"""The routes of the server, and what keeps it standing: limits on size, time and number, a token, known hosts."""

from __future__ import annotations

import asyncio
import hmac
import json
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from os.path import basename
from time import perf_counter
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.datastructures import Headers, QueryParams, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from .._version import __version__
from ..detection.options import DEFAULTS, DetectOptions
from ..errors import DarknetError, ImageError
from ..images.header import BrokenHeaderError, parse_header
from ..images.image import encode_image
from ..images.planes import NPY, npy_header
from ..network import Network
from ..results.detections import Detections
from ..system.hosts import LOCAL_HOSTS
from .batching import Batcher, BusyError
from .middleware import HEADERS, AccessLog, KnownHosts, as_json

NUMBERS = ("thresh", "hier_thresh", "nms")
FLAGS = {"0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}


@dataclass(frozen=True)
class Limits:
    """What a server takes: bytes and pixels of an image, seconds a body may take, images run at once, requests that
    wait, and bytes that all images which are there may take, as files and decoded."""

    bytes: int = 20 << 20
    pixels: int = 50_000_000
    seconds: float = 30.0
    batch: int = 8
    waiting: int = 64
    memory: int = 1 << 30


class Server:
    """The application's state: the network, and what was counted."""

    def __init__(self, network: Network, options: DetectOptions, limits: Limits, token: str | None) -> None:
        self.network, self.options, self.limits = network, options, limits
        self._token = token
        self._batcher = Batcher(network, options, batch=limits.batch, waiting=limits.waiting)
        self._answers: Counter[int] = Counter()
        self._held = 0  # bytes of images that are there
        self._seconds = 0.0
        self._objects = 0

    @asynccontextmanager
    async def running(self, _: Starlette) -> AsyncIterator[None]:
        """The life of the application."""
        try:
            yield
        finally:
            self._batcher.close()

    async def page(self, _: Request) -> Response:
        """The page where an image is dropped."""
        return HTMLResponse(files(__package__).joinpath("page.html").read_text("utf-8"), headers=HEADERS)

    async def health(self, _: Request) -> Response:
        """Whether the server answers, and with what."""
        net = self.network
        name = basename(net.cfg.file)  # where it is, is nobody's business: no token is asked for here
        return as_json({"status": "ok", "network": name, "classes": net.classes, "version": __version__})

    async def names(self, request: Request) -> Response:
        """The names of the classes, in order."""
        self._check_token(request)
        return as_json(list(self.network.names))

    async def metrics(self, request: Request) -> Response:
        """Counts as Prometheus reads them."""
        self._check_token(request)
        rows = ["# TYPE pydarknet_requests_total counter"]
        rows += [f'pydarknet_requests_total{{status="{code}"}} {n}' for code, n in sorted(self._answers.items())]
        rows += [
            "# TYPE pydarknet_objects_total counter",
            f"pydarknet_objects_total {self._objects}",
            "# TYPE pydarknet_request_seconds summary",
            f"pydarknet_request_seconds_sum {self._seconds:.6f}",
            f"pydarknet_request_seconds_count {self._answers.total()}",
            "# TYPE pydarknet_requests_waiting gauge",
            f"pydarknet_requests_waiting {self._batcher.waiting}",
        ]
        return PlainTextResponse("\n".join(rows) + "\n", headers=HEADERS)

    async def detect(self, request: Request) -> Response:
        """An image as the body, or as the part `image` of a form: its detections as JSON, or drawn with ?draw=1."""
        start = perf_counter()
        status = 500
        try:
            response = await self._answer(request)
            status = response.status_code
            return response
        except HTTPException as error:
            status = error.status_code
            raise
        finally:
            self._answers[status] += 1
            self._seconds += perf_counter() - start

    async def _answer(self, request: Request) -> Response:
        self._check_token(request)
        options = self._options(request.query_params)
        with self._room() as take:
            content = await self._body(request, take)
            return await self._found(request, options, content, take)

    async def _found(
        self, request: Request, options: DetectOptions, content: bytes, take: Callable[[int], None]
    ) -> Response:
        draw = FLAGS[request.query_params.get("draw", "0")]
        try:
            take(self._decoded_bytes(content))
            answer = await self._batcher.answer(content, options, _drawn if draw else _described)
        except ImageError as error:
            raise HTTPException(400, str(error)) from error
        self._objects += answer.objects
        return Response(answer.body, media_type=answer.kind, headers=HEADERS)

    @contextmanager
    def _room(self) -> Iterator[Callable[[int], None]]:
        """Memory for one request, given back at its end: a function that takes so many bytes, or raises 503."""
        mine = 0

        def take(count: int) -> None:
            nonlocal mine
            if self._held + count > self.limits.memory:
                raise BusyError
            mine += count
            self._held += count

        try:
            yield take
        except BusyError:
            raise HTTPException(503, "too many requests wait; try again", {"Retry-After": "1"}) from None
        finally:
            self._held -= mine

    def _check_token(self, request: Request) -> None:
        if self._token is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token.encode()):
            raise HTTPException(
                401, "expected the header Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"}
            )

    def _options(self, query: QueryParams) -> DetectOptions:
        unknown = set(query) - {*NUMBERS, "draw"}
        if unknown:
            raise HTTPException(400, f"unknown parameter {min(unknown)!r}; known are {', '.join(NUMBERS)}, draw")
        if twice := [name for name in query if len(query.getlist(name)) > 1]:
            raise HTTPException(400, f"{twice[0]}: expected one value, found several")
        if (draw := query.get("draw", "0")) not in FLAGS:
            raise HTTPException(400, f"draw: expected 0 or 1, found {draw[:40]!r}")
        given = {}
        for name in NUMBERS:
            if name in query:
                given[name] = _number(name, query[name])
        try:
            return self.options.but(**given) if given else self.options
        except ValueError as error:
            raise HTTPException(400, str(error)) from error

    async def _body(self, request: Request, take: Callable[[int], None]) -> bytes:
        """The image's file. 411 to 415 and 408 for what is too large, too slow, or nothing."""
        try:
            declared = int(request.headers.get("content-length", "0"))
        except ValueError:
            raise HTTPException(400, "Content-Length is no number") from None
        if declared > self.limits.bytes:
            raise self._too_large()
        try:
            content = await asyncio.wait_for(self._read(request, take), self.limits.seconds)
        except asyncio.TimeoutError:
            raise HTTPException(408, f"the image took longer than {self.limits.seconds:g} seconds to come") from None
        except ClientDisconnect:
            raise HTTPException(400, "the client went away") from None
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            content = await _part(request.headers, content)
        if not content:
            raise HTTPException(400, "expected an image as the body, or as the part 'image' of a form; found nothing")
        return content

    async def _read(self, request: Request, take: Callable[[int], None]) -> bytes:
        parts, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > self.limits.bytes:
                raise self._too_large()
            take(len(chunk))
            parts.append(chunk)
        return b"".join(parts)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"expected at most {self.limits.bytes} bytes", {"Connection": "close"})

    def _decoded_bytes(self, content: bytes) -> int:
        """What the pixels will take, by the image's header. 413 for more of them than may be."""
        if content.startswith(NPY):
            (height, width, *_), _, _ = npy_header("the image", content)
            return self._room_of(width, height, 0)
        try:
            header = parse_header(content)
        except BrokenHeaderError as error:
            raise HTTPException(400, f"the image: {error}") from error
        return 0 if header is None else self._room_of(header.width, header.height, header.room)

    def _room_of(self, width: int, height: int, room: int) -> int:
        if (pixels := max(width * height, room)) > self.limits.pixels:
            size = f"{width} x {height}"
            raise HTTPException(413, f"an image of {size} pixels; expected at most {self.limits.pixels} in all")
        return pixels * 3


def create_app(
    network: Network,
    options: DetectOptions = DEFAULTS,
    *,
    limits: Limits | None = None,
    token: str | None = None,
    hosts: tuple[str, ...] = LOCAL_HOSTS,
    log: Callable[[str], object] | None = None,
) -> Starlette:
    """An ASGI application that detects with a network.

    GET / is a page to drop images on, GET /health and /metrics say how it is, GET /names lists the classes.
    POST /detect takes an image (the body, or the part `image` of a form) with ?thresh=, hier_thresh=, nms=, and
    ?draw=1 for a drawn JPEG instead of JSON. With a `token` every request but / and /health needs it as a bearer.
    `hosts`: what the header Host may say ("*": anything), so that no foreign page reaches a local server by another
    name. `log` is called with a line for each request that was answered.
    """
    server = Server(network, options, limits or Limits(), token)
    routes = [
        Route("/", server.page),
        Route("/health", server.health),
        Route("/names", server.names),
        Route("/metrics", server.metrics),
        Route("/detect", server.detect, methods=["POST"]),
    ]
    handlers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
        HTTPException: _refused,
        DarknetError: _failed,
        Exception: _broken,
    }
    logged = [] if log is None else [Middleware(AccessLog, log=log)]
    return Starlette(
        routes=routes,
        middleware=[*logged, Middleware(KnownHosts, hosts=hosts)],
        exception_handlers=handlers,
        lifespan=server.running,
    )


async def _refused(_: Request, error: HTTPException) -> Response:
    return as_json({"error": error.detail}, error.status_code, error.headers)


async def _failed(_: Request, error: DarknetError) -> Response:
    return as_json({"error": str(error)}, 400)


async def _broken(_: Request, error: Exception) -> Response:
    """A fault of ours, whose traceback goes to standard error."""
    return as_json({"error": f"Internal Server Error: {type(error).__name__}"}, 500)


async def _part(headers: Headers, content: bytes) -> bytes:
    """The first file of a form."""

    async def stream() -> AsyncIterator[bytes]:
        yield content

    try:
        form = await MultiPartParser(headers, stream(), max_files=1, max_fields=8).parse()  # type: ignore[arg-type]
    except (MultiPartException, KeyError, ValueError) as error:
        raise HTTPException(400, f"the form can't be read: {getattr(error, 'message', error)}") from error
    try:
        upload = next((value for _, value in form.multi_items() if isinstance(value, UploadFile)), None)
        return await upload.read() if upload is not None else b""
    finally:
        await form.close()


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise HTTPException(400, f"{name}: expected a number, found {text[:40]!r}")
    return value


class _Answer(NamedTuple):
    body: bytes
    kind: str
    objects: int


def _described(found: Detections, warning: str) -> _Answer:
    speed = {key: round(ms, 3) for key, ms in found.speed.items()}
    told = {**found.to_dict(), "speed": speed, **({"warning": warning} if warning else {})}
    body = json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _Answer(body.encode(), "application/json", len(found))


def _drawn(found: Detections, _: str) -> _Answer:
    return _Answer(encode_image(found.plot(show_path=True), ".jpg"), "image/jpeg", len(found))
