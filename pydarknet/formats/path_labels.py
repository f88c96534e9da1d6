"""The class of a classifier's image, which its path tells; or its classes, from a file of their numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from os.path import isfile

from ..errors import DataError
from .data import DataFile
from .labels import MAX_BYTES, label_places
from .numbers import read_int
from .text import did_you_mean, lines, read_text, short

Classes = Callable[[str], list[int]]  # the classes of a path: none, one, or by some rules several

RULES = ("best", "substring")
SLASHES = "/\\"
SEPARATORS = "/\\_-. \t"
_FOLDER = re.compile(r"[/\\]")


class Labels:
    """The labels that occur in a path."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels
        self._classes: dict[str, list[int]] = {}
        for class_id, label in enumerate(labels):
            self._classes.setdefault(label, []).append(class_id)
        self._lengths = sorted({len(label) for label in self._classes if label}, reverse=True)

    def found(self, path: str) -> Iterator[tuple[str, int]]:
        """Each occurrence: the label, and where it starts; long labels first."""
        for length in self._lengths:
            for start in range(len(path) - length + 1):
                if (label := path[start : start + length]) in self._classes:
                    yield label, start

    def classes(self, labels: Sequence[str]) -> list[int]:
        """The classes of these labels, in order."""
        return sorted({class_id for label in labels for class_id in self._classes[label]})


class Substring(Labels):
    """Darknet's rule (`strstr`): every label that occurs anywhere in the path."""

    def __call__(self, path: str) -> list[int]:
        """All classes whose label occurs."""
        return self.classes([label for label, _ in self.found(path)])


class Best(Labels):
    """One class a path: that of the label that fits best.

    Words count before pieces of a word, the file's name before its folders and an inner folder before an outer one,
    a whole part (between / _ - . and blanks) before a word with something else beside it (cat in cat01), and the
    longer label before the shorter.
    """

    def __call__(self, path: str) -> list[int]:
        """The class, or none without a label. DataError if several labels fit equally well."""
        folders = [match.start() for match in _FOLDER.finditer(path)]
        best: tuple[bool, int, bool, int] | None = None
        labels: set[str] = set()
        for label, start in self.found(path):
            fit = _fit(path, label, start, folders)
            if best is None or fit > best:
                best, labels = fit, {label}
            elif fit == best:
                labels.add(label)
        classes = self.classes(sorted(labels))
        if len(classes) > 1:
            named = ", ".join(f"{short(self.labels[class_id])!r} (class {class_id})" for class_id in classes[:4])
            raise DataError(
                f"{path}: expected one class, found {named} in the path, equally well placed; rename the file or a "
                "folder (labels_match = substring in the .data file teaches all of them at once, as Darknet does)"
            )
        return classes

    def lies_elsewhere(self, path: str) -> bool:
        """Whether the image is in a folder that is named after another class than the one found."""
        folders = _FOLDER.split(path)[:-1]
        of_folder = self._classes.get(folders[-1], []) if folders else []
        return bool(of_folder) and not {*of_folder} & {*self(path)}


class Numbers:
    """`tag=1`: the classes by their numbers in the label file of the image, which may be missing: none."""

    def __init__(self, classes: int) -> None:
        self.count = classes

    def __call__(self, path: str) -> list[int]:
        """The classes. DataError with file:line for anything but numbers of classes."""
        file = next((place for place in label_places(path) if isfile(place)), None)
        if file is None:
            return []
        text = read_text(file, MAX_BYTES, lambda message: DataError.at(file, None, message))
        found: set[int] = set()
        for number, line in enumerate(lines(text), 1):
            for word in line.split():
                value, warning = read_int(word)
                if warning or not 0 <= value < self.count:
                    expected = f"expected the number of a class from 0 to {self.count - 1}"
                    raise DataError.at(file, number, f"{expected}, found {short(word)!r}")
                found.add(value)
        return sorted(found)


def path_classes(data: DataFile, labels: Sequence[str], classes: int | None = None) -> Classes:
    """How a .data file says the classes of a path are found: `labels_match`, or `tag=1`. DataError."""
    if data.int_("tag", 0):
        return Numbers(len(labels) if classes is None else classes)
    rule = data.get("labels_match", RULES[0])
    if rule not in RULES:
        raise data.error(
            f"expected {' or '.join(RULES)}, found {short(rule)!r}{did_you_mean(rule, RULES)}", "labels_match"
        )
    return Substring(labels) if rule == "substring" else Best(labels)


def _fit(path: str, label: str, start: int, folders: Sequence[int]) -> tuple[bool, int, bool, int]:
    """How well an occurrence fits, the best is the greatest: is it a word, how far within, a whole part, how long."""
    end = start + len(label)
    left, right = _edge(path[:start][-1:], label[0]), _edge(path[end:][:1], label[-1])
    inside = start + len(label.rstrip(SLASHES))  # of '/cat/' the last slash is no place in a file's name
    return min(left, right) > 0, -sum(at >= inside for at in folders), min(left, right) > 1, len(label)


def _edge(outside: str, inside: str) -> int:
    """Of two neighbours: 2 if a part ends between them, 1 if a word or a number does, 0 if neither."""
    if not outside or outside in SEPARATORS or inside in SEPARATORS:
        return 2
    same = (outside.isalpha() and inside.isalpha()) or (outside.isdigit() and inside.isdigit())
    return 0 if same else 1
