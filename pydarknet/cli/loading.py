"""From the arguments of a command to a network with names, ready to run, and what to say about it."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import CfgError
from .messages import say, warn
from .options import device_of

# Names of files that hold a network's weights, Darknet's and others'.
MODEL = re.compile(r"\.(weights|int8|backup|conv\.[0-9]+|pth?|onnx|npz|h5|tflite|safetensors)(\.[a-z0-9]+)?$")

if TYPE_CHECKING:
    from ..detection.nms import Kind
    from ..formats.data import DataFile
    from ..graph.graph import Graph
    from ..network import Network


def load_graph(name: str, quiet: bool, size: tuple[int, int] | None = None) -> Graph:
    """The graph of a cfg, at its input size or another `size` (width, height); its warnings are printed."""
    from ..graph.graph import Graph

    graph = Graph(name)
    if size is not None:
        graph.reshape(*size)
    warn(graph.warnings, quiet)
    return graph


def complete(args: argparse.Namespace, words: Sequence[str] = ()) -> list[str]:
    """`COMMAND NAME [WORD...]`, NAME a cfg in cfg/ or of the package whose weights are at hand: these are meant.

    `words` are what stands behind WEIGHTS; returned with what was taken for WEIGHTS. WeightsError if WEIGHTS are
    missing elsewhere, or aren't at hand.
    """
    from ..catalog import find_weights
    from ..errors import WeightsError
    from ..formats.resources import is_bare_name

    if not is_bare_name(args.cfg):
        if args.weights is None:
            raise WeightsError(
                f"{args.cfg}: expected CFG WEIGHTS, found one file; only names such as yolov2 stand for both"
            )
        return list(words)
    if args.weights is not None and _means_weights(args.weights):
        return list(words)
    first = [] if args.weights is None else [args.weights]
    args.weights = str(find_weights(args.cfg))
    return [*first, *words]


def _means_weights(word: str) -> bool:
    """Whether what follows the name of a network are its weights, there or not, and no image, list or video. Else an
    image would be looked at with other weights than are meant."""
    from ..catalog import find, find_weights
    from ..errors import DownloadError, WeightsError
    from ..images.sources import LISTS, is_image, is_image_name, is_video

    if is_image_name(word) or os.path.splitext(word)[1].lower() in LISTS:
        return False
    if MODEL.search(word.lower()):
        return True
    with suppress(WeightsError):
        found = str(find_weights(word))
        return not (is_image(found) or is_video(found))
    with suppress(DownloadError):
        return not os.path.exists(word) and find(word).kind != "image"
    return False


def load_network(args: argparse.Namespace, data: DataFile | None = None) -> Network:
    """The network of `args.cfg` and `args.weights`, with names; says what it will do, and how."""
    from ..detection.options import DEFAULTS
    from ..formats.data import spare_names
    from ..formats.resources import shown
    from ..network import Network

    net = Network(
        args.cfg,
        args.weights,
        threads=args.threads,
        device=device_of(args),
        precision=args.precision,
        dialect=args.dialect,
        packed_cache=getattr(args, "packed_cache", False),
    )
    if getattr(args, "size", None):
        net.resize(*args.size)
    if getattr(args, "packed_cache", False):
        net.prepare(1, DEFAULTS)  # so that what hinders the cache is said here
    warn(net.warnings, args.quiet)
    net.names, origin = net.choose_names(args.names, data)
    args.fit = args.fit or net.usual_fit()
    warn(spare_names(net.names, net.classes, origin), args.quiet)
    if net.class_tree() is None:
        warn_of_tree_options(args, "the classes form no tree")
    nms = ""
    if net.heads() and "nms" in args:
        args.nms_kind = choose_kind(net, args)
        nms = f", nms {args.nms_kind} {args.nms:g}"
    names = shown(origin) if origin else "none known, numbers instead (give --names)"
    how = f"{net.width} x {net.height} by {args.fit}{nms}; names: {names}"
    bits = "" if net.int8 is None else ", weights in 8 bits"
    precision = f", {args.precision}" if args.precision else ""
    say(f"{shown(net.cfg.file)}: {net.backend.describe()}{precision}{bits}; {how}", args.quiet)
    return net


def warn_of_tree_options(args: argparse.Namespace, reason: str) -> None:
    """A warning about options that are for trees alone, if they are given."""
    flags = {"hier_thresh": "-hier", "hier_mode": "--hier-mode", "path": "--path",
             "path_probabilities": "--path-probabilities"}  # fmt: skip
    values = {flag: getattr(args, name, None) for name, flag in flags.items()}
    given = [flag for flag, value in values.items() if value is not None and value is not False]
    if given:
        warn([f"{', '.join(given)}: changes nothing, since {reason}"], args.quiet)


def choose_kind(net: Network, args: argparse.Namespace) -> Kind:
    """The kind of suppression: as asked for, else what the cfg says of it, else the command's usual one."""
    of_cfg = net.heads()[-1].nms_kind
    kind: Kind = args.nms_kind or (args.usual_nms_kind if of_cfg == "sort" else of_cfg)
    return kind


def read_data_file(name: str, quiet: bool) -> DataFile:
    """A .data file; its warnings are printed at once, since they may name the cause of an error."""
    from ..formats.data import read_data

    data = read_data(name)
    warn(data.warnings, quiet)
    return data


def require_heads(net: Network, command: str) -> None:
    """CfgError for a network that can't do what the command is for."""
    if not net.heads():
        raise CfgError(net.cfg.file, None, f"has no [region], [yolo] or [detection] layer; use pydarknet {command}")


def require_no_heads(net: Network, command: str) -> None:
    """CfgError for a detector, whose outputs aren't probabilities of classes."""
    heads = net.heads()
    if heads:
        message = f"[{heads[-1].type}] detects, the network is no classifier; use pydarknet {command}"
        raise CfgError(net.cfg.file, heads[-1].section.line, message)
