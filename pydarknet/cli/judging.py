"""What the commands share that run a network over the valid list of a .data file."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar

from . import options
from .parser import whole

if TYPE_CHECKING:
    from ..datafile import DataFile
    from ..errors import ImageError
    from ..evaluate import Truth
    from ..network import Network
    from .messages import Lines

BATCH = 4


class Looked(Protocol):
    """A picture that was looked at, or why not."""

    @property
    def error(self) -> ImageError | None: ...


_L = TypeVar("_L", bound=Looked)


def add_files(parser: argparse.ArgumentParser) -> None:
    """DATA CFG WEIGHTS."""
    parser.add_argument("data", metavar="DATA", help="a .data file; the pictures are those of its valid= list")
    parser.add_argument("cfg", metavar="CFG")
    parser.add_argument("weights", metavar="WEIGHTS", help="a file, or a name of `pydarknet weights list`")
    options.add_names(parser, data=False)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Batch, machine, messages."""
    parser.add_argument(
        "--batch", type=whole(1, 4096), default=BATCH, metavar="N", help=f"pictures at once (default: {BATCH})"
    )
    options.add_machine(parser)
    options.add_quiet(parser)


def valid_pictures(data: DataFile) -> list[str]:
    """The pictures of the valid list, as paths that can be opened. DataError."""
    from ..data_tools.dataset import read_image_list

    return read_image_list("valid", data.path("valid")).images


def class_map(data: DataFile, net: Network) -> list[int] | None:
    """The map of a .data file: the node of the network's tree for each class of the data set."""
    from ..datafile import read_map
    from ..heads import head_classes, head_tree

    if "map" not in data.options:
        return None
    if head_tree(net.heads()) is None:
        raise data.error("the network has no tree of classes that could be mapped; remove the line", "map")
    return [int(node) for node in read_map(data.path("map"), nodes=head_classes(net.heads()))]


def read_objects(data: DataFile, pictures: list[str], classes: int) -> Truth:
    """The objects of all pictures, from their label files and those of the `difficult` list. DataError."""
    from ..data_tools.dataset import read_image_list
    from ..evaluate.readers import read_truth

    difficult = read_image_list("difficult", data.path("difficult")).images if "difficult" in data.options else None
    return read_truth(pictures, classes, sizes=[_size(path) for path in pictures], difficult=difficult)


class Watch:
    """Shows progress, says which pictures could not be read, and counts them."""

    def __init__(self, out: Lines) -> None:
        self.out = out
        self.failures = 0

    def __call__(self, looked: Looked) -> None:
        """One more picture is done."""
        if looked.error is not None:
            self.failures += 1
            self.out.complain(f"error: {looked.error}")
        self.out.done()

    def over(self, pictures: Iterable[_L]) -> Iterator[_L]:
        """The pictures, each counted after it has been worked on."""
        for each in pictures:
            yield each
            self(each)

    @property
    def code(self) -> int:
        """The exit code."""
        from .reading import FAILED

        return FAILED if self.failures else 0


def _size(path: str) -> tuple[int, int]:
    """Width and height; of a picture that can't be read anything, since its objects will not count."""
    from ..errors import ImageError
    from ..picture_size import picture_size

    try:
        return picture_size(path)
    except ImageError:
        return 1, 1
