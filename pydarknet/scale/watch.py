"""Ranks that watch each other: a connection of each to rank 0, which the kernel closes when a process dies.

MPI's launchers end a job whose process dies, but say it in their own words, and not all of them at once; a rank that
waits for a dead one would wait for ever. Here the first that goes ends all, with one message.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import socket
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..errors import DarknetError
from ..system import signals
from ..system.progress import say

GRACE = 5.0  # seconds for others to say what is wrong before one ends in silence
ERROR = 2  # exit code
DONE, SILENT, FAILED = "done", "silent", "failed"


class Watch:
    """Connects this rank to rank 0 (all ranks make one at the same time), and watches until `close`.

    Where connections can't be made only the launcher notices a dead rank; rank 0 warns.
    """

    def __init__(self, rank: int, gather: Callable[[Any], list[Any]]) -> None:
        self.rank = rank
        self._over = threading.Event()
        self._word = threading.Lock()  # whoever takes it says what ended all
        self._peers: dict[socket.socket, str] = {}
        token, host = secrets.token_hex(8), socket.gethostname()
        server = _listen() if rank == 0 else None
        port = server.getsockname()[1] if server else 0
        (token, where, port), *_ = gather((token, host, port))
        try:
            if server is None:
                self._peers = {_connect("127.0.0.1" if where == host else where, port, token, rank): "rank 0"}
            ready = True
        except OSError:
            ready = False
        readies = gather(ready)
        self._ready = all(readies)
        if server is not None:
            if self._ready:
                self._peers = dict(_accept(server, token) for _ in readies[1:])
            server.close()
        if not self._ready and rank == 0:
            say(f"warning: the ranks can't reach {where}:{port} to watch each other; a dead rank is noticed by the "
                 "launcher only")  # fmt: skip
        threading.Thread(target=self._look, daemon=True, name="pydarknet-watch").start()

    def close(self) -> None:
        """The orderly end, which all have come to."""
        self._over.set()
        self._tell(DONE)

    def fail(self, error: BaseException) -> None:
        """This rank ends with an error: rank 0 says which, and all end. Rank 0 returns, to say its own, unless
        another rank's came first."""
        first = self._first()
        if self.rank == 0:
            if not first:  # the thread that watches is about to end this process
                time.sleep(GRACE)
                _end(ERROR)
            self._tell(SILENT)
            return
        known = isinstance(error, DarknetError)
        text = str(error) if known else "".join(traceback.format_exception(error)).rstrip()
        code = signals.exit_code(error.number) if isinstance(error, signals.Stopped) else ERROR
        if not self._ready:
            say(f"error: rank {self.rank}: {text}")
        self._tell(FAILED, text)
        time.sleep(GRACE if self._ready else 0)
        _end(code)

    def _tell(self, what: str, text: str = "") -> None:
        for peer in self._peers:
            with suppress(OSError):
                peer.sendall(json.dumps([what, text]).encode() + b"\n")

    def _look(self) -> None:
        """Wait for what the peers say, or for the end of one."""
        with selectors.DefaultSelector() as selector:
            for peer in self._peers:
                selector.register(peer, selectors.EVENT_READ, bytearray())
            while selector.get_map():
                for key, _ in selector.select():
                    if self._hear(key.fileobj, key.data):
                        selector.unregister(key.fileobj)

    def _hear(self, peer: Any, heard: bytearray) -> bool:
        """Whether this peer has ended, in good order; otherwise all end."""
        try:
            received = peer.recv(1 << 16)
        except OSError:
            received = b""
        heard += received
        if received and not heard.endswith(b"\n"):
            return False
        what, text = json.loads(bytes(heard).splitlines()[0]) if heard else ("", "")
        if what == DONE:
            return True
        if self.rank == 0:
            self._end_all(f"{self._peers[peer]}: {text}" if what == FAILED else
                          f"{self._peers[peer]} ended without a word, and so do the others; what was saved last is "
                          "whole: --resume goes on from there")  # fmt: skip
        elif what == SILENT:
            with suppress(OSError):
                peer.settimeout(GRACE)
                peer.recv(1)  # until rank 0 has said it
            _end(ERROR)
        elif not self._over.is_set():
            if self.rank == 1:
                say("error: rank 0 ended without a word, and so do the others; what was saved last is whole: "
                     "--resume goes on from there")  # fmt: skip
            _end(ERROR)
        return True

    def _first(self) -> bool:
        """All is over; whether nobody in this process said so before."""
        self._over.set()
        return self._word.acquire(blocking=False)

    def _end_all(self, text: str) -> None:
        if self._over.is_set() or not self._first():
            return
        say(f"error: {text}")
        self._tell(SILENT)
        _end(ERROR)


def _listen() -> socket.socket:
    server = socket.create_server(("", 0), backlog=4096)
    server.settimeout(30)
    return server


def _connect(host: str, port: int, token: str, rank: int) -> socket.socket:
    peer = socket.create_connection((host, port), timeout=10)
    _keep_alive(peer)
    hello = [token, f"rank {rank} (process {os.getpid()} on {socket.gethostname()})"]
    peer.sendall(json.dumps(hello).encode() + b"\n")
    return peer


def _accept(server: socket.socket, token: str) -> tuple[socket.socket, str]:
    """The connection of a rank, and what to call it; others are not let in."""
    while True:
        peer, _ = server.accept()
        with suppress(OSError, ValueError):
            peer.settimeout(10)
            theirs, name = json.loads(peer.makefile("rb", buffering=0).readline(4096))
            if theirs == token:
                _keep_alive(peer)
                return peer, str(name)
        peer.close()


def _keep_alive(peer: socket.socket) -> None:
    """A machine that is gone is noticed within nine seconds."""
    peer.settimeout(None)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 3), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _end(code: int) -> None:
    """At once: the main thread may wait for a dead rank."""
    os._exit(code)
