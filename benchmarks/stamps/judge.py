"""How good a training was: AP50 of leaves, those with boxes and those without apart; by depth; along the tree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sets import FOLDER, Nodes

from pydarknet import Network
from pydarknet.detection.options import DetectOptions
from pydarknet.evaluate import Truth
from pydarknet.evaluate.readers import read_truth
from pydarknet.evaluate.run import Collected, detect_all
from pydarknet.evaluate.voc import mean, voc

THRESH = 0.005  # as Darknet's validation has it


@dataclass(frozen=True)
class Score:
    """AP50, means over the leaves that have boxes in joint training, those that have none, and all."""

    boxed: float
    never_boxed: float
    leaves: float
    per_leaf: dict[str, float]


def judge(cfg: Path, weights: Path, kind: str, *, flat: bool = False, most: int | None = None) -> Score:
    """Judge weights on the pictures of "valid" or "test"; `most`: the first of them."""
    nodes = Nodes.read()
    pictures = [str(FOLDER / line) for line in (FOLDER / f"{kind}.txt").read_text().split()][:most]
    truth = read_truth(pictures, len(nodes.tree))
    place = {leaf: number for number, leaf in enumerate(nodes.leaves)}
    truth = Truth.of(truth.image, [place[int(c)] for c in truth.class_id], truth.box)
    found = Collected()
    leaves = range(len(nodes.leaves)) if flat else nodes.leaves
    net = Network(cfg, weights, threads=1)
    for seen in detect_all(net, pictures, options=DetectOptions(THRESH, map=list(leaves))):
        found.add(seen)
    per_leaf = voc(truth, found.detections(), len(nodes.leaves))
    boxed = [ap for ap, leaf in zip(per_leaf, nodes.leaves, strict=True) if leaf in nodes.boxed]
    never = [ap for ap, leaf in zip(per_leaf, nodes.leaves, strict=True) if leaf not in nodes.boxed]
    named = {nodes.tree.name[leaf]: ap for ap, leaf in zip(per_leaf, nodes.leaves, strict=True)}
    return Score(mean(boxed), mean(never), mean(per_leaf), named)
