"""What is said of requests."""

from __future__ import annotations

import re

import numpy as np

from tests.serve.conftest import png

from .conftest import serving


def test_a_line_for_each_request(image: np.ndarray):
    said: list[str] = []
    with serving(log=said.append, token="secret") as client:
        client.request("GET", "/health")
        client.request("POST", "/detect?thresh=.5", png(image), {"Authorization": "Bearer secret"})
        client.request("GET", "/names%0a%00\x1b[2J".replace("\x1b", "%1b"))
        client.request("GET", "/", None, {"Host": "evil.example"})
    wanted = ["GET /health 200", r"POST /detect\?thresh=\.5 200", r"GET /names%0a%00%1b\[2J 404", "GET / 400"]
    for line, text in zip(said, wanted, strict=True):
        assert re.fullmatch(rf"127\.0\.0\.1 {text} \d+ ms", line)
    assert "secret" not in "".join(said)
