"""What is wrong with a data set, before training finds out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Iterator
from typing import NamedTuple

import numpy as np

from ..errors import DataError, ImageError, locate
from ..formats.labels import CLASS, check_labels, find_label, label_path
from ..formats.path_labels import Classes
from ..images.exif import UPRIGHT, orientation, turned_by_exif
from ..images.image import read_image
from ..images.size import image_size
from .dataset import DataSet, ImageList, class_rule_of

SHOWN = 100  # classes that nothing is of


class Finding(NamedTuple):
    """`file:line`, whether it is an error or only a warning, and what is wrong."""

    place: str
    error: bool
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {'error' if self.error else 'warning'}: {self.message}"


def check(
    data: DataSet,
    *,
    decode: bool = True,
    background: bool = False,
    inner: Container[int] = (),
    rule: Classes | None = None,
) -> Iterator[Finding]:
    """Every finding, list by list, as it is made.

    Errors are what training would fail on: images and label files that are missing or unreadable, lines that are
    no label, classes that don't exist. `decode` reads whole images, otherwise only their headers. A missing
    label file is a warning with `background`. `inner` are the classes that others are below: they need no objects.
    `rule`: of a classifier, how a path tells the class; default: the rule of data that has no label files. Two
    classes of a path are an error, none is a warning.
    """
    yield from map(as_finding, data.warnings)
    rule = rule or class_rule_of(data)
    counts = np.zeros(data.classes or 0, np.int64)
    contents: dict[bytes, str] = {}
    labels_seen: dict[str, str] = {}
    seen: dict[str, tuple[ImageList, str]] = {}
    for images in data.lists:
        found, findings = _listed(data, images, seen)
        yield from findings
        for path, place in found:
            yield from _image(path, place, decode, contents)
            if not os.path.isfile(path):
                continue  # the path may be wrong, and its labels elsewhere
            if rule is not None:
                yield from _class(path, place, rule, counts)
                continue
            label = find_label(path)
            if label is None:
                message = f"{path} has no label file; expected {label_path(path)} (empty if nothing is to be seen)"
                yield Finding(place, not background, message)
                continue
            if (other := labels_seen.setdefault(label, path)) != path:
                yield Finding(place, True, f"{path} has the same label file as {other}: {label}")
            yield from _labels(label, data.classes, counts)
        turned = (
            []
            if rule is not None
            else [path for path, _ in found if os.path.isfile(path) and orientation(path) != UPRIGHT]
        )
        if turned:
            yield Finding(images.file, False, turned_by_exif(turned, len(found)))
    unseen = [class_id for class_id in np.flatnonzero(counts == 0).tolist() if class_id not in inner]
    for class_id in unseen[:SHOWN]:
        what = "object" if rule is None else "image"
        yield Finding(data.file, False, f"no {what} is of class {class_id} ({data.name_of(class_id)})")
    if len(unseen) > SHOWN:
        yield Finding(data.file, False, f"nor is any of {len(unseen) - SHOWN} more of the {data.classes} classes")


def _image(path: str, place: str, decode: bool, contents: dict[bytes, str]) -> Iterator[Finding]:
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        yield Finding(place, True, f"{path}: is no file but a device or a pipe, which may never end")
        return
    try:
        if not decode:
            image_size(path)
            return
        _, warning = read_image(path)
        if warning:
            yield Finding(place, False, warning)
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).digest()
    except (ImageError, OSError) as error:
        yield Finding(place, True, str(error))
        return
    if (other := contents.setdefault(digest, path)) != path:
        yield Finding(place, False, f"{path} is the same image as {other}")


def _class(
    path: str, place: str, rule: Classes, counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> Iterator[Finding]:
    try:
        classes = rule(path)
    except DataError as error:
        yield Finding(place, True, str(error))
        return
    if not classes:
        yield Finding(place, False, f"{path}: no label is in the path, so that the image is of no class")
    for class_id in classes:
        if class_id < len(counts):
            counts[class_id] += 1


def _labels(
    label: str, classes: int | None, counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> Iterator[Finding]:
    try:
        objects, problems = check_labels(label, classes)
    except DataError as error:
        yield Finding(label, True, str(error).removeprefix(f"{label}: "))
        return
    if len(counts):
        np.add.at(counts, objects[:, CLASS].astype(np.int64), 1)
    yield from (Finding(locate(label, p.line), p.error, p.message) for p in problems)


def _listed(
    data: DataSet, images: ImageList, seen: dict[str, tuple[ImageList, str]]
) -> tuple[list[tuple[str, str]], list[Finding]]:
    """The images of a list that were not `seen` before, with their places; and what to say of the others."""
    for before in data.lists[: data.lists.index(images)]:
        if os.path.samefile(before.file, images.file):
            message = f"{before.name} and {images.name} are the same list, {images.file}{_leak(before)}"
            return [], [Finding(data.file, False, message)]
    found, findings = [], []
    shared: dict[str, list[str]] = {}
    for path, line in zip(images.images, images.lines, strict=True):
        place = locate(images.file, line)
        before, first = seen.setdefault(path, (images, place))
        if first == place:
            found.append((path, place))
        elif before is images:
            findings.append(Finding(place, False, f"{path} is listed again, first in {first}"))
        else:
            shared.setdefault(before.file, []).append(path)
    for file, paths in shared.items():
        before, first = seen[paths[0]]
        count = f"{len(paths)} of {len(images.images)} images"
        message = f"{count} also in {file}, first {paths[0]} ({first}){_leak(before)}"
        findings.append(Finding(images.file, False, message))
    return found, findings


def _leak(before: ImageList) -> str:
    return "; what is trained on can't be validated on" if before.name.startswith("train") else ""


def as_finding(warning: str) -> Finding:
    """A warning of the form `PLACE: TEXT`."""
    place, _, message = warning.partition(": ")
    return Finding(place, False, message)
