"""Hostile requests to `pydarknet serve`: heads, forms, images and queries that are cut, mutated and made of nothing.
The server answers each with a status below 500, or closes; it stands at the end, in the memory that it had, and finds
what it found before. `python -m tests.campaign.serve --count 5000 --seed 1`"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from tests.lib import cli_nets, nets

from .common import Findings, campaign, case_random, command, environment

GROWTH_MB = 100
SECONDS = 2.0  # for an answer; the server waits one for a body, and as long as it likes for a head that has no end
# fmt: off
NAMES = [
    "content-length", "content-type", "host", "transfer-encoding", "authorization", "expect", "connection", "x",
]
VALUES = [
    "", "-1", "0", "5", "99999999999999999999", "\xb2", "nan", "chunked", "gzip, chunked", "multipart/form-data",
    "multipart/form-data; boundary=b", "multipart/form-data; boundary=" + "b" * 300, "image/jpeg", "close",
    "localhost", "evil.example", "127.0.0.1:1", "100-continue", "Bearer x", "\xff\xfe", "a" * 70000,
]
QUERIES = [
    "", "thresh=.1", "thresh=2", "thresh=nan", "thresh=-1e999", "nms=0", "hier_thresh=", "draw=1", "draw=%00", "x=1",
    "thresh=.1&thresh=.2", "thresh=" + "9" * 5000, "%", "=&=&", "nms=\u0661", "&".join(["a=1"] * 2000),
]
# fmt: on
PATHS = ["/detect"] * 20 + [
    "/",
    "/health",
    "/names",
    "/metrics",
    "/../etc/passwd",
    "//",
    "/detect/",
    "*",
    "/%00",
    "x",
]


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The port of a running server, and its process."""
    nets.write(folder, size=32)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = command("serve", folder / "small.cfg", folder / "small.weights", "--port", port, "--timeout", 1, "-quiet")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, env=environment(), stdout=log, stderr=log)
    try:
        while not answer(port, b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"):
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
        yield port, process
    finally:
        process.terminate()
        process.wait(30)


def answer(port: int, request: bytes, cut: bool = False) -> bytes:
    """What comes back until the server closes, or enough to judge; `cut`: close after sending."""
    data = b""
    try:
        with socket.create_connection(("127.0.0.1", port), SECONDS) as client:
            client.sendall(request)
            if cut:
                return b""
            while len(data) < 1 << 22 and (part := client.recv(1 << 16)):
                data += part
    except TimeoutError:
        return data or b"waits"
    except OSError:
        pass  # closed by the server, which is its right
    return data


def request(rng: Random, image: bytes) -> bytes:
    """A request that is right in some places."""
    body = rng.choice([image, image, image[: rng.randrange(len(image))], rng.randbytes(rng.randrange(3000)), b""])
    if body and rng.random() < 0.3:
        spoilt = bytearray(body)
        for _ in range(rng.choice([1, 3, 30])):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        body = bytes(spoilt)
    kind = "image/png"
    if rng.random() < 0.4:
        part = rng.choice(["image", "file", "", '"', "a\0", "x" * 9000])
        disposition = rng.choice(["form-data; name=", "form-data; filename=x; name=", "attachment; name=", ""])
        head = f'--b\r\nContent-Disposition: {disposition}"{part}"; filename="a.png"\r\n\r\n'.encode()
        body = head * rng.choice([1, 1, 1, 20]) + body + rng.choice([b"\r\n--b--\r\n", b"\r\n--b\r\n", b""])
        kind = rng.choice(
            ["multipart/form-data; boundary=b", "multipart/form-data; boundary=c", "multipart/form-data"]
        )
    headers = {"host": "localhost", "content-length": str(len(body)), "content-type": kind, "connection": "close"}
    for _ in range(rng.choice([0, 0, 0, 1, 3])):
        headers[rng.choice(NAMES)] = rng.choice(VALUES)
    method = rng.choice(["POST"] * 20 + ["GET", "PUT", "HEAD", "OPTIONS", "PRI", "x" * 5000])
    path = f"{rng.choice(PATHS)}?{rng.choice(['thresh=.1', rng.choice(QUERIES)])}"
    lines = [f"{method} {path} HTTP/{rng.choice(['1.1'] * 8 + ['1.0', '2.0', '9'])}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = rng.choice(["\r\n"] * 9 + ["\n"]).join([*lines, "", ""]).encode("utf-8")
    return head + body if rng.random() < 0.95 else rng.randbytes(rng.randrange(200))


def memory(process: subprocess.Popen[bytes]) -> float:
    """Resident MB."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+)", text)[1]) / 1024  # type: ignore[index]


def body(count: int, seed: int, folder: Path, findings: Findings) -> dict[str, Any]:
    image = cli_nets.write_picture(folder / "a.png", 60, 40).read_bytes()
    good = b"POST /detect?thresh=.1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: "
    good += f"{len(image)}\r\n\r\n".encode() + image
    with server(folder) as (port, process):
        before, start = objects(answer(port, good)), memory(process)
        for number in range(count):
            rng = case_random(seed, number)
            said = answer(port, request(rng, image), cut=rng.random() < 0.05)
            status = re.match(rb"HTTP/1\.1 (\d{3})", said)
            findings.note(status[1].decode() if status else said[:5].decode("latin-1") or "closed")
            if status and status[1] >= b"500":
                findings.found(number, repr(said[-200:]))
            if process.poll() is not None:
                findings.found(number, f"the server has ended: {(folder / 'log').read_text()[-500:]}")
                return {}
        if objects(answer(port, good)) != before:
            findings.found("at the end", "other detections than at the beginning")
        growth = memory(process) - start
        if growth > GROWTH_MB:
            findings.found("memory", f"grows by {growth:.0f} MB")
    if "Traceback" in (text := (folder / "log").read_text()):
        findings.found("log", text[-1500:])
    return {"growth_mb": round(growth, 1)}


def objects(said: bytes) -> object:
    """The detections of an answer."""
    return json.loads(said.partition(b"\r\n\r\n")[2])["objects"]


if __name__ == "__main__":
    sys.exit(campaign(__doc__, body, 5000))
