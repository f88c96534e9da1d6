"""What a user means by a data set: a .data file with its lists, or one list of images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath

from ..errors import DataError, carrying
from ..formats.data import MAX_CLASSES, MAX_LIST_BYTES, DataFile, class_name, read_data, read_labels, read_names
from ..formats.labels import find_label
from ..formats.path_labels import Classes, path_classes
from ..formats.resources import listed, moved
from ..formats.text import lines, read_text, refuse_kinds
from ..images.sources import images_below, is_companion

LOOKED_AT = 1000  # images, by which it is told whether there are label files
LISTS = ("train", "train_boxes", "valid", "test")


@dataclass(frozen=True)
class ImageList:
    """Images of a list file. `images` are the paths as they can be opened, `lines` where they stand; `warnings`
    say what was left out."""

    name: str
    file: str
    images: list[str]
    lines: list[int]
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DataSet:
    """`classes` is None and `names` empty where nothing says what they are. `classifies`: it says how
    paths tell classes, as a classifier needs it."""

    file: str
    classes: int | None
    names: list[str]
    lists: list[ImageList]
    warnings: list[str] = field(default_factory=list)
    classifies: bool = False

    @property
    def images(self) -> list[str]:
        """The images of all lists, each once."""
        return list(dict.fromkeys(image for each in self.lists for image in each.images))

    def list_(self, name: str) -> ImageList:
        """The list of that name (`train_boxes` is one to train on), or the only one. DataError if there is none."""
        for each in self.lists:
            if each.name in (name, "") or (each.name, name) == ("train_boxes", "train"):
                return each
        raise DataError(f"{self.file}: has no {name!r} list; add a line {name} = ...")

    def name_of(self, class_id: int) -> str:
        """The name of a class, or its number."""
        return class_name(self.names, class_id)


def tells_classes(data: DataFile) -> bool:
    """Whether a .data file says how paths tell classes, as a classifier needs it."""
    return "labels" in data.options or bool(data.int_("tag", 0))


def class_rule(path: str | PathLike[str]) -> Classes:
    """How the classes of a .data file are found in the paths of images, by `labels`, else by `names`. DataError."""
    data = read_data(path)
    if "labels" not in data.options and data.int_("tag", 0):
        return path_classes(data, [], data.classes(1))
    labels = read_labels(data.path("labels" if "labels" in data.options else "names"))
    return path_classes(data, labels[: data.classes(len(labels))])


def class_rule_of(data: DataSet) -> Classes | None:
    """The rule of a data set that says how paths tell classes, and has no label files; None for another."""
    return class_rule(data.file) if data.classifies and not has_label_files(data.images) else None


def has_label_files(images: Sequence[str]) -> bool:
    """Whether one of some images, from all over a list, has a label file."""
    return any(find_label(image) for image in images[:: max(1, len(images) // LOOKED_AT)])


def read_dataset(
    path: str | PathLike[str], names: str | PathLike[str] | None = None, classes: int | None = None
) -> DataSet:
    """Read a .data file and the lists it names, or a list file (then `names` and `classes` say what is in it).

    DataError for a file that is missing or empty, and for fewer names than classes.
    """
    file = fspath(path)
    if classes is not None and not 0 < classes <= MAX_CLASSES:
        raise DataError(f"expected 1 to {MAX_CLASSES} classes, found {classes}")
    if not file.endswith(".data"):
        known = read_names(names, classes or 0) if names is not None else []
        images = read_image_list("", file)
        return DataSet(file, classes or len(known) or None, known, [images], list(images.warnings))
    data = read_data(file)
    with carrying(lambda: data.warnings):
        return _of_data(data, names, classes)


def _of_data(data: DataFile, names: str | PathLike[str] | None, classes: int | None) -> DataSet:
    file = data.file
    keys = [key for key in LISTS if key in data.options]
    if not keys:
        raise DataError.at(file, None, "names no list of images; add a line train = ...")
    names_file = fspath(names) if names is not None else data.path("names") if "names" in data.options else None
    known = read_names(names_file) if names_file is not None else []
    count = classes or data.classes(len(known)) or None
    if count and known and len(known) < count:
        raise data.error(f"{count} classes, but {fspath(names_file or '')} has {len(known)} names", "classes")
    lists = [read_image_list(key, data.path(key)) for key in keys]
    warnings = [*data.warnings, *(text for each in lists for text in each.warnings)]
    if count and len(known) > count:
        warnings.append(f"{fspath(names_file or '')}: has {len(known)} names for {count} classes; the first count")
    return DataSet(file, count, known[:count], lists, warnings, tells_classes(data))


def read_image_list(name: str, path: str | PathLike[str]) -> ImageList:
    """Read a list file, or the images of a folder.

    A path that isn't there as it is written is looked for beside the list and in its parent.

    What macOS writes beside an image (._name) is left out, with a warning. DataError if nothing is left.
    """
    file = fspath(path)
    if os.path.isdir(file):
        images = images_below(file)
        return ImageList(name, file, images, [0] * len(images))
    text = read_text(file, MAX_LIST_BYTES, lambda message: DataError.at(file, None, message))
    written = lines(text)
    refuse_kinds(
        written,
        ["a cfg", "a .data file", "a data.yaml"],
        "the path of an image on each line",
        lambda message: DataError.at(file, None, message),
    )
    rows = [(number, row) for number, line in enumerate(written, 1) if (row := line.strip(" \t"))]
    if not rows:
        raise DataError.at(file, None, "is empty; expected the path of an image on each line")
    found = [(number, listed(row, file)) for number, row in rows]
    kept = [(number, path) for number, path in found if not is_companion(path)]
    warnings = _moved([row for _, row in rows], [path for _, path in found], file)
    if len(kept) < len(found):
        first = next(path for _, path in found if is_companion(path))
        count = f"{len(found) - len(kept)} of {len(found)} files"
        warnings.append(f"{file}: {count} hold what macOS notes of an image, and are left out; the first: {first}")
    if not kept:
        raise DataError.at(file, None, "holds no image; all its files are notes of macOS (._name)")
    return ImageList(name, file, [path for _, path in kept], [number for number, _ in kept], warnings)


def _moved(rows: Sequence[str], found: Sequence[str], file: str) -> list[str]:
    """A warning about images that are beside the list instead of where it says."""
    others = [(row, path) for row, path in zip(rows, found, strict=True) if row != path == moved(row, file)]
    if not others:
        return []
    told = f"{len(others)} of {len(rows)} images aren't where it says; those beside it are taken"
    return [f"{file}: {told}; the first: {others[0][1]} for {others[0][0]}"]
