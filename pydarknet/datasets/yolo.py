"""Data sets whose labels are YOLO's already: folders of labelImg and CVAT, data.yaml of Ultralytics and Roboflow."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..formats.data import read_data, read_list, read_names
from ..formats.labels import find_label, parse_label
from ..formats.numbers import read_float
from ..formats.resources import find, listed
from ..formats.text import lines, read_text, short
from ..images.sources import images_below, is_image_name
from .aside import set_aside
from .convert import Conversion, Row, Sample
from .dataset import has_label_files

SETS = {"train": ("train",), "valid": ("valid", "val", "validation"), "test": ("test",)}
NAMES = ("classes.txt", "obj.names", "labels/classes.txt", "data.names", "names.txt")
YAMLS = ("data.yaml", "data.yml", "dataset.yaml")
MAX_YAML = 1 << 20
SHOWN = 10  # label files that are wrong
MAX_LABELS = 16 << 20
Images = dict[str, list[str]]


def read_yolo(
    source: str | PathLike[str], *, names: str | PathLike[str] | None = None, valid: float = 0.0, seed: int = 0
) -> Conversion:
    """Read a folder of images with labels, a data.yaml, or a .data file, by its images and their label files.

    A folder may have train, valid (val) and test in it, above or below images/; without them all images are to train
    on. The names are the file `names`, else those of the yaml or .data file, else those of a classes.txt or obj.names
    in the folder. `valid`: the share of the training images to validate on where the source has none. Polygons become
    the boxes around them; an image without a label file has no objects. DataError for whatever is missing or wrong.
    """
    path = Path(source)
    known, images, notes = _read(path)
    if names is not None:
        known = read_names(find(names))
    if not known:
        told = f"{path}: the names of the classes aren't there ({', '.join(NAMES)}); give them by --names"
        raise DataError(f"{told}{_of_another_kind(path, images)}")
    sets = {key: _samples(paths, known, notes) for key, paths in images.items()}
    in_place = not any("polygon" in note for note in notes)
    data = Conversion(known, sets, notes, labels_in_place=in_place)
    return set_aside(data, valid, seed) if valid else data


def _of_another_kind(path: Path, images: Images) -> str:
    """Which verb is for what is there, if it has no label files."""
    if (path / "Annotations").is_dir() or (path.is_dir() and any(path.glob("*.xml"))):
        what = "Annotations" if (path / "Annotations").is_dir() else "XML files"
        return f"; its {what} are VOC's: pydarknet data voc {path}"
    if has_label_files([each for paths in images.values() for each in paths]):
        return ""
    return f"; there are no label files either; for a folder of images for each class: pydarknet data classes {path}"


def _read(path: Path) -> tuple[list[str], Images, list[str]]:
    """Names, if any are there, the images of each set, and notes."""
    if path.is_dir():
        for name in YAMLS:
            if (path / name).is_file():
                return _of_yaml(path / name)
        if (path / "obj.data").is_file():
            return *_of_data(path / "obj.data"), []
        return _names_in(path), _sets_in(path), []
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder; expected a folder of images, a data.yaml or a .data file")
    return _of_yaml(path) if path.suffix in (".yaml", ".yml") else (*_of_data(path), [])


# Folders


def _names_in(folder: Path) -> list[str]:
    places = [folder / name for name in NAMES] + sorted(folder.glob("*.names"))
    return next((read_names(place) for place in places if place.is_file()), [])


def _sets_in(folder: Path) -> Images:
    found: Images = {}
    for key, spellings in SETS.items():
        for name in spellings:
            places = (folder / name / "images", folder / "images" / name, folder / name)
            place = next((each for each in places if each.is_dir()), None)
            if place is not None and key not in found:
                found[key] = images_below(place)
    return found or {"train": images_below(folder)}


# data.yaml


def _of_yaml(path: Path) -> tuple[list[str], Images, list[str]]:
    document = _load_yaml(path)
    root = path.parent
    base = document.get("path")
    if isinstance(base, str) and (root / base).is_dir():
        root = root / base
    images: Images = {}
    notes = []
    for key, spellings in SETS.items():
        given = next((document[name] for name in spellings if document.get(name)), None)
        if given is not None:
            places = given if isinstance(given, list) else [given]
            try:
                images[key] = [image for place in places for image in _images_of(path, root, key, place)]
            except DataError as error:
                if key != "test":
                    raise
                notes.append(f"left out the images to test on, which training doesn't need: {error}")
    if not images:
        raise DataError.at(fspath(path), None, "names no images; expected train: and val: with their folders")
    return _names_of(path, document), images, notes


def _load_yaml(path: Path) -> Mapping[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise DataError(f"{path}: reading YAML needs the package pyyaml; install it: pip install pyyaml") from error
    text = read_text(fspath(path), MAX_YAML, lambda reason: DataError.at(fspath(path), None, reason))
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        reason = getattr(error, "problem", None) or error
        raise DataError.at(fspath(path), line, f"is no YAML: {reason}") from error
    if not isinstance(document, dict):
        raise DataError.at(fspath(path), None, "expected keys such as train: and names:")
    return document


def _names_of(path: Path, document: Mapping[str, Any]) -> list[str]:
    given, count = document.get("names"), document.get("nc")
    if isinstance(given, dict):
        if sorted(given) != list(range(len(given))):
            raise DataError.at(fspath(path), None, f"names: expected the numbers 0 to {len(given) - 1} as its keys")
        given = [given[i] for i in range(len(given))]
    if not isinstance(given, list):
        return []
    names = [str(name) for name in given]
    if isinstance(count, int) and count != len(names):
        raise DataError.at(fspath(path), None, f"nc: {count}, but there are {len(names)} names")
    return names


def _images_of(path: Path, root: Path, key: str, place: Any) -> list[str]:
    """The images of a folder, an image, or a list, which a data.yaml names relative to itself, or, as Roboflow's do,
    to a folder beside."""
    tried = [root / str(place), path.parent / str(place), path.parent / str(place).removeprefix("../")]
    for each in tried:
        if each.is_dir():
            return images_below(each)
        if each.suffix == ".txt" and each.is_file():
            return [listed(image, fspath(each)) for image in read_list(each)]
        if each.is_file() and is_image_name(each.name):
            return [fspath(each)]
    places = ", ".join(dict.fromkeys(map(str, tried)))
    raise DataError.at(fspath(path), None, f"{key}: can't find the folder or list {short(str(place))!r} ({places})")


# .data


def _of_data(path: Path) -> tuple[list[str], Images]:
    """A .data file; in CVAT's, paths begin with a folder data/ that isn't there."""
    data = read_data(path)
    images: Images = {}
    for key in SETS:
        if (name := data.get(key)) is None:
            continue
        if (folder := _inside(path.parent, name)).is_dir():
            images[key] = images_below(folder)
        elif folder.is_file():
            images[key] = [_image_of(image, fspath(folder)) for image in read_list(folder)]
        elif key == "train":
            raise data.error(f"can't find {name!r}, beside the .data file neither", key)
    if not images:
        raise DataError.at(fspath(path), None, "names no list of images; add a line train = ...")
    names = data.get("names")
    place = None if names is None else _inside(path.parent, names)
    return read_names(place) if place is not None and place.is_file() else _names_in(path.parent), images


def _inside(folder: Path, name: str) -> Path:
    """A file or folder as it is written, beside, or beside without the first folder of its path."""
    parts = Path(name).parts
    tried = [Path(name), folder / name, folder.joinpath(*parts[1:]) if len(parts) > 1 else folder / name]
    return next((each for each in tried if each.exists()), tried[0])


def _image_of(image: str, list_file: str) -> str:
    path = listed(image, list_file)
    return path if os.path.lexists(path) else fspath(_inside(Path(list_file).parent, image))


# Labels


def _samples(images: list[str], names: list[str], notes: list[str]) -> list[Sample]:
    samples, unlabelled, polygons = [], [], 0
    problems: list[str] = []
    for image in images:
        label = find_label(image)
        if label is None:
            unlabelled.append(image)
        try:
            rows, outlines = _rows(label, len(names)) if label is not None else ([], 0)
        except DataError as error:
            problems.append(str(error))
            continue
        polygons += outlines
        samples.append(Sample(image, rows))
    if problems:
        more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        listed = "".join(f"\n  {each}" for each in [*problems[:SHOWN], *more])
        several = f"{len(problems)} of {len(images)} label files can't be used:{listed}"
        raise DataError(problems[0] if len(problems) == 1 else several)
    if len(unlabelled) == len(images):
        raise DataError(f"{images[0]}: no label file, nor for any other of {len(images)} images; are they elsewhere?")
    if unlabelled:
        notes.append(f"{len(unlabelled)} of {len(images)} images have no label file: no objects; {unlabelled[0]}")
    if polygons:
        notes.append(f"{polygons} polygons became the boxes around them")
    return samples


def _rows(label: str, classes: int) -> tuple[list[Row], int]:
    """The boxes of a label file, and how many of them were polygons."""
    text = read_text(label, MAX_LABELS, lambda reason: DataError.at(label, None, reason))
    rows: list[Row] = []
    polygons = 0
    for number, line in enumerate(lines(text), 1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) >= 7 and len(fields) % 2:
            polygons += 1
            line = _around(fields, label, number)
        values, problem = parse_label(line, classes)
        if problem:
            raise DataError.at(label, number, problem)
        rows.append((int(values[0]), *values[1:]))  # type: ignore[arg-type]
    return rows, polygons


def _around(fields: list[str], label: str, number: int) -> str:
    """The box around a polygon `class x y x y x y ...`, as a line of a label file."""
    values = []
    for field in fields[1:]:
        value, warning = read_float(field)
        if warning or not math.isfinite(value):
            raise DataError.at(label, number, f"expected a number, found {short(field)!r}")
        values.append(min(max(value, 0.0), 1.0))
    xs, ys = values[::2], values[1::2]
    x, y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    return f"{fields[0]} {x!r} {y!r} {max(xs) - min(xs)!r} {max(ys) - min(ys)!r}"
