"""What the commands share that run a network over the valid list of a .data file."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar

from . import options
from .clusters import add_ray
from .messages import FAILED
from .parser import real, whole

if TYPE_CHECKING:
    from ..datasets.dataset import ImageList
    from ..errors import ImageError
    from ..formats.data import DataFile
    from ..network import Network
    from .messages import Lines

BATCH = 4


class Looked(Protocol):
    """An image that was looked at, or why not."""

    @property
    def error(self) -> ImageError | None: ...


_L = TypeVar("_L", bound=Looked)


def add_files(parser: argparse.ArgumentParser) -> None:
    """DATA CFG WEIGHTS."""
    parser.add_argument("data", metavar="DATA", help="a .data file; the images are those of its valid= list")
    parser.add_argument("cfg", metavar="CFG", help=options.CFG)
    parser.add_argument("weights", metavar="WEIGHTS", help=options.WEIGHTS)
    options.add_names(parser, data=False)


def add_hits(group: argparse._ActionsContainer) -> None:
    """Add what counts as a hit, and how precision is averaged."""
    group.add_argument(
        "-iou_thresh", "--iou-thresh", type=real(0, 1), default=0.5, metavar="IOU",
        help="least IoU of a hit (default: 0.5)",
    )  # fmt: skip
    group.add_argument(
        "-points", "--points", type=int, choices=(0, 11, 101), default=0,
        help="0: the area under the curve (VOC 2010); 11: VOC 2007; 101: COCO (default: 0)",
    )  # fmt: skip


def read_images(data: DataFile, args: argparse.Namespace) -> ImageList:
    """The valid list; says what of it is left out."""
    from ..evaluate.validset import valid_images
    from .messages import warn

    images = valid_images(data)
    warn(images.warnings, args.quiet)
    return images


def load_detector(args: argparse.Namespace, data: DataFile) -> tuple[Network, list[int] | None]:
    """The network, and the map to the classes that are measured; says what of the options that changes."""
    from ..evaluate.validset import class_map
    from .loading import load_network, require_heads, warn_of_tree_options

    net = load_network(args, data)
    require_heads(net, "classifier valid")
    say_fit(args)
    chosen = class_map(data, net)
    if chosen is not None:
        warn_of_tree_options(args, "map= reports each class by itself")
    return net, chosen


def say_fit(args: argparse.Namespace) -> None:
    """Training measures with images as it shows them; whoever compares the two should know."""
    from ..catalog import find_weights
    from ..dialects import DIALECTS
    from ..train.state import dialect_of
    from .messages import say

    name = dialect_of(find_weights(args.weights))
    if name is not None and (fit := DIALECTS[name].fit) != args.fit:
        say(f"trained with dialect {name}, which has images by {fit}, here by {args.fit}: --fit {fit} measures as "
            "training did", args.quiet)  # fmt: skip


def add_common(parser: argparse.ArgumentParser, ray: bool = False) -> None:
    """Batch, machine, messages; `ray`: a cluster, too."""
    parser.add_argument(
        "--batch", type=whole(1, 4096), default=BATCH, metavar="N", help=f"images at once (default: {BATCH})"
    )
    options.add_machine(parser)
    options.add_packed_cache(parser)
    if ray:
        add_ray(parser)
    options.add_quiet(parser)


class Watch:
    """Shows progress, says which images could not be read, and counts them."""

    def __init__(self, out: Lines) -> None:
        self.out = out
        self.failures = 0

    def __call__(self, looked: Looked) -> None:
        """One more image is done."""
        if looked.error is not None:
            self.failures += 1
            self.out.complain(f"error: {looked.error}")
        self.out.done()

    def over(self, images: Iterable[_L]) -> Iterator[_L]:
        """The images, each counted after it has been worked on."""
        for each in images:
            yield each
            self(each)

    @property
    def code(self) -> int:
        """The exit code."""
        return FAILED if self.failures else 0
