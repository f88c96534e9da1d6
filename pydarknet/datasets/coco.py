"""COCO's instances JSON, as COCO, Roboflow and CVAT lay it out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..formats.json_file import read_json, whole
from ..formats.text import short
from ..images.sources import is_image_name
from .convert import Conversion, LeftOut, Row, Sample, is_line, stays_inside
from .voc import box_row

MAX_SIDE = 1 << 31  # pixels
WRONG = (KeyError, TypeError, ValueError, AttributeError, OverflowError)  # what an entry of another form raises


OTHER_FILES = ("captions_", "person_keypoints_", "stuff_", "panoptic_", "image_info_")


def coco_files(source: str | PathLike[str]) -> dict[str, tuple[str, None]]:
    """The instances files of a data set in COCO's form, by set: of a folder with annotations/, of one with train/,
    valid/ and test/, or the one file that `source` is. DataError if there is none, or two of one set."""
    path = Path(source)
    if path.is_file():
        return {"train": (fspath(path), None)}
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder; expected an instances file, or a folder that has some")
    files = [file for pattern in ("annotations/*.json", "*/_annotations.coco.json", "*.json") for file in
             sorted(path.glob(pattern)) if not file.name.startswith(OTHER_FILES)]  # fmt: skip
    found: dict[str, tuple[str, None]] = {}
    for file in files:
        said = (file.stem if file.stem != "_annotations.coco" else file.parent.name).lower()
        key = next((each for each in ("train", "val", "test") if each in said), "train")
        if key in found:
            raise DataError(f"{path}: {found[key][0]} and {file}: which is it? Say so: --{key} JSON IMAGES")
        found[key] = fspath(file), None
    if not found:
        raise DataError(f"{path}: has no instances file (annotations/*.json, or train/_annotations.coco.json)")
    return found


def read_coco(
    sets: Mapping[str, tuple[str | PathLike[str], str | PathLike[str] | None]], *, crowd: bool = False
) -> Conversion:
    """Read the instances of each set: its JSON file and the folder of its images (None: looked for around the file).

    Classes are the categories by their id, so that COCO's own get Darknet's numbers. `crowd` keeps the regions of
    many objects. DataError for anything missing or of another form; images need not be there.
    """
    names: list[str] | None = None
    samples: dict[str, list[Sample]] = {}
    left_out = LeftOut()
    for key, (file, folder) in sets.items():
        content = read_json(fspath(file))
        found, classes = _categories(fspath(file), content)
        if names is not None and found != names:
            raise DataError.at(fspath(file), None, "has other categories than the file before")
        names = found
        place = fspath(folder) if folder is not None else _images_around(Path(file), content)
        samples[key] = _samples(fspath(file), content, place, classes, crowd, left_out)
    return Conversion(names or [], samples, left_out.notes())


def _images_around(file: Path, content: Any) -> str:
    """The folder in which the first image of an instances file is: images/train2017 for instances_train2017.json."""
    set_name = file.stem.removeprefix("instances_")
    roots = [file.parent, file.parent.parent]
    places = [root / each for root in roots for each in ("", "images", set_name, f"images/{set_name}")]
    try:
        name = str(content["images"][0]["file_name"])
    except (*WRONG, IndexError):
        return fspath(file.parent)  # which is said of the entry
    for place in places if stays_inside(name) else ():
        if (place / name).is_file():
            return fspath(place)
    tried = ", ".join(dict.fromkeys(map(str, places)))
    raise DataError.at(
        fspath(file), None, f"can't find its images, such as {short(name)!r}; name their folder ({tried})"
    )


def _categories(file: str, content: Any) -> tuple[list[str], dict[int, int]]:
    """The names by class, and the class of each category's id."""
    try:
        found = sorted((whole(each["id"]), str(each["name"])) for each in content["categories"])
    except WRONG as error:
        raise DataError.at(
            file, None, "expected 'categories', each with id and name; is this an instances file?"
        ) from error
    if len({number for number, _ in found}) != len(found):
        raise DataError.at(file, None, "expected categories with ids of their own, found one twice")
    for number, name in found:
        if not is_line(name):
            raise DataError.at(file, None, f"category {number}: expected a name in one line, found {short(name)!r}")
    return [name for _, name in found], {number: i for i, (number, _) in enumerate(found)}


def _samples(
    file: str, content: Any, folder: str, classes: Mapping[int, int], crowd: bool, left_out: LeftOut
) -> list[Sample]:
    images: dict[int, tuple[Sample, tuple[int, int]]] = {}
    for index, each in enumerate(_entries(file, content, "images")):
        try:
            size = whole(each["width"]), whole(each["height"])
            name, number = str(each["file_name"]), whole(each["id"])
        except WRONG as error:
            raise _wrong(file, "image", index, "id, file_name, width and height") from error
        if not (is_line(name) and stays_inside(name) and is_image_name(name)):
            expected = "a file_name inside the folder of the images, with the ending of an image"
            raise _wrong(file, "image", index, f"{expected}, found {short(name)!r}")
        if not 0 < min(size) <= max(size) < MAX_SIDE:
            raise _wrong(file, "image", index, f"a positive width and height, below {MAX_SIDE}")
        if number in images:
            raise _wrong(file, "image", index, f"an id of its own, found {number} again")
        images[number] = Sample(os.path.join(folder, name), [], size), size
    for index, each in enumerate(_entries(file, content, "annotations")):
        try:
            sample, size = images[whole(each["image_id"])]
            class_id = classes[whole(each["category_id"])]
            left, top, width, height = map(float, each["bbox"])
            is_crowd = bool(each.get("iscrowd", 0))
        except WRONG as error:
            raise _wrong(file, "annotation", index, "image_id, category_id and bbox of this file") from error
        if is_crowd and not crowd:
            left_out.add("a crowd", sample.image)
            continue
        row: Row | None = box_row(class_id, (left, top, left + width, top + height), size)
        if row is None:
            left_out.add("the box is empty or outside the image", sample.image)
        else:
            sample.labels.append(row)
    return [sample for sample, _ in images.values()]


def _entries(file: str, content: Any, key: str) -> list[Any]:
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise DataError.at(file, None, f"expected a list {key!r}; is this an instances file?")
    return entries


def _wrong(file: str, what: str, index: int, expected: str) -> DataError:
    return DataError.at(file, None, f"{what} {index}: expected {expected}")
