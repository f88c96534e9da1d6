"""`pydarknet tree`: WordTrees made, checked, shown, searched and cut."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import DataError
from ...formats.text import counted
from ..options import add_quiet
from ..parser import whole
from ..rewriting import load
from ..saving import refuse_inputs

if TYPE_CHECKING:
    from ...formats.tree import Tree
    from ...wordtree import Hierarchy, Match, NamedTree

VERBS = "build|check|show|find|path|subset|prune|map"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs and their options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar=VERBS)
    _add_build(verbs.add_parser("build", help="build a tree from WordNet, a table, or folders"))
    checking = verbs.add_parser("check", help="check that Darknet can use the tree, its names and a map")
    _add_tree(checking)
    checking.add_argument("--map", metavar="FILE", help="the nodes of a data set's classes, one per line")
    checking.add_argument("--classes", metavar="FILE", help="the .names file of the map's data set, for its length")
    showing = verbs.add_parser("show", help="print or draw the tree")
    _add_tree(showing)
    showing.add_argument("--root", metavar="NODE", help="show only what is below this node")
    showing.add_argument("--depth", type=whole(1, 1000), metavar="N", help="show only N levels")
    showing.add_argument(
        "--format", choices=("text", "dot", "svg"), help="the format (default: as FILE ends, else text)"
    )
    showing.add_argument("--out", metavar="FILE", help="write to a file (svg: needed)")
    for verb, help_, what in (
        ("find", "find the nodes whose name holds a word, and show the way to them", "WORD"),
        ("path", "show the way from the root to a node", "NODE"),
    ):
        searching = verbs.add_parser(verb, help=help_)
        _add_tree(searching)
        searching.add_argument(
            "word", metavar=what, nargs="+", help="a name, an id such as n02084071, or a node's number"
        )
    cutting = verbs.add_parser(
        "subset", help="cut a tree down to some nodes, with all below them and the way up to the root"
    )
    _add_tree(cutting)
    cutting.add_argument("--keep", required=True, metavar="NODES", help="names or ids, separated by commas")
    _add_out(cutting)
    _add_prune(verbs.add_parser("prune", help="cut a detector down to a part of its tree: a smaller cfg and weights"))
    mapping = verbs.add_parser(
        "map", help="find the node of each class of a data set, for map= in a cfg or .data file"
    )
    _add_tree(mapping)
    mapping.add_argument("classes", metavar="CLASSES", help="the .names file of the data set")
    mapping.add_argument("--wordnet", metavar="FOLDER", help="compare with all of WordNet's words for a node")
    mapping.add_argument("--out", metavar="FILE", help="the map to write; default: only print what would be in it")
    mapping.add_argument("--force", action="store_true", help="replace a file that is there")


def run(args: argparse.Namespace) -> int:
    """0 if all went well; 1 if `map` found no node for some classes."""
    verbs = {
        "build": _build,
        "check": _check,
        "show": _show,
        "find": _find,
        "path": _path,
        "subset": _subset,
        "prune": _prune,
        "map": _map,
    }
    return verbs[args.verb](args)


def _add_tree(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tree", metavar="TREE", help="a .tree file, such as data/9k.tree")
    parser.add_argument("--names", metavar="FILE", help="readable names of the nodes; default: the .names beside it")


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="NAME", help="write NAME.tree, NAME.names and NAME.labels")
    parser.add_argument("--force", action="store_true", help="replace files that are there")


def _add_build(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--wordnet", metavar="FOLDER", help="WordNet's, with data.noun (Debian: /usr/share/wordnet)")
    source.add_argument("--csv", metavar="FILE", help="a table of child,parent")
    source.add_argument("--folders", metavar="FOLDER", help="a folder in which every folder is a class")
    parser.add_argument(
        "--synsets", metavar="FILE", help="with --wordnet: the classes, such as n02084071, one per line"
    )
    _add_out(parser)


def _add_prune(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cfg", metavar="CFG", help="a cfg whose [region] has a tree")
    parser.add_argument("weights", metavar="WEIGHTS", help="a file, or a name of `pydarknet weights list`")
    parser.add_argument(
        "--names", metavar="FILE", help="readable names of the nodes; default: the .names beside the tree"
    )
    parser.add_argument(
        "--keep", required=True, metavar="NODES",
        help="names or ids, separated by commas: they stay with all below them, and with their and their ancestors' "
        "siblings",
    )  # fmt: skip
    parser.add_argument("--without-map", action="store_true", help="leave out the map= of the cfg")
    parser.add_argument("--out", required=True, metavar="NAME", help="write NAME.cfg, NAME.weights, NAME.tree, ...")
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    add_quiet(parser, bar=False)


def _build(args: argparse.Namespace) -> int:
    from ...wordtree import from_csv, from_folders, from_wordnet, read_synsets, read_wordnet

    if (args.wordnet is None) != (args.synsets is None):
        raise DataError("expected --wordnet FOLDER and --synsets FILE together")
    if args.csv is not None:
        hierarchy = from_csv(args.csv)
    elif args.folders is not None:
        hierarchy = from_folders(args.folders)
    else:
        wordnet = read_wordnet(args.wordnet)
        hierarchy = from_wordnet(wordnet, read_synsets(args.synsets, wordnet))
    return _write(hierarchy, args)


def _write(hierarchy: Hierarchy, args: argparse.Namespace) -> int:
    from ...formats.tree import read_tree
    from ...wordtree import write_tree

    _spare_inputs(args, *(args.out + ending for ending in (".tree", ".names", ".labels")))
    files = write_tree(args.out, hierarchy, force=args.force)
    tree = read_tree(files[0])  # as a network will
    print(f"{', '.join(files)}: {_size(tree)}")
    roots = [hierarchy.name.get(node, node) for node in tree.name[: tree.group_size[0]]]
    print(f"roots{_listed(roots)}")
    print(f"in [region]: tree={files[0]}, classes={len(tree)}; filters={len(tree) + 5} for each anchor before it")
    return 0


def _check(args: argparse.Namespace) -> int:
    from ...wordtree import Nodes, odd_labels

    if args.classes is not None and args.map is None:
        raise DataError("--classes: expected --map FILE too, whose classes they are")
    named = _open(args)
    tree, nodes = named.tree, Nodes(named)
    for node_id in tree.name:
        nodes(node_id)  # each of one node
    print(f"{named.file}: {_size(tree)}, depth {tree.depth.max()}")
    alone = [named.names[offset] for offset in tree.group_offset[tree.group_size == 1]]
    if alone:
        groups = counted(len(alone), "group")
        print(f"{groups} of one node, whose probability given its parent is always 1{_listed(alone)}")
    several = [name for name, count in Counter(named.names).items() if count > 1]
    if several:
        are = "is the name" if len(several) == 1 else "are those"
        print(f"{counted(len(several), 'name')} {are} of several nodes{_listed(several)}")
    if labels := odd_labels(named):
        print(f"{labels[0]}: {len(tree)} labels, {len(labels[1])} other than the ids{_odd_lines(labels[1])}")
    if args.map is not None:
        _check_map(named, args.map, args.classes)
    return 0


def _check_map(named: NamedTree, file: str, classes: str | None) -> None:
    from ...formats.data import read_map, read_names

    count = 0 if classes is None else len(read_names(classes))
    nodes = read_map(file, nodes=len(named.tree), length=count)
    if count and len(nodes) > count:
        raise DataError.at(
            file, count + 1, f"expected {count} lines, one for each class of {classes}, found {len(nodes)}"
        )
    inner = sorted({named.names[node] for node in nodes if not named.tree.is_leaf(int(node))})
    print(f"{file}: {len(nodes)} classes, of which {len(inner)} are inner nodes{_listed(inner)}")


def _size(tree: Tree) -> str:
    leaves = sum(tree.is_leaf(node) for node in range(len(tree)))
    groups = counted(len(tree.group_size), "group")
    return f"{counted(len(tree), 'node')}, {counted(leaves, 'leaf', 'leaves')}, {groups}"


def _odd_lines(nodes: Sequence[int]) -> str:
    return f": the first on line {nodes[0] + 1}" if nodes else ""


def _listed(names: Sequence[str], most: int = 8) -> str:
    return f": {', '.join(names[:most])}{', ...' if len(names) > most else ''}" if names else ""


def _show(args: argparse.Namespace) -> int:
    from ...formats.atomic import write_text
    from ...wordtree import as_dot, as_svg, as_text, node_of

    _spare_inputs(args, args.out)
    form = args.format or _form(args.out)
    named = _open(args)
    root = None if args.root is None else node_of(named, args.root)
    if form == "svg":
        if args.out is None:
            raise DataError("--format svg: expected --out FILE for the drawing")
        as_svg(named, root, args.depth).save(args.out)
    else:
        text = (as_dot if form == "dot" else as_text)(named, root, args.depth)
        if args.out is None:
            print(text, end="")
            return 0
        write_text(args.out, text, DataError)
    print(f"{args.out}: {'drawn' if form == 'svg' else 'written'}")
    return 0


def _form(out: str | None) -> str:
    """The format that a file's ending means. DataError for one that can't be drawn."""
    ending = os.path.splitext(out or "")[1].lower()
    if ending in (".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf", ".html"):
        raise DataError(f"--out {out}: expected a file that ends in .svg, .dot or .txt")
    return {".svg": "svg", ".dot": "dot", ".gv": "dot"}.get(ending, "text")


def _find(args: argparse.Namespace) -> int:
    from ...wordtree import find

    named = _open(args)
    word = " ".join(args.word)
    nodes = find(named, word)
    for node in nodes:
        print(_line(named, node))
    if not nodes:
        raise DataError(f"{named.file}: no node's name holds {word!r}")
    return 0


def _path(args: argparse.Namespace) -> int:
    from ...wordtree import node_of

    named = _open(args)
    for node in named.tree.path(node_of(named, " ".join(args.word))):
        print(f"{node} {named.tree.name[node]} {named.names[node]}")
    return 0


def _line(named: NamedTree, node: int) -> str:
    return f"{node} {named.tree.name[node]} {' > '.join(named.path(node))}"


def _subset(args: argparse.Namespace) -> int:
    from ...wordtree import subset

    named = _open(args)
    hierarchy, _ = subset(named, _kept(named, args))
    return _write(hierarchy, args)


def _kept(named: NamedTree, args: argparse.Namespace) -> list[int]:
    from ...wordtree import node_of

    keep = [node_of(named, word.strip()) for word in args.keep.split(",") if word.strip()]
    if not keep:
        raise DataError("--keep: expected names of nodes, separated by commas")
    return keep


def _prune(args: argparse.Namespace) -> int:
    from ...formats.resources import find as find_file
    from ...wordtree import open_tree, prune, tree_head

    endings = (".cfg", ".weights", ".tree", ".names", ".labels", ".map")
    net = load(args)
    head = tree_head(net)
    section = head.section
    own = [find_file(section.str_(key), relative_to=section.file) for key in ("tree", "map") if section.has(key)]
    named = open_tree(own[0], args.names)
    refuse_inputs([args.out + ending for ending in endings], args, also=[*own, own[0].with_suffix(".names")])
    files = prune(net, named, _kept(named, args), args.out, with_map=not args.without_map, force=args.force)
    print(", ".join(files))
    return 0


def _map(args: argparse.Namespace) -> int:
    from ...formats.atomic import write_text
    from ...formats.data import read_labels
    from ...wordtree import match_classes, read_wordnet, refuse_taken

    _spare_inputs(args, args.out)
    named = _open(args)
    wordnet = None if args.wordnet is None else read_wordnet(args.wordnet)
    matches = match_classes(named, read_labels(args.classes), wordnet)
    for each in matches:
        print(_matched(named, each))
    lost = [each.name for each in matches if each.node < 0]
    several = [each.name for each in matches if each.others]
    inner = sum(each.node >= 0 and not named.tree.is_leaf(each.node) for each in matches)
    counts = f"{len(several)} with several nodes, {len(lost)} without one, {inner} at inner nodes"
    print(f"{len(matches)} classes: {counts}")
    if several:
        print(f"several nodes{_listed(several)}: the first is taken; its id in the list says which one is meant")
    if lost:
        print(f"no node{_listed(lost)}; `pydarknet tree find` helps to choose, nothing is written")
        return 1
    if args.out is not None:
        if not args.force:
            refuse_taken([args.out])
        write_text(args.out, "".join(f"{each.node}\n" for each in matches), DataError)
    return 0


def _spare_inputs(args: argparse.Namespace, *targets: str | None) -> None:
    """UsageError if what is written would replace what is read."""
    read = [getattr(args, key, None) for key in ("tree", "csv", "synsets", "classes")]
    beside = [os.path.splitext(args.tree)[0] + ".names"] if getattr(args, "tree", None) else []
    refuse_inputs(targets, args, also=[each for each in [*read, *beside] if each])


def _matched(named: NamedTree, match: Match) -> str:
    if match.node < 0:
        return f"{match.name}: no node"
    others = "".join(f"; or {_line(named, node)}" for node in match.others[:3])
    return f"{match.name}: {_line(named, match.node)} (by {match.how}{others})"


def _open(args: argparse.Namespace) -> NamedTree:
    from ...formats.resources import find as find_file
    from ...wordtree import open_tree

    given = args.tree if os.path.exists(args.tree) or not os.path.exists(f"{args.tree}.tree") else f"{args.tree}.tree"
    path = given if os.path.isfile(given) else find_file(given)
    return open_tree(path, args.names)
