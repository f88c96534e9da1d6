"""`pydarknet serve` beside `pydarknet detect`, on the same photographs and the same processors:

    python benchmarks/serving.py [--images 1000] [--clients 8] [--rounds 5] [--write] [-- options of serve]

The photographs are those of folder.py. In turns: `detect` on the folder, by its own clock, which leaves out its start
and counts the reading of the files; then all photographs through the server, by so many clients at once, each with a
connection of its own that stays open and one request under way. The clients are one thread of this process, on the
processors that the server has, too; the files are read before. Then a client alone, for the time of one answer.
`--write`: into results/serving.json.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from folder import make_photographs, seconds_of
from workers import FOLDER, ROOT, machine, measured_peak

from pydarknet.catalog import find_weights

ANSWERS = 200  # to a client alone


class Client:
    """A connection that stays open, with one request under way."""

    def __init__(self, port: int) -> None:
        self.link = socket.create_connection(("127.0.0.1", port))
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.link.setblocking(False)
        self._unsent = memoryview(b"")
        self._answer = b""

    def ask(self, request: bytes) -> None:
        """Begin a request."""
        self._unsent, self._answer = memoryview(request), b""

    @property
    def waits_for(self) -> int:
        return selectors.EVENT_WRITE if self._unsent else selectors.EVENT_READ

    def go_on(self) -> bool:
        """Send or receive as much as can be; whether the answer is there."""
        if self._unsent:
            self._unsent = self._unsent[self.link.send(self._unsent) :]
            return False
        part = self.link.recv(1 << 16)
        self._answer += part
        head, _, body = self._answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not part or not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"the server says {self._answer[:300]!r}")
        return length is not None and len(body) == int(length[1])


def load(port: int, requests: Sequence[bytes], clients: int) -> float:
    """Seconds for all requests, by so many clients at once."""
    waiting = iter(requests)
    with selectors.DefaultSelector() as selector:
        start = time.perf_counter()
        for request in [next(waiting) for _ in range(clients)]:
            client = Client(port)
            client.ask(request)
            selector.register(client.link, client.waits_for, client)
        while selector.get_map():
            for key, _ in selector.select():
                client, next_request = key.data, None
                if client.go_on():
                    if (next_request := next(waiting, None)) is None:
                        selector.unregister(client.link)
                        client.link.close()
                        continue
                    client.ask(next_request)
                if client.waits_for != key.events:
                    selector.modify(client.link, client.waits_for, client)
        return time.perf_counter() - start


@contextmanager
def server(words: Sequence[object]) -> Iterator[int]:
    """The port of a `pydarknet serve`."""
    command = [sys.executable, "-m", "pydarknet", "serve", *map(str, words), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert running.stderr is not None
        said = next((found for line in running.stderr if (found := re.search(r"127\.0\.0\.1:(\d+)", line))), None)
        if said is None:
            raise SystemExit("the server has ended")
        yield int(said[1])
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait()


def request(image: bytes) -> bytes:
    head = f"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}"
    return head.encode() + b"\r\n\r\n" + image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--network", default="yolov3-tiny")
    parser.add_argument("--weights", default="yolov3-tiny", help="a file, or a name of `pydarknet weights list`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("options", nargs="*", help="of `pydarknet serve`, behind --")
    args = parser.parse_args()
    words = [ROOT / "cfg" / f"{args.network}.cfg", find_weights(args.weights)]
    about = machine(measured_peak())
    detect, serve, alone = list[float](), list[float](), list[float]()
    with tempfile.TemporaryDirectory() as name, server([*words, *args.options]) as port:
        make_photographs(Path(name), args.images)
        requests = [request(file.read_bytes()) for file in sorted(Path(name).iterdir())]
        load(port, requests[:100], args.clients)
        for _ in range(args.rounds):
            detect.append(seconds_of("detect", *words, name, "--no-draw"))
            serve.append(load(port, requests, args.clients))
            alone.append(load(port, requests[:ANSWERS], 1))
            print(f"detect {args.images / detect[-1]:.1f} images/s, serve {args.images / serve[-1]:.1f}: "
                  f"{detect[-1] / serve[-1]:.3f} of it; alone {alone[-1] / ANSWERS * 1000:.2f} ms an answer",
                  flush=True)  # fmt: skip
    ratios = [a / b for a, b in zip(detect, serve, strict=True)]
    print(json.dumps(about))
    print(f"serve has {statistics.median(ratios):.3f} of detect's images a second ({min(ratios):.3f} to "
          f"{max(ratios):.3f}; of the fastest {min(detect) / min(serve):.3f})")  # fmt: skip
    seconds = {"detect": detect, "serve": serve, f"{ANSWERS} answers to a client alone": alone}
    result = {"machine": about, "network": args.network, "images": args.images, "clients": args.clients,
              "options": args.options, "seconds": seconds}  # fmt: skip
    if args.write:
        (FOLDER / "results" / "serving.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
