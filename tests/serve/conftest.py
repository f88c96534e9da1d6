"""A server of a small network, in a thread of its own."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pytest
import uvicorn

from pydarknet.detection.options import DetectOptions
from pydarknet.network import Network
from pydarknet.serve.app import Limits, create_app
from pydarknet.serve.protocol import configured
from tests.lib import nets


@dataclass(frozen=True)
class Client:
    """Requests to a server at a port of this machine."""

    port: int
    network: Network

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), {key.lower(): value for key, value in answer.getheaders()}
        finally:
            connection.close()

    def json(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        status, content, _ = self.request(method, path, body, headers)
        return status, json.loads(content)


@contextmanager
def serving(**options: Any) -> Iterator[Client]:
    """A server with these options of `create_app`."""
    network = nets.network(size=32)
    network.names = ["dog", "cat", "<b>bird</b>"]
    app = create_app(network, DetectOptions(thresh=0.2), **options)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        config = configured(app, options.get("limits", Limits()).seconds)
        config.timeout_graceful_shutdown = 2
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield Client(listener.getsockname()[1], network)
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with serving() as client:
        yield client


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


@pytest.fixture
def image() -> np.ndarray:
    return nets.picture(60, 40)
