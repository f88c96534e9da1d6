"""Signals that ask a program to end: each does what Ctrl-C does, so that what is done by then is saved.

`docker stop`, systemd and batch systems send SIGTERM, a terminal that is closed SIGHUP, Ctrl-\\ SIGQUIT.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

# Of these Windows has the first two.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
ENDING = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))

GRACE = 3.0  # seconds in which more such signals are part of the first: a shell and the kernel both send SIGHUP

Handler = Callable[[int, "FrameType | None"], None] | signal.Handlers


class Stopped(KeyboardInterrupt):
    """A signal asked the program to end; whatever a KeyboardInterrupt saves is saved."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.number).name}"


def exit_code(number: int) -> int:
    """What a shell makes of a program that a signal ended."""
    return 128 + number


@contextmanager
def handled(handler: Handler, numbers: Sequence[int] = ENDING) -> Iterator[None]:
    """`handler` for the signals, until the block is left.

    One that was ignored at the start (by `nohup`, or in the background of a script) stays ignored, one that a program
    around Python handles stays with it. Off the main thread, where Python takes no handlers, nothing changes.
    """
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in numbers if main}
    ours = {number: old for number, old in before.items() if old not in (signal.SIG_IGN, None)}
    try:
        for number in ours:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in ours.items():
            signal.signal(number, old)


@contextmanager
def held() -> Iterator[None]:
    """Ending signals wait until the block is left: for what they would leave half done, and for calls of OpenCV's
    that crash when one raises an exception within them (those of several signatures, in 5.0).

    Nothing in the block may wait for others: a pipe, a camera, a key.
    """
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in ENDING}
    inside = True

    def wait(number: int, frame: FrameType | None) -> None:
        if inside:
            came.append(number)
        else:  # an earlier one broke off the putting back
            signal.signal(number, before[number])
            signal.raise_signal(number)

    try:
        with handled(wait):
            yield
    finally:
        inside = False
        for number in came:
            signal.raise_signal(number)


@contextmanager
def stopping() -> Iterator[None]:
    """Every ending signal but Ctrl-C's, which Python sees to, raises `Stopped`: once in GRACE seconds, so that a
    second one can't break into the saving that the first brought about."""
    last = -GRACE

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last - before > GRACE:
            raise Stopped(number)

    with handled(stop, [number for number in ENDING if number != signal.SIGINT]):
        yield
