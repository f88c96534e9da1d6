"""Where detections are saved: known, and checked against what is read, before anything is computed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError
from ..formats.atomic import STDOUT, is_same, is_stdout, is_stream
from ..formats.text import counted
from .loading import load_network, read_data_file, require_heads
from .messages import say
from .parser import UsageError

if TYPE_CHECKING:
    from ..formats.data import DataFile
    from ..network import Network
    from ..writers import Writer

FOLDERS = ("voc", "yolo")  # kinds of many files
USUAL_FOLDER = "results"  # Darknet's
OF_DATA = ("names", "labels", "train", "train_boxes", "train_classes", "valid", "test", "tree", "map", "leaves",
           "unboxed")  # fmt: skip


@contextmanager
def prepared(args: argparse.Namespace, data: DataFile | None) -> Iterator[None]:
    """Settle where --save and its companions write to. While that is standard output, lines go to standard error, or
    with --quiet nowhere.

    UsageError for a place that can't be, or is an input.
    """
    json = place_of(_json_place(args))
    kinds = list(dict.fromkeys([*args.save, *(["yolo"] if args.labels_beside else [])]))
    if json is not None and "json" in kinds:
        kinds.remove("json")
    if args.save_to is not None and len(kinds) != 1:
        raise UsageError("--save-to needs exactly one --save KIND")
    if args.save_to is not None and args.labels_beside:
        raise UsageError("--labels-beside puts labels beside the images, and --save-to elsewhere: choose one")
    place = place_of(args.save_to)
    if place is not None and kinds[0] in FOLDERS and is_stream(place):
        raise UsageError(f"--save {kinds[0]} writes a file for each image or class: --save-to needs a folder")
    args.places = {kind: place or (USUAL_FOLDER if kind in FOLDERS else ".") for kind in kinds}
    if json is not None:
        args.places["json"] = json
    args.out = place_of(args.out)
    refuse_inputs(_targets(args.places), args, data)
    for option in ("save_crops", "explain"):
        if getattr(args, option, None) == "-":
            raise UsageError(f"--{option.replace('_', '-')} needs a folder, standard output is none")
    with lines_aside(place, json, args.out, quiet=args.quiet):
        yield


@contextmanager
def detector(args: argparse.Namespace) -> Iterator[Network]:
    """The network of a command that detects, and `prepared` places for what it finds."""
    data = read_data_file(args.data, args.quiet) if args.data else None
    with prepared(args, data):
        net = load_network(args, data)
        require_heads(net, "classify")
        yield net


def place_of(word: str | None) -> str | None:
    """Where a user wants something saved; `-` is standard output."""
    return STDOUT if word == "-" else word


@contextmanager
def lines_aside(*places: str | None, quiet: bool) -> Iterator[None]:
    """What is printed goes to standard error if one of the places is standard output; with `quiet` nowhere, as the
    results are in that place. UsageError for two of them."""
    taken = [place for place in places if place is not None and is_stdout(place)]
    if len(taken) > 1:
        raise UsageError("standard output takes one file, not two: give the other one a name")
    if not taken:
        yield
    elif quiet:
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            yield
    else:
        with redirect_stdout(sys.stderr):
            yield


def refuse_inputs(
    targets: Iterable[str | Path | None],
    args: argparse.Namespace,
    data: DataFile | None = None,
    also: Iterable[str | Path] = (),
) -> None:
    """UsageError if a file that will be written is one that the command reads, or one of `also`."""
    inputs = [*_inputs(args, data), *also]
    for target in targets:
        if target is not None and not is_stream(target):
            for each in inputs:
                if is_same(target, each):
                    raise UsageError(f"{target}: would replace a file that is read, {each}; choose another name")


def open_writers(
    args: argparse.Namespace, names: Sequence[str], stack: ExitStack, root: str | None = None
) -> list[Writer]:
    """The writers of `prepared` places. The stack closes each, and says what is saved."""
    from ..writers import open_writer
    from ..writers.yolo import BesideWriter

    writers = []
    for kind, place in args.places.items():
        beside = kind == "yolo" and args.labels_beside
        writer = BesideWriter(names) if beside else open_writer(kind, place, names, root)
        stack.callback(tell, writer, args.quiet)
        writers.append(stack.enter_context(writer))
    return writers


def common_folder(paths: Sequence[str]) -> str | None:
    """The folder that all images are below; None if there is none."""
    with suppress(ValueError):
        return os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths])
    return None


def tell(writer: Writer, quiet: bool) -> None:
    """Say what a closed writer has saved."""
    if writer.saved and writer.count and not is_stream(writer.target):
        say(f"{writer.target}: saved, of {counted(writer.count, 'image')}", quiet)


def _json_place(args: argparse.Namespace) -> str | None:
    """AlexeyAB's `-out result.json` (`-json_file_output` for videos) is a file of detections, not an image."""
    place: str | None = getattr(args, "json_file_output", None)
    if args.out is not None and args.out.lower().endswith(".json"):
        place, args.out = place or args.out, None
    return place


def _targets(places: dict[str, str]) -> Iterator[Path]:
    for kind, place in places.items():
        if kind not in FOLDERS:
            from ..writers import target_of

            yield target_of(kind, place)


def _inputs(args: argparse.Namespace, data: DataFile | None) -> Iterator[str | Path]:
    """The files that the arguments and the .data file name; images are looked at when they are known."""
    for key in ("cfg", "weights", "names", "data", "video", "images", "unboxed"):
        value = getattr(args, key, None)
        for each in value if isinstance(value, list) else [value]:
            if each is not None and os.path.isfile(each):
                yield each
    for key in OF_DATA:
        if data is not None and key in data.options:
            with suppress(DataError):
                yield data.path(key)
