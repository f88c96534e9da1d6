"""Images in a folder for each class, as torchvision's ImageFolder and Ultralytics' classifiers have them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from os import PathLike, fspath

from ..errors import DataError, ImageError
from ..formats.path_labels import Best, Substring
from ..formats.text import counted, short
from ..images.size import image_size
from .class_list import is_image, walk
from .convert import Conversion, Sample
from .dataset import has_label_files
from .yolo import SETS

WEIGHTS = (".weights", ".backup")  # of the folder of a training, whose charts are no images to learn from
SHOWN = 5  # names in a message
Classes = dict[str, list[str]]  # images by the name of their class


def read_classes(source: str | PathLike[str]) -> Conversion:
    """Read SOURCE/CLASS/image.jpg, or SOURCE/train/CLASS/image.jpg with valid (val) and test beside train.

    The class of an image is the topmost folder that it lies in, and its label that folder between slashes, /CLASS/,
    which is in no file's name and no part of another label. Classes are in the order of their names. DataError
    without an image, for less than two classes, and for a path in which another class's folder lies further in.
    """
    root = fspath(source)
    if not os.path.isdir(root):
        raise DataError(f"{root}: no such folder; expected one that has a folder of images for each class")
    notes: list[str] = []
    sets = _sets_in(root, notes)
    if "train" not in sets:
        raise DataError(f"{root}: has no images to train on; expected a folder train beside {', '.join(sets)}")
    names = sorted({name for classes in sets.values() for name in classes})
    images = [image for classes in sets.values() for each in classes.values() for image in each]
    boxes = f"; a detector's data from label files: pydarknet data yolo {root}" if has_label_files(images) else ""
    if len(names) < 2:
        place = os.path.join(root, names[0])
        deep = any(os.path.dirname(image) != place for image in sets["train"].get(names[0], []))
        inner = f"; if its folders are the classes, give {place}" if deep and "valid" not in sets else ""
        raise DataError(
            f"{root}: expected two classes or more, found one folder of images: {names[0]}{boxes or inner}"
        )
    if boxes:
        notes.append(f"images have label files, which a classifier has no use for{boxes}")
    for key, classes in sets.items():
        if missing := [name for name in names if name not in classes]:
            notes.append(f"{key}: no image is of {_shown(missing)}")
    labels = [f"/{name}/" for name in names]
    _check_labels(sets, names, labels, notes)
    ids = {name: class_id for class_id, name in enumerate(names)}
    samples = {
        key: [Sample(image, [(ids[name], 0.0, 0.0, 0.0, 0.0)]) for name in sorted(classes) for image in classes[name]]
        for key, classes in sets.items()
    }
    return Conversion(names, samples, notes, labels_in_place=True, labels=labels, root=root)


def _sets_in(root: str, notes: list[str]) -> dict[str, Classes]:
    """The classes of each set; what is left out is among the notes."""
    below = {name: _images_in(os.path.join(root, name)) for name in _folders(root, notes)}
    if not any(below.values()):
        flat = [name for name in sorted(os.listdir(root)) if is_image(os.path.join(root, name))]
        raise DataError(f"{root}: {_no_class(root, flat)}")
    readable = _readable(below, notes)
    places = _places_of_sets(root, readable)
    sets = {key: _by_class(os.path.join(root, name), readable[name], notes) for key, name in places.items()}
    others = {name: images for name, images in readable.items() if name not in places.values()}
    loose = [name for name in others if name.lower() in {*SETS["valid"], *SETS["test"]} and others[name]]
    if "train" not in sets:  # folders of classes, with sets or without
        train = _not_empty({name: images for name, images in others.items() if name not in loose}, root, notes)
        sets = {"train": train, **sets} if train else sets
        others = {name: others[name] for name in loose}
    if out := [name for name, images in others.items() if images]:
        count = sum(len(others[name]) for name in out)
        notes.append(f"left out {counted(count, 'image')} in {_shown(out)}, no folder of a class, nor of train, "
                     "valid (val) or test with such folders in it")  # fmt: skip
    if flat := [name for name in sorted(os.listdir(root)) if is_image(os.path.join(root, name))]:
        notes.append(_left_out(len(flat), "in no folder of a class", os.path.join(root, flat[0])))
    sets = {key: classes for key, classes in sets.items() if classes}
    if not sets:
        raise DataError(f"{root}: {_no_class(root, ['image.jpg'])}")
    return sets


def _places_of_sets(root: str, below: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The folders that are sets, by the set: those of such a name in which images lie in folders."""
    places: dict[str, str] = {}
    for key, spellings in SETS.items():
        for name, images in below.items():
            folder = os.path.join(root, name)
            if name.lower() in spellings and any(os.path.dirname(image) != folder for image in images):
                if key in places:
                    raise DataError(
                        f"{root}: expected one folder of images for {key}, found {places[key]} and {name}"
                    )
                places[key] = name
    return places


