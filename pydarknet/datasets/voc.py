"""PASCAL VOC's XML files: in its folders, Annotations/, JPEGImages/ and ImageSets/, or beside the images."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from ..errors import DataError
from ..formats.data import read_list, read_names
from ..formats.numbers import read_float
from ..formats.resources import find
from ..formats.text import byte_order, decode, read_bytes, short
from ..images.size import image_size
from ..images.sources import ENDINGS, is_companion
from .convert import Conversion, LeftOut, Row, Sample, stays_inside

SETS = ("train", "val", "trainval", "test")
XML_FOLDERS = ("Annotations", "annotations", ".")
IMAGE_FOLDERS = ("JPEGImages", "images", ".", "../JPEGImages", "../images", "..")
MAX_BYTES = 16 << 20
PIECE = 1 << 16  # of the text that is parsed at a time
LONGEST_NUMBER = 40


class VocObject(NamedTuple):
    """One object of an annotation; edges in pixels as they are in the file."""

    name: str
    difficult: bool
    xmin: float
    ymin: float
    xmax: float
    ymax: float


class Annotation(NamedTuple):
    """An XML file: width and height of the image (0 if it doesn't say) and the objects."""

    width: int
    height: int
    objects: list[VocObject]

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height, if the file says both."""
        return (self.width, self.height) if min(self.width, self.height) > 0 else None


def read_voc(
    folders: Sequence[str | PathLike[str]],
    *,
    names: str | PathLike[str] | None = None,
    sets: Sequence[str] | None = None,
    difficult: bool = False,
    origin: int = 1,
) -> Conversion:
    """Read folders of VOC's kind, e.g. VOC2007 and VOC2012, or of labelImg's and Roboflow's, as one data set.

    The XML files are in Annotations/ or in the folder itself, the images in JPEGImages/, in images/ or beside them;
    train/, valid/ (val/) and test/ may each be such a folder.
    `names`: a file with the classes in their order; objects of others are left out. Without it, the 20 of VOC if
    no other occurs, else those that occur, by name. `sets`: which of ImageSets/*.txt (or ImageSets/Main/*.txt) to
    use; by default train, val and test, or trainval, or all annotations as train. `difficult` keeps the difficult
    objects, which Darknet's conversion leaves out. `origin` is the number of the first pixel; VOC counts from 1.
    DataError for anything missing or broken.
    """
    found: dict[str, list[tuple[str, Annotation]]] = {}
    for folder in [Path(each) for each in folders]:
        for key, (place, stems) in _stems(folder, sets).items():
            xml = _xml_folder(place)
            found.setdefault(key, []).extend(
                (_image(place, stem), read_annotation((xml or place) / f"{stem}.xml")) for stem in stems
            )
    every = [each for entries in found.values() for _, annotation in entries for each in annotation.objects]
    known = read_names(names) if names is not None else _usual_names({each.name for each in every})
    classes = {name: i for i, name in reversed(list(enumerate(known)))}
    left_out = LeftOut()
    samples = {
        key: [
            Sample(image, _rows(image, annotation, classes, difficult, origin, left_out), annotation.size)
            for image, annotation in entries
        ]
        for key, entries in found.items()
    }
    return Conversion(known, samples, left_out.notes())


def read_annotation(path: str | PathLike[str]) -> Annotation:
    """Read one XML file. DataError if it is missing, broken, or lacks a number."""
    file = fspath(path)
    data = read_bytes(file, MAX_BYTES, lambda reason: DataError.at(file, None, f"{reason}; expected VOC's XML"))
    try:
        root = _parsed(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        line = getattr(error, "position", (None,))[0]
        raise DataError.at(file, line, f"is no XML of VOC: {error}") from error
    if root.tag != "annotation":
        raise DataError.at(file, None, f"is no XML of VOC: expected <annotation>, found <{short(root.tag)}>")
    size = [_number(file, root.find(f"size/{key}"), f"size/{key}", 0) for key in ("width", "height")]
    objects = [_object(file, i, element) for i, element in enumerate(root.iter("object"), 1)]
    return Annotation(int(size[0]), int(size[1]), objects)


class _Builder(ElementTree.TreeBuilder):
    def doctype(self, *_: object) -> None:
        """Called before the declarations are read, which can make gigabytes of a few lines."""
        raise ValueError("it has a document type or declares entities, which annotations do not")


def _parsed(data: bytes) -> ElementTree.Element:
    """The root element. In pieces, so that nothing is made of what stands behind a declaration."""
    text = decode(data) if byte_order(data)[0] else data  # expat knows no UTF-32
    parser = ElementTree.XMLParser(target=_Builder())
    for start in range(0, len(text), PIECE):
        parser.feed(text[start : start + PIECE])
    root: ElementTree.Element = parser.close()
    return root


def _object(file: str, number: int, element: ElementTree.Element) -> VocObject:
    where = f"object {number}"
    name = (element.findtext("name") or "").strip()
    if not name:
        raise DataError.at(file, None, f"{where}: expected a name")
    hard = _number(file, element.find("difficult"), f"{where}: difficult", 0)
    edges = [_number(file, element.find(f"bndbox/{key}"), f"{where}: {key}") for key in VocObject._fields[2:]]
    return VocObject(name, hard != 0, *edges)


def _number(file: str, element: ElementTree.Element | None, what: str, default: float | None = None) -> float:
    text = "" if element is None else (element.text or "").strip()
    if not text and default is not None:
        return default
    value, warning = read_float(text[:LONGEST_NUMBER])
    if warning or not math.isfinite(value) or len(text) > LONGEST_NUMBER:
        raise DataError.at(file, None, f"{what}: expected a number, found {short(text, LONGEST_NUMBER)!r}")
    return value


def _stems(folder: Path, sets: Sequence[str] | None) -> dict[str, tuple[Path, list[str]]]:
    """The folder of VOC's kind of each set, and the names of its images."""
    xml = _xml_folder(folder)
    if xml is None:
        return _sets_below(folder, sets)
    places = [folder / "ImageSets" / "Main", folder / "ImageSets"]
    files = {
        key: next((p / f"{key}.txt" for p in places if (p / f"{key}.txt").is_file()), places[-1] / f"{key}.txt")
        for key in sets or SETS
    }
    if sets is None:
        files = {key: path for key, path in files.items() if path.is_file()}
        if {"train", "val"} & set(files):
            files.pop("trainval", None)
        if not files:
            return {"train": (folder, _all_in(xml))}
    return {key: (folder, [_stem(fspath(path), line) for line in read_list(path)]) for key, path in files.items()}


def _xml_folder(folder: Path) -> Path | None:
    """Where the XML files of a folder of VOC's kind are: in Annotations/, else in the folder itself."""
    places = (folder / name for name in XML_FOLDERS)
    return next((each for each in places if each.is_dir() and (each.name == XML_FOLDERS[0] or _all_in(each))), None)


def _all_in(xml: Path) -> list[str]:
    return sorted(path.stem for path in xml.glob("*.xml") if not is_companion(str(path)))


def _sets_below(folder: Path, sets: Sequence[str] | None) -> dict[str, tuple[Path, list[str]]]:
    """Folders train/, valid/, test/ with XML files of their own."""
    found = {}
    for key in sets or ("train", "valid", "val", "test"):
        if (xml := _xml_folder(folder / key)) is not None:
            found[key] = (folder / key, _all_in(xml))
    if not found:
        yolo = f"; for label files of YOLO: pydarknet data yolo {folder}" if any(folder.glob("*.txt")) else ""
        raise DataError(f"{folder}: expected a folder Annotations in it, as in VOC, or XML files beside images{yolo}")
    return found


def _stem(file: str, line: str) -> str:
    """Without the 1, 0 or -1 that lists of one class have behind the name."""
    name, *flag = line.rsplit(maxsplit=1)
    stem = name if flag in (["1"], ["0"], ["-1"]) else line
    if not stays_inside(stem):
        raise DataError.at(file, None, f"{short(stem)!r} leads out of the folder of the data set")
    return stem


def _image(folder: Path, stem: str) -> str:
    names = [stem + spelled for ending in (".jpg", *sorted(ENDINGS)) for spelled in (ending, ending.upper())]
    for place in (folder / each for each in IMAGE_FOLDERS):
        for name in names if place.is_dir() else ():
            if (place / name).is_file():
                return os.path.normpath(place / name)
    raise DataError(f"{folder / 'JPEGImages' / stem}.*: no such image, but there is an annotation or a list names it")


def _usual_names(found: set[str]) -> list[str]:
    usual = read_names(find("voc.names"))
    return usual if found <= set(usual) else sorted(found)


def _rows(
    image: str,
    annotation: Annotation,
    classes: Mapping[str, int],
    difficult: bool,
    origin: int,
    left_out: LeftOut,
) -> list[Row]:
    width, height = annotation.width, annotation.height
    if width < 1 or height < 1:
        width, height = image_size(image)
    rows = []
    for each in annotation.objects:
        if each.name not in classes:
            left_out.add(f"class {each.name!r} is not among the names", image)
        elif each.difficult and not difficult:
            left_out.add("difficult", image)
        elif (row := box_row(classes[each.name], _shifted(each, origin), (width, height))) is None:
            left_out.add("the box is empty or outside the image", image)
        else:
            rows.append(row)
    return rows


def _shifted(each: VocObject, origin: int) -> tuple[float, float, float, float]:
    return each.xmin - origin, each.ymin - origin, each.xmax - origin, each.ymax - origin


def box_row(class_id: int, edges: tuple[float, float, float, float], size: tuple[int, int]) -> Row | None:
    """Edges (left, top, right, bottom) in pixels as a row of a label file, cut at the image; None if empty."""
    width, height = size
    left, right = (min(max(x / width, 0.0), 1.0) for x in (edges[0], edges[2]))
    top, bottom = (min(max(y / height, 0.0), 1.0) for y in (edges[1], edges[3]))
    # What rounds to 0 in the file is empty too; and NaN is above nothing.
    if not (right - left >= 1e-6 and bottom - top >= 1e-6):
        return None
    return class_id, (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
