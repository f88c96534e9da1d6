"""The loop of a demo: detect in every frame, print, save, draw, record, show."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ..formats.text import counted
from ..graph.lanes import lanes_of
from ..system.display import has_display
from ..system.pipeline import Turn, pipeline
from ..video.screen import DOWN, ESCAPE, LEFT, RIGHT, UP, Screen
from ..video.source import Video
from ..video.writer import Frames, Recording
from ..writers.lines import printed_lines
from .messages import progress, say
from .options import detect_options
from .saving import open_writers

if TYPE_CHECKING:
    from ..detection.options import DetectOptions
    from ..detection.results import Detection
    from ..images.image import Image
    from ..network import Network
    from ..video.broadcast import Broadcast, Format
    from ..video.source import Frame
    from ..video.tracking import Follow

STEP = 0.02  # of a threshold, with each key

Detect = Callable[["Image"], "list[Detection]"]
Sink = Callable[["Image"], bool]  # takes a drawn frame; False when the user wants to end


@dataclass
class Tuning:
    """How a demo detects; the keys change it."""

    options: DetectOptions


def play(net: Network, video: Video, args: argparse.Namespace, follow: Follow | None = None) -> None:
    """Run the network on every frame until the video ends, or the user ends it. `follow` gives what is found its
    numbers."""
    tuning = Tuning(net.settle(detect_options(args)))
    settled = replace(tuning.options, lazy=args.average == 1)
    net.prepare(1, settled)  # before the first frame comes
    with ExitStack() as stack:
        writers = open_writers(args, net.names, stack)
        sinks = open_sinks(video, tuning, args, stack)
        streams = open_streams(args, stack)
        out = stack.enter_context(progress(video.total, "frame", quiet=args.quiet, force=args.progress))
        detect = detector(net, tuning, args.average)
        # Frames of a camera are taken when there is time for them, so that the newest one is shown.
        one_by_one = video.live or args.average > 1
        lanes = lanes_of(net, video.total, lazy=net.runs_lazily(settled), in_order=one_by_one)
        played = pipeline(video.frames, partial(look, detect), lanes, lambda frame: frame.image.nbytes)
        clock = Clock()
        for frame, found in stack.enter_context(closing(played)):
            if follow is not None:
                found = follow(found)
            for writer in writers:
                writer.write(frame.path, (frame.image.shape[1], frame.image.shape[0]), found, frame=frame.number)
            out.clear()
            out.print(report(found, clock.tick(), args))
            for stream in streams:
                stream(frame, found)
            drawn = draw(frame.image, found, net, args) if sinks and args.boxes else frame.image
            wanted_more = [sink(drawn) for sink in sinks]
            if not all(wanted_more) or clock.passed(args.max_seconds):
                break
            out.done()
    say(f"{counted(clock.count, 'frame')} of {video.name}, {clock.rate:.1f} frames/s", args.quiet)


def look(detect: Detect, frame: Frame, turn: Turn) -> tuple[Frame, list[Detection]]:
    """A frame with what is in it."""
    with turn:
        return frame, detect(frame.image)


class Clock:
    """Counts frames, and how many a second."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._seconds = 0.0  # of a frame: a mean in which the newest weighs a tenth
        self.count = 0

    def tick(self) -> float:
        """One more frame; returns how many a second there are of late. Frames that several cores have finished come
        in a burst: one by itself would seem to take no time at all."""
        before, self._last = self._last, time.perf_counter()
        seconds = self._last - before
        self._seconds = 0.9 * self._seconds + 0.1 * seconds if self.count else seconds
        self.count += 1
        return 1 / max(self._seconds, 1e-9)

    def passed(self, seconds: float | None) -> bool:
        """Whether so much time has gone by since the start."""
        return seconds is not None and time.perf_counter() - self._start >= seconds

    @property
    def rate(self) -> float:
        """Frames a second since the start."""
        return self.count / max(self._last - self._start, 1e-9)


def detector(net: Network, tuning: Tuning, frames: int) -> Detect:
    """Detection in one frame, by itself or averaged with those before it. The thresholds may change on the way."""
    if frames == 1 and not net.remembers:
        return lambda image: net.find([image], tuning.options)[0]
    from ..video.averaging import Averager

    averager = Averager(net, frames)
    return lambda image: averager.detect(image, tuning.options)


def report(found: Sequence[Detection], rate: float, args: argparse.Namespace) -> list[str]:
    """Darknet's lines about a frame."""
    return [
        "",
        f"FPS:{rate:.1f}",
        "Objects:",
        "",
        *printed_lines(found, args.ext_output, args.path, args.path_probabilities),
    ]


