"""Every command that writes files, on a made-up set: what it is called with, and how its output is compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2

from tests.lib import cli_nets, nets, toy_training

PICTURES = 40


@dataclass(frozen=True)
class Writer:
    """`arguments(set, out, version)`: two versions write different contents to the same files in `out`.

    `partial`: a run that is asked to end saves what it has found by then.
    """

    name: str
    arguments: Callable[[Path, Path, int], list[object]]
    partial: bool = False


def make_set(folder: Path) -> None:
    """A small detector with weights, images, a video, a training set, and sets of VOC and COCO."""
    folder.mkdir(parents=True, exist_ok=True)
    nets.write(folder, size=32)
    (folder / "small.names").write_text("cat\ndog\ncow\n")
    for number in range(PICTURES):
        cli_nets.write_picture(folder / "pictures" / f"p{number:02d}.png", seed=number)
    cli_nets.write_video(folder / "film.avi", frames=30)
    toy_training.make(folder / "toy")
    write_voc(folder / "voc")
    write_coco(folder)


def write_voc(folder: Path) -> None:
    (folder / "Annotations").mkdir(parents=True)
    for number in range(12):
        cli_nets.write_picture(folder / "JPEGImages" / f"v{number}.jpg", seed=number)
        name = ("cat", "dog")[number % 2]
        name, box = ("cat", "dog")[number % 2], {"xmin": 3, "ymin": 4, "xmax": 9 + number, "ymax": 20}
        edges = "".join(f"<{key}>{value}</{key}>" for key, value in box.items())
        (folder / "Annotations" / f"v{number}.xml").write_text(
            f"<annotation><filename>v{number}.jpg</filename><size><width>40</width><height>30</height></size>"
            f"<object><name>{name}</name><bndbox>{edges}</bndbox></object></annotation>"
        )


def write_coco(folder: Path) -> None:
    images = [{"id": i, "file_name": f"p{i:02d}.png", "width": 40, "height": 30} for i in range(12)]
    boxes = [{"id": i, "image_id": i, "category_id": 1 + i % 2, "bbox": [3, 4, 5 + i, 9]} for i in range(12)]
    names = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    text = json.dumps({"images": images, "annotations": boxes, "categories": names})
    (folder / "coco.json").write_text(text)


def detect(kind: str, target: str) -> Writer:
    def arguments(source: Path, out: Path, version: int) -> list[object]:
        where = ["--save", kind, "--save-to", out / target, "--no-draw", "--names", source / "small.names"]
        thresh = (0.3, 0.25)[version]
        return [
            "detect",
            source / "small.cfg",
            source / "small.weights",
            source / "pictures",
            *where,
            "--thresh",
            thresh,
        ]

    return Writer(f"detect {kind}", arguments, partial=True)


def rewriting(name: str, *more: object) -> Writer:
    """Commands CFG WEIGHTS OUT; the second version reads other weights."""

    def arguments(source: Path, out: Path, version: int) -> list[object]:
        weights = source / ("small.weights", "other.weights")[version]
        return [name, source / "small.cfg", weights, out / "new.weights", *more]

    return Writer(name, arguments)


def export(ending: str) -> Writer:
    def arguments(source: Path, out: Path, version: int) -> list[object]:
        weights = source / ("small.weights", "other.weights")[version]
        return ["export", source / "small.cfg", weights, out / f"net.{ending}"]

    return Writer(f"export {ending}", arguments)


WRITERS = [
    detect("json", "found.json"),
    detect("jsonl", "found.jsonl"),
    detect("csv", "found.csv"),
    detect("coco", "found.json"),
    detect("voc", "voc"),
    detect("yolo", "labels"),
    Writer(
        "detect --out",
        lambda source, out, version: [
            "detect", source / "small.cfg", source / "small.weights", source / "pictures", "--out", out / "drawn",
            "--thresh", (0.3, 0.25)[version],
        ],
        partial=True,
    ),
    Writer(
        "demo --out",
        lambda source, out, version: [
            "demo", source / "small.cfg", source / "small.weights", source / "film.avi", "--out", out / "film.avi",
            "--thresh", (0.3, 0.25)[version], "--dont-show",
        ],
        partial=True,
    ),
    Writer(
        "demo --save",
        lambda source, out, version: [
            "demo", source / "small.cfg", source / "small.weights", source / "film.avi", "--save", "jsonl",
            "--save-to", out / "film.jsonl", "--thresh", (0.3, 0.25)[version], "--no-draw", "--dont-show",
        ],
        partial=True,
    ),
    export("onnx"),
    export("npz"),
    rewriting("partial", 2),
    rewriting("rescale"),
    rewriting("rgbgr"),
    rewriting("reset"),
    rewriting("normalize"),
    rewriting("denormalize"),
    Writer(
        "average",
        lambda source, out, version: [
            "average", source / "small.cfg", out / "mean.weights", source / "small.weights",
            source / ("small.weights", "other.weights")[version],
        ],
    ),
    Writer(
        "data voc",
        lambda source, out, version: [
            "data", "voc", source / "voc", "--out", out, "--name", "v", "--pictures", "copy", "--force",
            "--origin", version,
        ],
    ),
    Writer(
        "data coco",
        lambda source, out, version: [
            "data", "coco", "--train", source / "coco.json", source / "pictures", "--out", out, "--name", "c",
            "--pictures", "copy", "--force",
        ],
    ),
    Writer(
        "data split",
        lambda source, out, version: [
            "data", "split", source / "toy" / "toy.data", "train=.5", "valid=.5", "--out", out, "--seed", version,
            "--force",
        ],
    ),
    Writer(
        "data show",
        lambda source, out, version: [
            "data", "show", source / "toy" / "toy.data", "--out", out, "--count", 6, "--seed", version, "--force",
        ],
    ),
    Writer(
        "anchors",
        lambda source, out, version: [
            "anchors", source / "toy" / "toy.data", "--num", 2 + version, "--max", 4, "--restarts", 2, "--chart",
            out / "anchors.svg", "--out", out / "anchors.txt", "--width", 13, "--height", 13,
        ],
    ),
]  # fmt: skip


def is_whole(name: str, found: bytes, old: bytes | None, new: bytes | None) -> bool:
    """Whether a file is the old one or the new one, whole."""
    return found in (old, new) or (name.endswith((".npz", ".avi")) and same_inside(name, found, old, new))


def same_inside(name: str, found: bytes, old: bytes | None, new: bytes | None) -> bool:
    """Archives hold the time of their making; videos are compared by their frames."""
    if name.endswith(".avi"):
        return any(each is not None and frames(found) == frames(each) for each in (old, new))
    return any(each is not None and len(found) == len(each) for each in (old, new))


def is_part(name: str, found: bytes, old: bytes | None, new: bytes | None) -> bool:
    """Whether a file holds the first of the new one's results, each whole; a record may hold entries of both."""
    if new is None:
        return False
    if name.endswith(".json") and not name.endswith(".pydarknet-labels.json"):
        some, all_ = json.loads(found), json.loads(new)
        return bool(some == all_[: len(some)])
    if name.endswith(".pydarknet-labels.json"):
        known = [item for each in (old, new) if each is not None for item in json.loads(each).items()]
        return set(json.loads(found).items()) <= set(known)
    if name.endswith(".avi"):
        return frames(new)[: len(frames(found))] == frames(found)
    return new.startswith(found) and (not found or found.endswith(b"\n"))


def frames(video: bytes) -> list[bytes]:
    """The bytes of a video's frames."""
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".avi") as file:
        file.write(video)
        file.flush()
        return list(_frames(file.name))


def _frames(path: str) -> Iterator[bytes]:
    video = cv2.VideoCapture(path)
    while True:
        more, frame = video.read()
        if not more:
            return
        yield frame.tobytes()
