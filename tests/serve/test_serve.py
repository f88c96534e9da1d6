"""The server: the same detections as in Python, and nothing that clients send brings it down."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
import socket
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import cv2
import numpy as np
import pytest
import uvicorn

from pydarknet.cli.commands.serve import listening
from pydarknet.cli.main import main
from pydarknet.serve import batching
from pydarknet.serve.app import Limits
from pydarknet.serve.protocol import configured
from pydarknet.system.pipeline import Lanes
from pydarknet.system.signals import ENDING
from tests.lib import nets
from tests.lib.cli_nets import spawn
from tests.serve.conftest import Client, png, serving

pytestmark = pytest.mark.slow


def form(content: bytes, name: str = "image") -> tuple[bytes, dict[str, str]]:
    head = f'--XX\r\nContent-Disposition: form-data; name="{name}"; filename="../../a.png"\r\n\r\n'
    return head.encode() + content + b"\r\n--XX--\r\n", {"Content-Type": "multipart/form-data; boundary=XX"}


def test_detections_are_those_of_python(client: Client, image: np.ndarray):
    expected = client.network.detect(image, 0.2).to_dict()["objects"]
    assert expected
    status, found = client.json("POST", "/detect", png(image))
    assert (status, found["objects"]) == (200, expected)
    assert (found["width"], found["height"]) == (60, 40)
    status, content, _ = client.request("POST", "/detect", *form(png(image)))
    assert (status, json.loads(content)["objects"]) == (200, expected)
    assert client.json("POST", "/detect?thresh=1", png(image))[1]["objects"] == []


def test_drawn(client: Client, image: np.ndarray):
    status, content, headers = client.request("POST", "/detect?draw=1", png(image))
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).shape == image.shape


def test_a_cut_image_is_said_to_be_one(client: Client, image: np.ndarray):
    whole = cv2.imencode(".jpg", image)[1].tobytes()
    assert "warning" not in client.json("POST", "/detect", whole)[1]
    assert "whose end is missing" in client.json("POST", "/detect", whole[:-100])[1]["warning"]


def test_health_names_metrics_and_page(client: Client):
    status, health = client.json("GET", "/health")
    assert (status, health["status"], health["classes"]) == (200, "ok", 3)
    assert client.json("GET", "/names") == (200, ["dog", "cat", "<b>bird</b>"])
    client.request("POST", "/detect", b"no image")
    metrics = client.request("GET", "/metrics")[1].decode()
    assert 'pydarknet_requests_total{status="400"}' in metrics
    families = re.findall(r"(?m)^# TYPE (\w+) \w+$", metrics)
    assert all(line.startswith((*families, "#")) for line in metrics.splitlines())
    status, page, headers = client.request("GET", "/")
    assert (status, headers["x-content-type-options"]) == (200, "nosniff")
    assert b"Drop an image here" in page


def test_many_clients_at_once_get_their_own_answers(client: Client):
    images = [nets.picture(40 + i, 30 + i, i) for i in range(24)]
    expected = [client.network.detect(image, 0.2).to_dict()["objects"] for image in images]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda image: client.json("POST", "/detect", png(image)), images))
    assert [found["objects"] for _, found in answers] == expected


def test_fewer_clients_than_cores_share_batches(monkeypatch: pytest.MonkeyPatch):
    """As on a device: what is decoded while others run, runs next; of one threshold, in few sizes of batches."""
    monkeypatch.setattr(batching, "lanes_of", lambda *_, **__: Lanes(2))
    images, ran, go_on = [nets.picture(40, 30, i) for i in range(11)], [], threading.Event()
    with serving(limits=Limits(batch=8)) as client, ThreadPoolExecutor(11) as pool:
        detect = client.network.detect
        expected = [detect(image, 0.3 if i == 10 else 0.2).to_dict()["objects"] for i, image in enumerate(images)]

        def recorded(*args: Any, **options: object):
            ran.append(len(args[0]))
            assert go_on.wait(20)
            return detect(*args, **options)

        client.network.detect = recorded  # type: ignore[method-assign]
        answers = []
        for i, image in enumerate(images):
            path = "/detect?thresh=0.3" if i == 10 else "/detect"
            answers.append(pool.submit(client.json, "POST", path, png(image)))
            wait_until(lambda: len(ran) == 1 and waiting(client) == i)  # noqa: B023
        go_on.set()
        assert [answer.result()[1]["objects"] for answer in answers] == expected
    assert ran == [1, 8, 1, 1]


def waiting(client: Client) -> int:
    found = re.search(rb"requests_waiting (\d+)", client.request("GET", "/metrics")[1])
    assert found
    return int(found[1])


def wait_until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not ready() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ready()


def bomb(width: int, height: int) -> bytes:
    """A PNG of one grey value, small as a file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def npy(shape: tuple[int, ...]) -> bytes:
    """The head of an array."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"shape": shape, "fortran_order": False, "descr": "|u1"})
    return file.getvalue()


def tiff(width: int, height: int, tile: int) -> bytes:
    """The head of a small image in one large tile."""
    tags = {256: width, 257: height, 322: tile, 323: tile}
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + rows + bytes(4)


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "message"),
    [
        ("/detect", b"", {}, 400, "found nothing"),
        ("/detect", b"/etc/passwd", {}, 400, "image"),
        ("/detect", b"\xff\xd8\xff", {}, 400, "image"),
        ("/detect?thresh=2", b"x", {}, 400, "thresh"),
        ("/detect?thresh=nan", b"x", {}, 400, "expected a number"),
        ("/detect?tresh=.5", b"x", {}, 400, "unknown parameter 'tresh'"),
        ("/detect?draw=2", b"x", {}, 400, "draw: expected 0 or 1, found '2'"),
        ("/detect?thresh=.5&thresh=.6", b"x", {}, 400, "thresh: expected one value"),
        ("/detect", b"x", {"Host": "evil.example"}, 400, "answers as localhost or 127.0.0.1 only"),
        ("/detect", bomb(60000, 60000), {}, 413, "60000 x 60000"),
        ("/detect", npy((7000, 8000)), {}, 413, "8000 x 7000"),
        ("/detect", tiff(8, 8, tile=1 << 15), {}, 413, "8 x 8"),
        ("/detect", b"x", {"Content-Length": "1073741824"}, 413, "at most 20971520 bytes"),
        ("/detect", b"x", {"Content-Type": "multipart/form-data"}, 400, "form"),
        ("/detect", b"garbage", {"Content-Type": "multipart/form-data; boundary=XX"}, 400, ""),
        ("/names", b"", {}, 405, "Method Not Allowed"),
        ("/../../etc/passwd", b"", {}, 404, "Not Found"),
    ],
)
def test_what_is_refused(client: Client, path: str, body: bytes, headers: dict[str, str], status: int, message: str):
    found, answer = client.json("POST", path, body, **headers)
    assert (found, message in answer["error"]) == (status, True), answer


def test_a_body_without_a_length_ends_at_the_limit():
    with serving(limits=Limits(bytes=1000)) as client, socket.create_connection(("127.0.0.1", client.port)) as link:
        link.sendall(b"POST /detect HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        link.sendall(b"3e8\r\n" + bytes(1000) + b"\r\n" + b"1\r\n\0\r\n")
        assert b"413" in link.recv(4096)


def test_a_token():
    with serving(token="secret") as client:
        for path, method in (("/detect", "POST"), ("/names", "GET"), ("/metrics", "GET")):
            for given in ("", "Bearer wrong", "Bearer secre\xfc", "Basic secret", "secret"):
                assert client.request(method, path, b"x", {"Authorization": given})[0] == 401
        assert "/" not in client.json("GET", "/health")[1]["network"]  # who has no token needn't know where files are
        for given in ("Bearer secret", "bearer secret"):  # of any case, as HTTP says
            assert client.request("GET", "/names", None, {"Authorization": given})[0] == 200


def test_names_of_a_local_server(client: Client):  # foreign ones are refused above
    assert client.request("GET", "/health", None, {"Host": f"localhost:{client.port}"})[0] == 200


def test_two_hundred_slow_clients_keep_nobody_waiting(image: np.ndarray):
    with serving(limits=Limits(seconds=1.5)) as client:
        content = png(image)
        links = []
        try:
            for _ in range(200):
                link = socket.create_connection(("127.0.0.1", client.port))
                head = f"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"
                link.sendall(head.encode() + content[:10])
                links.append(link)
            assert client.json("POST", "/detect", content)[0] == 200
            for link in links[:5]:
                link.settimeout(20)
                assert b"408" in link.recv(4096)
        finally:
            for link in links:
                link.close()
        assert client.json("POST", "/detect", content)[0] == 200


HEAD = b"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n"


@pytest.mark.parametrize(
    ("said", "drop", "again"),
    [(b"", b"", 0), (HEAD, b"X: y\r\n", 0), (b"GET /names HTTP/1.1\r\nHost: localhost\r\n\r\n", HEAD[:5], 1),
     (b"DELETE" + HEAD[4:] + b"\r\n", b"x", 1)],
    ids=["silent", "head without end", "second head", "body behind the answer"],
)  # fmt: skip
def test_who_drips_is_cut_off(said: bytes, drop: bytes, again: int):
    with serving(limits=Limits(seconds=0.5)) as client, socket.create_connection(("127.0.0.1", client.port)) as link:
        link.settimeout(0.05)
        link.sendall(said)
        answered, deadline = b"", time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                if not (part := link.recv(4096)):
                    break
                answered += part
            except TimeoutError:
                with suppress(OSError):
                    link.sendall(drop)
            except OSError:
                break
        assert (time.monotonic() < deadline, answered.count(b"HTTP/1.1")) == (True, again)


def test_who_takes_no_answer_is_cut_off():
    async def app(scope: dict[str, str], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": bytes(1 << 26)})

    async def run() -> None:
        server = uvicorn.Server(configured(app, 0.5))  # type: ignore[arg-type]
        with listening("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()) as link:
            link.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            running = asyncio.create_task(server.serve([listener]))
            while not server.server_state.total_requests:
                await asyncio.sleep(0.01)
            while server.server_state.connections:
                await asyncio.sleep(0.01)
            server.should_exit = True
            await running

    asyncio.run(asyncio.wait_for(run(), 30))


@pytest.mark.parametrize("number", ENDING)
def test_what_is_under_way_when_asked_to_end_is_answered(tmp_path, image: np.ndarray, number: int):
    cfg, weights = nets.write(tmp_path)
    content = png(image)
    head = f"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    process = spawn("serve", cfg, weights, "--port", "0")
    try:
        client = Client(port_of(process), nets.network())
        links = [socket.create_connection(("127.0.0.1", client.port), 30) for _ in range(8)]
        for link in links:
            link.sendall(head + content[:20])
        client.request("GET", "/health")  # they have been read by now
        process.send_signal(number)
        wait_until(lambda: not listens(client.port))
        for link in links:
            link.sendall(content[20:])
            assert link.recv(1 << 16).startswith(b"HTTP/1.1 200")
            link.close()
        assert process.wait(30) == 128 + number
    finally:
        process.kill()
        said = process.communicate()[1]
    assert b"Traceback" not in said


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionError:
        return False
    return True


def test_who_goes_away_leaves_nothing(image: np.ndarray):
    content = png(image)
    head = f"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    with serving(limits=Limits(memory=len(content) + image.nbytes, waiting=1)) as client:
        for sent in (content[:-1], content):
            with socket.create_connection(("127.0.0.1", client.port)) as link:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed by a reset
                link.sendall(head + sent)
            wait_until(lambda: client.request("POST", "/detect", content)[0] == 200)
        assert waiting(client) == 0


def test_more_than_may_wait_are_told_so(image: np.ndarray):
    with serving(limits=Limits(waiting=1, batch=1)) as client:
        started, go_on = threading.Event(), threading.Event()
        detect = client.network.detect

        def slow(*args: object, **options: object):
            started.set()
            assert go_on.wait(20)
            return detect(*args, **options)

        client.network.detect = slow  # type: ignore[method-assign]
        with ThreadPoolExecutor(4) as pool:
            first = pool.submit(client.request, "POST", "/detect", png(image))
            assert started.wait(20)
            others = [pool.submit(client.request, "POST", "/detect", png(image)) for _ in range(3)]
            wait_until(lambda: any(each.done() for each in others))
            refused = [each.result() for each in others if each.done()]
            assert refused
            assert all((status, headers["retry-after"]) == (503, "1") for status, _, headers in refused)
            go_on.set()
            assert first.result()[0] == 200


def test_memory_for_images_has_an_end(image: np.ndarray):
    content = png(image)
    with serving(limits=Limits(memory=len(content) + image.nbytes - 1)) as client:
        status, answer = client.json("POST", "/detect", content)
        assert (status, answer["error"]) == (503, "too many requests wait; try again")
        small = png(image[:8, :8])
        assert [client.json("POST", "/detect", small)[0] for _ in range(50)] == [200] * 50  # it is given back


def test_an_error_of_the_network_answers_its_request_alone(client: Client, image: np.ndarray, monkeypatch):
    def broken(*args: object, **options: object):
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(client.network, "detect", broken)
        assert client.json("POST", "/detect", png(image)) == (500, {"error": "Internal Server Error: RuntimeError"})
    assert client.json("POST", "/detect", png(image))[0] == 200


def test_a_port_that_is_taken_is_said_before_anybody_connects(tmp_path, capsys: pytest.CaptureFixture[str]):
    cfg, weights = nets.write(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["serve", str(cfg), str(weights), "--port", str(port)]) == 2
    told = capsys.readouterr().err
    assert f"can't listen at 127.0.0.1, port {port}: Address already in use; choose another --port" in told
    assert "http://" not in told


def test_no_part_of_an_answer_waits_for_the_receipt_of_another():
    with listening("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def port_of(process: subprocess.Popen[bytes]) -> int:
    """What a server says when it listens."""
    assert process.stderr
    lines = iter(process.stderr.readline, b"")
    return next(int(found[1]) for line in lines if (found := re.search(rb"http://127\.0\.0\.1:(\d+)/", line)))


@pytest.mark.slow
def test_a_free_port_is_named_and_open(tmp_path):
    cfg, weights = nets.write(tmp_path)
    process = spawn("serve", cfg, weights, "--port", "0")
    try:
        client = Client(port_of(process), nets.network())
        assert client.json("GET", "/health")[0] == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130)
    finally:
        process.kill()
        process.communicate()


def test_others_need_a_token(tmp_path, capsys: pytest.CaptureFixture[str]):
    cfg, weights = nets.write(tmp_path)
    assert main(["serve", str(cfg), str(weights), "--host", "0.0.0.0"]) == 2
    assert "give a --token" in capsys.readouterr().err
