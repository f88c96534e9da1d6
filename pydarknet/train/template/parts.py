"""What the templates of both kinds have in common: the text of the cfg, the input's size, the subdivisions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ...datasets.dataset import DataSet
from ...errors import CfgError, DataError
from ...formats.cfg import Cfg, parse_cfg_text
from ...formats.cfg_edit import edited
from ...formats.text import decode, read_bytes
from ...graph.engine import Engine
from ...graph.graph import Graph
from ..choice import training_dialect
from ..memory import SHARE, divide, step_bytes
from ..sizes import sizes_of
from ..step import Stepper

STRIDE = 32  # of the published networks: the input's sides are multiples of it
MAX_CFG = 16 << 20
OF_ITS_SIZES = re.compile(r"# *(Stage \d+: )?\d+ x [\d(]")
Edits = dict[int, dict[str, str]]


@dataclass(frozen=True)
class Template:
    """The content of the new cfg, whether the data has images to validate on, whether it is a classifier's, and what
    was chosen, a line each."""

    content: bytes
    validates: bool
    classifies: bool
    choices: list[str] = field(default_factory=list)


def text_of(cfg: Cfg) -> bytes:
    """What the template's file holds. CfgError if it can't be read."""
    return read_bytes(cfg.file, MAX_CFG, lambda reason: CfgError(cfg.file, None, reason))


def validates(data: DataSet) -> bool:
    """Whether there are images to validate on."""
    return any(each.name == "valid" for each in data.lists)


def size_keys(size: int) -> dict[str, str]:
    """The keys of [net] for a square input. DataError for a size that published networks can't have."""
    if size < STRIDE or size % STRIDE:
        raise DataError(f"--size: expected a multiple of {STRIDE}, found {size}")
    return {"width": str(size), "height": str(size)}


def with_subdivisions(content: bytes) -> tuple[bytes, str]:
    """The cfg with the fewest subdivisions whose mini-batch takes at most half of the free memory."""
    cfg = parse_cfg_text(decode(content), "the new cfg")
    engine = Engine(cfg)
    free = engine.backend.free_bytes()
    stepper = Stepper(engine, training_dialect(cfg, None, None))
    largest = sizes_of(engine, stepper.dialect, 0, 0).largest
    one = divide(stepper, lambda: sum(step_bytes(stepper, largest)), free * SHARE)
    subdivisions = stepper.subdivisions
    done = edited(content, parse_cfg_text(decode(content), "the new cfg"), {
        cfg.net.line: {"subdivisions": str(subdivisions)}
    })  # fmt: skip
    Graph(parse_cfg_text(decode(done), "the new cfg"))
    return done, f"subdivisions={subdivisions}: a mini-batch takes {one / 2**30:.1f} of {free / 2**30:.1f} GiB free"


def with_title(content: bytes, cfg: Cfg, what: str) -> bytes:
    """With a line that says what it was made of, instead of what stands before [net], and without the comments that
    give sizes and channels of the template."""
    rows = content.decode("utf-8", "surrogateescape").splitlines(keepends=True)[cfg.net.line - 1 :]
    rows = [row for row in rows if not OF_ITS_SIZES.match(row)]
    title = f"# {cfg.file.rpartition('/')[2]}, made by pydarknet init for the {what}.\n\n"
    return (title + "".join(rows)).encode("utf-8", "surrogateescape")


def shown(data: DataSet) -> str:
    """The first few names of its classes."""
    count = data.classes or 0
    names = ", ".join(data.name_of(i) for i in range(min(5, count)))
    return names + (", ..." if count > 5 else "")