def draw(image: Image, found: Sequence[Detection], net: Network, args: argparse.Namespace) -> Image:
    """The frame with boxes and labels."""
    from ..images.draw import draw

    return draw(image, found, classes=len(net.names) or 80, show_path=args.path)


def open_sinks(video: Video, tuning: Tuning, args: argparse.Namespace, stack: ExitStack) -> list[Sink]:
    """Where drawn frames go: a video (--out), images (-prefix), a window (where there is a display)."""
    sinks: list[Sink] = []
    if args.out is not None:
        recording = Recording(args.out, video.rate / (args.skip + 1), video.source)
        stack.callback(
            lambda: say(f"{args.out}: {counted(recording.saved, 'frame')}", args.quiet or not recording.saved)
        )
        sinks.append(stack.enter_context(recording).write)
    if args.mjpeg_port is not None:
        sinks.append(_images_sender(args, stack))
    if args.prefix is not None:
        frames = Frames(args.prefix, video.source)
        stack.callback(lambda: say(_saved(frames), args.quiet or not frames.count))
        sinks.append(frames.write)
    elif has_display() and not (args.dont_show or args.no_draw):
        screen = Screen(args.fullscreen, say)
        stack.callback(screen.close)
        sinks.append(lambda image: obey(screen.show(image), tuning))
    return sinks


def _saved(frames: Frames) -> str:
    return f"{frames.name(0)} and on: {counted(frames.count, 'frame')}"


def open_streams(args: argparse.Namespace, stack: ExitStack) -> list[Callable[[Frame, Sequence[Detection]], None]]:
    """Where detections are sent as they come: -json_port, -http_post_host."""
    streams = [] if args.http_post_host is None else [_poster(args, stack)]
    if args.json_port is None:
        return streams
    from ..video.broadcast import JSON
    from ..writers.base import Result
    from ..writers.json_files import encode_json, image_text

    broadcast = _broadcast(args, args.json_port, JSON, "detections", stack)

    def send(frame: Frame, found: Sequence[Detection]) -> None:
        if broadcast.wanted:
            height, width = frame.image.shape[:2]
            result = Result(frame.path, width, height, found, frame.number, frame.number)
            broadcast.send(encode_json(image_text(result)))

    return [*streams, send]


def _poster(args: argparse.Namespace, stack: ExitStack) -> Callable[[Frame, Sequence[Detection]], None]:
    """What is found is posted to a server; as with AlexeyAB's, once only if there is a limit of time."""
    from ..video.posting import Posts, message

    posts = stack.enter_context(Posts(args.http_post_host, say))
    sent = False

    def send(frame: Frame, found: Sequence[Detection]) -> None:
        nonlocal sent
        if (text := message(found, frame.path)) and not (sent and args.max_seconds):
            sent = True
            posts.send(text)

    return send


def _images_sender(args: argparse.Namespace, stack: ExitStack) -> Sink:
    """A sink that sends drawn frames as MJPEG: -mjpeg_port."""
    from ..images.image import encode_image
    from ..video.broadcast import MJPEG, mjpeg_part

    broadcast = _broadcast(args, args.mjpeg_port, MJPEG, "images", stack)

    def send(image: Image) -> bool:
        if broadcast.wanted:
            broadcast.send(mjpeg_part(encode_image(image, ".jpg")))
        return True

    return send


def _broadcast(args: argparse.Namespace, port: int, form: Format, what: str, stack: ExitStack) -> Broadcast:
    from ..video.broadcast import Broadcast

    broadcast = stack.enter_context(Broadcast(args.stream_host, port, form))
    say(f"http://{args.stream_host}:{broadcast.port}/: {what}, frame by frame", args.quiet)
    return broadcast


def obey(key: int | None, tuning: Tuning) -> bool:
    """Change the thresholds as Darknet's keys do: up and down, right and left (the tree's). False for those that
    end: Escape, q."""
    thresh, hier = tuning.options.thresh, tuning.options.hier_thresh
    if key in (UP, DOWN):
        thresh = min(1.0, max(STEP, thresh + (STEP if key == UP else -STEP)))
    if key in (RIGHT, LEFT):
        hier = min(1.0, max(0.0, hier + (STEP if key == RIGHT else -STEP)))
    tuning.options = replace(tuning.options, thresh=thresh, hier_thresh=hier)
    return key not in (ESCAPE, ord("q"))
