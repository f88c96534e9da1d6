"""`pydarknet weights`: list, fetch and check the published files."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import WeightsError

if TYPE_CHECKING:  # what the catalogue needs to fetch files is loaded when the command runs
    from ...catalog import Entry, Identity


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs and their options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|get|verify")
    verbs.add_parser("list", help="list the published files, with sizes and checksums where known")
    fetch = verbs.add_parser("get", help="fetch files by name; an interrupted download goes on where it ended")
    fetch.add_argument("names", nargs="+", metavar="NAME", help="as in the list, e.g. yolov2-tiny")
    fetch.add_argument(
        "--folder", type=Path, help="where the files go (default: ./weights if it exists, else the user's cache)"
    )
    fetch.add_argument("--force", action="store_true", help="replace a file that is already there")
    fetch.add_argument("--quiet", action="store_true", help="show no progress; print only where the file is")
    check = verbs.add_parser("verify", help="say what a file is, and whether it is whole")
    check.add_argument(
        "files", nargs="+", metavar="FILE", type=Path, help="a file, or a name of the list that was fetched"
    )


def run(args: argparse.Namespace) -> int:
    """0 if all went well; 1 if a verified file is wrong or in no list."""
    if args.verb == "list":
        print(table())
        return 0
    if args.verb == "get":
        from ...catalog import get

        for name in args.names:
            print(get(name, args.folder, args.quiet, args.force))
        return 0
    return max([_verify(path) for path in args.files])


def table() -> str:
    """The catalogue as text, one line an entry."""
    from ...catalog import default_folder, entries, locate

    rows = [("NAME", "SIZE", "CHECKSUM", "HERE", "CFG", "WHAT")]
    rows += [
        (each.name, _size(each), _checksum(each), "yes" if locate(each.name) else "", _own_cfg(each.name), each.about)
        for each in entries()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    notes = (
        f"~ computed from the network, not recorded; get puts files into {default_folder()}, or --folder\n"
        "CFG: the one of this package that they fit; for others take the cfg from where the weights are from"
    )
    return "\n".join([*(line.rstrip() for line in lines), notes])


def _own_cfg(name: str) -> str:
    """The package's own cfg of that name, if it has one."""
    from ...formats.resources import share

    cfg = os.path.splitext(name)[0] + ".cfg"
    return cfg if (share() / "cfg" / cfg).is_file() else ""


def _size(entry: Entry) -> str:
    sizes = entry.expected.sizes
    if not sizes:
        return "unknown"
    return f"{'' if entry.size else '~'}{sizes[0] / 1e6:.1f} MB"


def _checksum(entry: Entry) -> str:
    return "/".join(entry.digests) or "unknown"


def _verify(path: Path) -> int:
    from ...catalog import find_weights, identify

    if not path.exists():
        with suppress(WeightsError):
            path = find_weights(path)
    found = identify(path)
    print(f"{path}:")
    print(f"  size    {found.size} bytes")
    print(f"  sha256  {found.digests['sha256']}")
    print(f"  header  {_header(path, found)}")
    good, verdict = _verdict(found)
    print(f"  {verdict}")
    return 0 if good else 1


def _header(path: Path, found: Identity) -> str:
    from ...formats.int8 import is_int8
    from ...formats.weights import read_header

    if is_int8(path):
        return "8-bit weights, by pydarknet quantize"
    if found.entry is not None and found.entry.kind == "image":
        return "none, an image"
    try:
        header = read_header(path)
    except WeightsError:
        return "none, not a weights file"
    version = f"version {header.major}.{header.minor}.{header.revision}, seen {header.seen} images"
    return f"{header.size} bytes, {version}, {(found.size - header.size) // 4} parameters"


def _verdict(found: Identity) -> tuple[bool, str]:
    if found.entry is None:
        return False, "is not in the catalogue"
    what = f"{found.entry.name} ({found.entry.about})"
    if found.complaint:
        return False, f"has the name of {what} but is not it: {found.complaint}"
    if found.proof == "size":
        return True, f"has the size of {what}; no checksum of it was ever recorded"
    if found.proof:
        return True, f"is {what}: its {found.proof} agrees"
    return False, f"has the name of {what}, of which neither size nor checksum is known"
