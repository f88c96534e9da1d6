"""WordTrees made, searched, drawn and cut: what stands behind `pydarknet tree`.

A tree is three files: NAME.tree (`id parent` on each line), NAME.names (what people call the nodes) and NAME.labels
(the ids alone, as Darknet's classifiers look for them in paths).
"""

from .build import Hierarchy, from_csv, from_folders, from_wordnet
from .files import NamedTree, odd_labels, open_tree, refuse_taken, write_tree
from .lookup import Match, Nodes, find, match_classes, node_of
from .prune import prune, tree_head
from .show import as_dot, as_svg, as_text
from .subset import subset
from .wordnet import WordNet, read_synsets, read_wordnet

__all__ = [
    "Hierarchy",
    "Match",
    "NamedTree",
    "Nodes",
    "WordNet",
    "as_dot",
    "as_svg",
    "as_text",
    "find",
    "from_csv",
    "from_folders",
    "from_wordnet",
    "match_classes",
    "node_of",
    "odd_labels",
    "open_tree",
    "prune",
    "read_synsets",
    "read_wordnet",
    "refuse_taken",
    "subset",
    "tree_head",
    "write_tree",
]
