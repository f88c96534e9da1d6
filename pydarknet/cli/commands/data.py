"""`pydarknet data`: data sets for training, converted, checked, counted, split and shown."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import DataError
from ...formats.text import counted
from ..messages import print_findings
from ..parser import real, whole

if TYPE_CHECKING:
    from ...datasets import Conversion, Sample
    from ...datasets.convert import Placing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs and their options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="voc|coco|yolo|classes|check|stats|split|show")
    _add_voc(verbs.add_parser("voc", help="make label files, lists, .names and .data from PASCAL VOC's XML files"))
    _add_coco(verbs.add_parser("coco", help="make label files, lists, .names and .data from COCO's instances JSON"))
    _add_yolo(verbs.add_parser("yolo", help="make lists and .data from images that have YOLO's label files"))
    _add_classes(
        verbs.add_parser("classes", help="make lists, labels and .data for a classifier from a folder for each class")
    )
    _add_check(
        verbs.add_parser("check", help="report what is wrong, with file:line; exit code 1 if there are errors")
    )
    counting = verbs.add_parser("stats", help="count classes and objects per image; show sizes and aspect ratios")
    _add_data(counting)
    counting.add_argument("--json", action="store_true", help="print JSON")
    counting.add_argument("--no-sizes", action="store_true", help="don't open the images: no aspects, no areas")
    _add_split(verbs.add_parser("split", help="split a list so that every part has its share of every class"))
    showing = verbs.add_parser("show", help="draw images with their true boxes into a folder")
    _add_data(showing)
    showing.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="where the images go")
    showing.add_argument("--count", type=whole(1), default=16, metavar="N", help="how many images (default: 16)")
    showing.add_argument("--seed", type=whole(0), default=0, metavar="N", help="seed of which images (default: 0)")
    showing.add_argument("--force", action="store_true", help="replace files that are there")


def run(args: argparse.Namespace) -> int:
    """0 if all went well; 1 if `check` found errors."""
    verbs = {
        "voc": _voc,
        "coco": _coco,
        "yolo": _yolo,
        "classes": _classes,
        "check": _check,
        "stats": _stats,
        "split": _split,
        "show": _show,
    }
    return verbs[args.verb](args)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="a .data file, or a list of images")
    parser.add_argument("--names", metavar="FILE", help="names of the classes, where DATA is a list")
    parser.add_argument("--classes", type=whole(1), metavar="N", help="number of classes, where DATA is a list")


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--valid", type=real(0, 1), default=0.0, metavar="SHARE", help="part of the training images to validate on"
    )
    parser.add_argument(
        "--seed", type=whole(0), default=0, metavar="N", help="seed of the choice that --valid makes (default: 0)"
    )
    parser.add_argument(
        "--name", metavar="NAME", help="what to call NAME.data and NAME.names; default: the folder's name"
    )
    parser.add_argument(
        "--images",
        "--pictures",
        dest="placing",
        choices=("keep", "link", "copy"),
        help="keep the images where they are, with labels beside their folder; or link or copy them into --out",
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there and differ")


def _add_voc(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folders",
        metavar="FOLDER",
        nargs="+",
        type=Path,
        help="has Annotations/ and JPEGImages/, or XML beside images",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where lists, .names and .data go; default: the first FOLDER"
    )
    parser.add_argument(
        "--names", metavar="FILE", help="the classes, in order; objects of other classes are left out"
    )
    parser.add_argument(
        "--sets", nargs="+", metavar="SET", help="lists of ImageSets to convert; default: train, val and test"
    )
    parser.add_argument("--difficult", action="store_true", help="keep the difficult objects")
    parser.add_argument(
        "--origin", type=int, choices=(0, 1), default=1, help="what the first pixel is counted as; VOC: 1 (default)"
    )
    _add_output(parser)


def _add_coco(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="SOURCE", nargs="?", type=Path, help="an instances file, or a folder in which they are"
    )
    parser.add_argument(
        "images", metavar="IMAGES", nargs="?", help="the folder of the images; default: looked for around the file"
    )
    for key in ("train", "val", "test"):
        parser.add_argument(f"--{key}", nargs=2, metavar=("JSON", "IMAGES"), help=f"instances and images: {key}")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where lists, .names and .data go; default: the folder of SOURCE"
    )
    parser.add_argument("--crowd", action="store_true", help="keep regions that hold many objects (iscrowd)")
    _add_output(parser)


def _add_yolo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", type=Path, help="a folder, a data.yaml, an obj.data")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where lists, .names and .data go; default: the folder of SOURCE"
    )
    parser.add_argument("--names", metavar="FILE", help="the names of the classes, where SOURCE doesn't have them")
    _add_output(parser)


def _add_classes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="FOLDER", type=Path, help="has a folder for each class, or train, valid and test with these"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where lists, .labels, .names and .data go; default: FOLDER"
    )
    _add_output(parser)


def _add_check(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--quick", action="store_true", help="read the images' headers only")
    parser.add_argument("--no-labels-is-background", "--missing-is-empty", dest="background", action="store_true",
                        help="an image without a label file has no objects: only warn")  # fmt: skip
    parser.add_argument(
        "--max",
        type=whole(1),
        default=1000,
        metavar="N",
        help="lines printed at most (default: 1000)",
    )


def _add_split(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("parts", metavar="NAME=SHARE", nargs="+", help="such as train=0.8 valid=0.2")
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="where NAME.txt of each part goes, and the .data of all",
    )
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N", help="seed of the split (default: 0)")
    parser.add_argument("--force", action="store_true", help="replace files that are there")


def _voc(args: argparse.Namespace) -> int:
    from ...datasets import read_voc

    data = read_voc(args.folders, names=args.names, sets=args.sets, difficult=args.difficult, origin=args.origin)
    return _written(args, data, args.folders[0], "keep" if args.out is None else "link")


def _coco(args: argparse.Namespace) -> int:
    from ...datasets import coco_files, read_coco

    sets = {key: tuple(getattr(args, key)) for key in ("train", "val", "test") if getattr(args, key)}
    if args.source is not None and sets:
        raise DataError("expected SOURCE, or --train, --val and --test, not both")
    if args.source is None and not (sets and args.out):
        raise DataError("expected SOURCE, or --out and at least one of --train, --val and --test (JSON and IMAGES)")
    if args.images is not None and not args.source.is_file():
        raise DataError(f"{args.source}: IMAGES goes with one instances file; for several: --train JSON IMAGES ...")
    if args.source is not None:
        sets = {key: (file, args.images) for key, (file, _) in coco_files(args.source).items()}
    source = args.source if args.source is None or args.source.is_dir() else args.source.parent
    return _written(args, read_coco(sets, crowd=args.crowd), source, "keep")


def _yolo(args: argparse.Namespace) -> int:
    from ...datasets import read_yolo

    data = read_yolo(args.source, names=args.names)
    if args.out is None and not data.labels_in_place:
        raise DataError(f"{args.source}: has polygons; choose a folder --out for labels that have boxes instead")
    source = args.source if args.source.is_dir() else args.source.parent
    return _written(args, data, source, "keep" if data.labels_in_place else "link")


def _classes(args: argparse.Namespace) -> int:
    from ...datasets import read_classes

    moves = args.placing not in (None, "keep")
    if moves and (args.out is None or args.folder.resolve() in (args.out.resolve(), *args.out.resolve().parents)):
        raise DataError(f"--images {args.placing}: expected --out FOLDER outside of {args.folder}, whose folders "
                        "are classes")  # fmt: skip
    return _written(args, read_classes(args.folder), args.folder, "keep")


def _written(args: argparse.Namespace, data: Conversion, source: Path, placing: Placing) -> int:
    """Write what was read, with what is set aside to validate on, beside `source` unless there is an --out."""
    from ...datasets import set_aside, without_missing, write

    data = set_aside(without_missing(data), args.valid, args.seed)
    out, placing = args.out or source, args.placing or placing
    notes = write(data, out, name=args.name, images=placing, force=args.force)
    _tell(out, args.name, data.sets, notes, bool(data.labels))
    if placing == "link":
        print(f"note: {out / 'images'} has links to the images; to take the folder elsewhere: --images copy")
    return 0


def _tell(
    out: Path, name: str | None, sets: Mapping[str, Sequence[Sample]], notes: Sequence[str], classifies: bool
) -> None:
    for note in notes:
        print(f"note: {note}")
    for key, samples in sets.items():
        labels = [row[0] for sample in samples for row in sample.labels]
        of = counted(len({*labels}), "class") if classifies else counted(len(labels), "object")
        print(f"{out / key}.txt: {counted(len(samples), 'image')}, {of}")
    print(f"{out / (name or out.resolve().name)}.data: ready for training")


def _check(args: argparse.Namespace) -> int:
    from ...datasets import check, read_dataset

    data = read_dataset(args.data, args.names, args.classes)
    count = print_findings(check(data, decode=not args.quick, background=args.background), args.max)
    images = counted(len(data.images), "image")
    print(f"{images}: {counted(count[True], 'error')}, {counted(count[False], 'warning')}")
    return 1 if count[True] else 0


def _stats(args: argparse.Namespace) -> int:
    from ...datasets import read_dataset, stats

    data = read_dataset(args.data, args.names, args.classes)
    every = [stats(data, images, sizes=not args.no_sizes) for images in data.lists]
    if args.json:
        print(json.dumps([each.as_dict(data) for each in every], ensure_ascii=False, allow_nan=False, indent=1))
    else:
        print("\n\n".join(each.table(data) for each in every))
    return 0


def _split(args: argparse.Namespace) -> int:
    from ...datasets import read_dataset
    from ...datasets.split import split_list

    data = read_dataset(args.data, args.names, args.classes)
    parts: dict[str, float] = {}
    for name, share in map(_share, args.parts):
        if name in parts:
            raise DataError(f"expected each part once, found {name!r} twice")
        parts[name] = share
    for path, images in split_list(data, parts, args.out, args.seed, args.force).items():
        print(f"{path}: {counted(images, 'image')}")
    if data.names and "train" in parts:
        print(f"{args.out / args.out.resolve().name}.data: ready for training")
    return 0


def _share(text: str) -> tuple[str, float]:
    name, _, share = text.partition("=")
    try:
        return name, float(share[:-1]) / 100 if share.endswith("%") else float(share)
    except ValueError:
        raise DataError(f"expected NAME=SHARE such as train=0.8 or train=80%, found {text!r}") from None


def _show(args: argparse.Namespace) -> int:
    from ...datasets import read_dataset, show

    data = read_dataset(args.data, args.names, args.classes)
    print("\n".join(show(data, args.out, count=args.count, seed=args.seed, force=args.force)))
    return 0