def _by_class(folder: str, images: Sequence[str], notes: list[str]) -> Classes:
    """The images of a set by their class."""
    classes: Classes = {name: [] for name in _folders(folder, notes)}
    loose = []
    for image in images:
        name, slash, _ = os.path.relpath(image, folder).partition(os.sep)
        if not slash:
            loose.append(image)
        elif name in classes:
            classes[name].append(image)
    if loose:
        notes.append(_left_out(len(loose), "in no folder of a class", loose[0]))
    return _not_empty(classes, folder, notes)


def _not_empty(classes: Classes, folder: str, notes: list[str]) -> Classes:
    """Without folders that have no image, which are noted."""
    if empty := [name for name, images in classes.items() if not images]:
        notes.append(f"{folder}: no class, as no image is in them: {_shown(empty)}")
    deep = [image for name, images in classes.items() for image in images
            if os.path.dirname(image) != os.path.join(folder, name)]  # fmt: skip
    if deep:
        notes.append(f"{counted(len(deep), 'image')} in folders further in are of the class of the outer folder; "
                     f"the first: {deep[0]}")  # fmt: skip
    return {name: images for name, images in classes.items() if images}


def _folders(root: str, notes: list[str]) -> list[str]:
    """The names of the folders in one, but hidden ones and those of a training."""
    found = []
    with os.scandir(root) as entries:
        names = sorted(each.name for each in entries if each.is_dir() and not each.name.startswith("."))
    for name in names:
        if any(each.endswith(WEIGHTS) for each in os.listdir(os.path.join(root, name))):
            notes.append(f"left out {os.path.join(root, name)}: it has weights, of a training")
        else:
            found.append(name)
    return found


def _images_in(folder: str) -> list[str]:
    return [os.path.join(place, name) for place, _, names in walk(folder) for name in names
            if is_image(os.path.join(place, name))]  # fmt: skip


def _readable(below: Mapping[str, Sequence[str]], notes: list[str]) -> Classes:
    """Without images that can't be read, which are noted. DataError if none can."""
    problems: list[str] = []
    found: Classes = {name: [] for name in below}
    for name, images in below.items():
        for image in images:
            try:
                image_size(image)
                found[name].append(image)
            except ImageError as error:
                problems.append(str(error))
    if not any(found.values()):
        raise DataError(f"none of {counted(len(problems), 'image')} can be read; the first: {problems[0]}")
    if problems:
        notes.append(_left_out(len(problems), "that can't be read", problems[0]))
    return found


def _check_labels(sets: Mapping[str, Classes], names: Sequence[str], labels: Sequence[str], notes: list[str]) -> None:
    """DataError if the label that fits a path best is of another class than its folder; a note if Darknet's own rule
    finds more than one."""
    best, every = Best(labels), Substring(labels)
    several: list[str] = []
    for classes in sets.values():
        for name, images in classes.items():
            for image in images:
                path = os.path.abspath(image)
                found = every(path)
                if len(found) == 1 and names[found[0]] == name:
                    continue
                several.append(path)
                if (other := names[best(path)[0]]) != name:
                    raise DataError(
                        f"{path}: is it of the class {short(name)!r} or, by the folder further in, {short(other)!r}? "
                        "Expected folders of classes side by side; rename or move one"
                    )
    if several:
        notes.append(f"{counted(len(several), 'path')} hold the folders of two classes, of which the inner one "
                     f"counts; Darknet's own programs would take both; the first: {several[0]}")  # fmt: skip


def _no_class(root: str, flat: Sequence[str]) -> str:
    if not flat:
        return f"holds no image in a folder; expected {root}/CLASS/image.jpg"
    return (f"images lie in no folder of a class; expected {root}/CLASS/{flat[0]}. Where the files' names say the "
            "class, a list of them and labels= with these words will do")  # fmt: skip


def _left_out(count: int, why: str, first: str) -> str:
    return f"left out {counted(count, 'image')} {why}; the first: {first}"


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(short, names[:SHOWN])) + more
