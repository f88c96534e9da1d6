"""The heads of the training goldens: what each dialect's [region] is, as options of region_loss."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pydarknet.backends.ops import Ops
from pydarknet.dialects import DIALECTS
from pydarknet.formats.cfg import Section, parse_cfg_text
from pydarknet.formats.tree import Tree, read_tree

GOLDENS = Path(__file__).parent.parent / "goldens"
REGIONS = sorted(p.stem for p in GOLDENS.glob("train_*.npz") if re.match("train_(plain|region|tree)_", p.stem))

# Dialects by the prefix of the golden's arrays.
PREFIXES = {"p17": "paper2017", "a": "alexeyab"}


def tree_arrays(tree: Tree) -> tuple[npt.NDArray[np.int32], ...]:
    return tree.parent, tree.group, tree.group_offset, tree.group_size


def load(name: str) -> dict[str, npt.NDArray[Any]]:
    with np.load(GOLDENS / f"{name}.npz") as file:
        return dict(file)


def cases() -> list[tuple[str, str]]:
    """Each golden of a [region], with the prefix of each program that has numbers in it."""
    found = []
    for name in REGIONS:
        with np.load(GOLDENS / f"{name}.npz") as file:
            found += [(name, prefix) for prefix in PREFIXES if f"{prefix}_head_delta" in file.files]
    return found


def head_section(golden: dict[str, npt.NDArray[Any]]) -> Section:
    return parse_cfg_text(str(golden["cfg"])).sections[-1]


def region_options(section: Section) -> dict[str, Any]:
    """The options all dialects share."""
    names = [f"{name}_scale" for name in ("object", "noobject", "class", "coord")]
    scales = {name: section.float_(name, 1) for name in names}
    switches = {name: section.bool_(name, False) for name in ("bias_match", "rescore")}
    return scales | switches | {"thresh": section.float_("thresh", 0.5)}


def _leave_classes_linear(x: npt.NDArray[np.float32], output: npt.NDArray[np.float32], classes: int) -> None:
    """Without softmax both programs leave the classes as they are; Darknet of 2018 has a logistic there."""
    n, _, h, w = x.shape
    output.reshape(n, -1, 5 + classes, h, w)[:, :, 5:] = x.reshape(n, -1, 5 + classes, h, w)[:, :, 5:]


def run_region(
    ops: Ops, golden: dict[str, npt.NDArray[Any]], dialect: str, folder: Path
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Delta and statistics of the first mini-batch."""
    section = head_section(golden)
    x = golden["p17_head_input"]
    anchors = np.array([float(v) for v in section.str_("anchors").split(",")], np.float32)
    classes, tree = section.int_("classes", 20), None
    if "tree" in golden:
        (folder / "toy.tree").write_text(str(golden["tree"]))
        tree = read_tree(folder / "toy.tree")
    output, delta = np.empty_like(x), np.empty_like(x)
    sizes = None if tree is None else tree.group_size
    ops.region_forward(x, output, len(anchors) // 2, classes, 4, section.bool_("softmax", False), False, sizes)
    if tree is None and not section.bool_("softmax", False):
        _leave_classes_linear(x, output, classes)
    statistics = ops.region_loss(
        output, golden["truths"][: len(x)], delta, anchors, classes, 4,
        None if tree is None else tree_arrays(tree), golden.get("map"), seen=int(golden["seen"]) + len(x),
        **region_options(section), **asdict(DIALECTS[PREFIXES[dialect]].region),
    )  # fmt: skip
    return delta, statistics
