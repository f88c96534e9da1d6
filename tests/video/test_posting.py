"""What a demo posts, and that it waits for nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pydarknet.detection.results import Box, Detection
from pydarknet.errors import ExportError
from pydarknet.video import posting
from pydarknet.video.posting import Posts, message

DOG = Detection(16, "dog", 0.9, 0.9, Box(5, 5, 2, 2))


class Receiver:
    """A server that keeps what it gets; while `held`, it answers nobody."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, str]] = []
        self.held = threading.Event()
        self.held.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.held.wait(10)
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.got.append((self.path, self.headers["Content-Type"], text))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.held.set()
    receiver.http.shutdown()
    receiver.http.server_close()


def test_the_text_is_alexeyabs() -> None:
    lines = message([DOG, DOG], "clip.mp4").splitlines()
    assert lines[:4] == ["dog, id: 16", "dog, id: 16", "", "time:"]
    assert lines[5:] == ["videosource:", "clip.mp4"]
    assert message([], "clip.mp4") == ""
    assert "secret" not in message([DOG], "rtsp://me:secret@cam/1")


def test_posts_arrive_in_order(receiver: Receiver) -> None:
    with Posts(f"{receiver.address}/a/b?c=1", lambda text: pytest.fail(text)) as posts:
        posts.send("one")
        posts.send("two")
    assert receiver.got == [("/a/b?c=1", "text/plain", "one"), ("/a/b?c=1", "text/plain", "two")]


def test_nobody_waits_for_a_slow_server(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "PATIENCE", 0.01)
    receiver.held.clear()
    told: list[str] = []
    with Posts(receiver.address, told.append) as posts:
        for number in range(3 * posting.WAITING):
            posts.send(str(number))
    assert told == [f"warning: {receiver.address}: answers too slowly; detections that can't be posted are dropped"]


def test_a_server_that_is_not_there_is_said_once() -> None:
    told: list[str] = []
    with Posts("127.0.0.1:9/x", told.append) as posts:
        posts.send("one")
        posts.send("two")
    (line,) = told
    assert line.startswith("warning: 127.0.0.1:9/x: ")


@pytest.mark.parametrize("address", ["", "/path", "ftp://a/b", "a:port/b"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ExportError, match="expected HOST"):
        Posts(address, print)
