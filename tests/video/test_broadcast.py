"""Frames of a demo for whoever connects."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress

import cv2
import numpy as np
import pytest

from pydarknet.errors import ExportError
from pydarknet.video import broadcast as rooms
from pydarknet.video.broadcast import JSON, MJPEG, Broadcast, Format, mjpeg_part

Read = Callable[[Broadcast], list[bytes]]


def url(broadcast: Broadcast) -> str:
    return f"http://127.0.0.1:{broadcast.port}/"


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def connected(broadcast: Broadcast) -> socket.socket:
    """A client that reads nothing."""
    link = socket.create_connection(("127.0.0.1", broadcast.port))
    link.sendall(b"GET / HTTP/1.0\r\n\r\n")
    until(lambda: broadcast.wanted)
    return link


def connected_as(broadcast: Broadcast, host: str) -> socket.socket:
    """A client that calls the server by a name."""
    link = socket.create_connection(("127.0.0.1", broadcast.port), 20)
    link.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return link


@pytest.fixture
def reading() -> Iterator[Read]:
    """Read a stream to its end in a thread: its type, then all of it."""
    threads = []

    def start(broadcast: Broadcast) -> list[bytes]:
        read: list[bytes] = []

        def run() -> None:
            with urllib.request.urlopen(url(broadcast), timeout=20) as answer:
                read.append(answer.headers["Content-Type"].encode())
                read.append(answer.read())

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return read

    yield start
    for thread in threads:
        thread.join(20)


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_json_is_a_whole_list_at_the_end(reading: Read, frames: int):
    with Broadcast("127.0.0.1", 0, JSON) as broadcast:
        everyone = [reading(broadcast), reading(broadcast)]
        until(lambda: len(broadcast._waiting) == 2)
        for number in range(frames):
            broadcast.send(json.dumps({"frame_id": number}).encode())
    until(lambda: all(len(read) == 2 for read in everyone))
    for read in everyone:
        assert read[0] == b"application/json"
        assert json.loads(read[1]) == [{"frame_id": number} for number in range(frames)]


def test_mjpeg_frames_are_images(reading: Read):
    jpeg = cv2.imencode(".jpg", np.full((8, 8, 3), 200, np.uint8))[1].tobytes()
    with Broadcast("127.0.0.1", 0, MJPEG) as broadcast:
        read = reading(broadcast)
        until(lambda: broadcast.wanted)
        broadcast.send(mjpeg_part(jpeg))
        until(lambda: not any(broadcast._waiting.values()))
    until(lambda: len(read) == 2)
    boundary = read[0].split(b"boundary=")[1]
    head, _, rest = read[1].partition(b"\r\n\r\n")
    assert head == b"--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d" % (boundary, len(jpeg))
    assert rest == jpeg + b"\r\n"


def test_nobody_waits_for_a_slow_client():
    with Broadcast("127.0.0.1", 0, Format("a/b", b"", b"", b"", kept=2)) as broadcast:
        link = connected(broadcast)
        frame = bytes(1 << 20)
        for _ in range(1000):  # a gigabyte that nobody reads, and that is not kept
            broadcast.send(frame)
        assert all(len(waiting) <= 2 for waiting in broadcast._waiting.values())
        link.close()


def test_clients_that_go_are_forgotten():
    with Broadcast("127.0.0.1", 0, JSON) as broadcast:
        connected(broadcast).close()
        until(lambda: broadcast.send(b"1") or not broadcast.wanted)


def test_too_many_clients_are_told_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rooms, "CLIENTS", 0)
    with Broadcast("127.0.0.1", 0, JSON) as broadcast, pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url(broadcast), timeout=20)
    assert caught.value.code == 503
    caught.value.close()


def test_who_breaks_off_or_drips_leaves_no_word_and_takes_no_place(monkeypatch, capfd: pytest.CaptureFixture[str]):
    monkeypatch.setattr(rooms, "PATIENCE", 0.3)
    monkeypatch.setattr(rooms, "CONNECTIONS", 3)
    with Broadcast("127.0.0.1", 0, JSON) as broadcast:
        for _ in range(20):
            link = socket.create_connection(("127.0.0.1", broadcast.port))
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed by a reset
            with suppress(OSError):
                link.sendall(b"GET / HTTP/1.0\r\nX")
            link.close()
        until(lambda: broadcast._server._places._value == 3)
        links = [socket.create_connection(("127.0.0.1", broadcast.port)) for _ in range(5)]

        def dripped() -> bool:
            for link in links:
                with suppress(OSError):
                    link.sendall(b"x")
            return broadcast._server._places._value == 3

        until(lambda: not dripped())
        until(dripped)
        for link in links:
            link.close()
        connected(broadcast).close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("host", "status"), [("evil.example", 400), ("localhost:1", 200), ("[::1]:1", 200)])
def test_foreign_names_of_a_local_stream(host: str, status: int):
    with Broadcast("127.0.0.1", 0, JSON) as broadcast, connected_as(broadcast, host) as link:
        assert b" %d " % status in link.recv(100)


def test_a_port_that_is_taken():
    with (
        Broadcast("127.0.0.1", 0, JSON) as first,
        pytest.raises(ExportError, match=f"port {first.port} of "),
    ):
        Broadcast("127.0.0.1", first.port, JSON)
