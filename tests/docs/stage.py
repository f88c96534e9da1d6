"""A folder with small stand-ins for all that the pages name: networks, weights, images, videos, data sets, tables.

The networks are those of cfg/ with 8 filters a layer: the real kinds of layers, in little time. What is trained ends
after three iterations.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

from pydarknet.network import Network
from tests.lib.cli_nets import write_picture, write_video

from .pages import ROOT

FILTERS = 8
DETECTORS = ("yolov2", "yolov2-tiny", "yolov2-voc", "yolov3-tiny", "yolo9000")
CLASSIFIERS = ("darknet19", "darknet19_448", "tiny")
IMAGES = ("img.jpg", "dog.jpg", "a.jpg", "b.jpg")
ANIMALS = "child,parent\ncat,animal\ndog,animal\n"
# What a page takes for granted, as others make it.
BEFORE = {
    "docs/from-alexeyab.md": (
        "pydarknet data voc VOCdevkit/VOC2007 --out mine",
        "pydarknet init mine/mine.data --from yolov2-voc --out mine.cfg",
    ),
    "docs/scale.md": (
        "pydarknet data voc VOCdevkit/VOC2007 --out mine",
        "pydarknet init mine/mine.data --from yolov2-voc --out mine.cfg",
    ),
    "docs/evaluation.md": (
        "pydarknet data voc VOCdevkit/VOC2007 --out mine",
        "pydarknet init mine/mine.data --from yolov2-voc --out mine.cfg",
        "pydarknet train mine/mine.data mine.cfg --no-chart",
    ),
    "docs/training.md": (
        "pydarknet partial cfg/darknet19_448.cfg weights/darknet19_448.weights darknet19_448.conv.23 23",
        "pydarknet data voc VOCdevkit/VOC2007 --out mine",
        "pydarknet init mine/mine.data --from yolov2-voc --out mine.cfg",
    ),
}
TEXT = """[net]
inputs=256
batch=2
time_steps=4
max_batches=3
[lstm]
output=8
[connected]
output=256
activation=linear
[softmax]
"""
PROGRAM = """#!{python}
import sys
from pydarknet.cli.main import main
if sys.argv[1:2] == ["init"]:
    from pydarknet.train.template import classifier, detector
    detector.A_CLASS, detector.AT_LEAST, detector.BATCH = 1, 3, 4  # what a test has time for
    classifier.EPOCHS, classifier.AT_LEAST, classifier.BATCH = 1, 3, 4
sys.exit(main())
"""
VOC = """<annotation><filename>{name}.jpg</filename><size><width>60</width><height>40</height><depth>3</depth></size>
<object><name>dog</name><difficult>0</difficult>
<bndbox><xmin>5</xmin><ymin>5</ymin><xmax>{right}</xmax><ymax>30</ymax></bndbox></object></annotation>
"""


def write_stage(folder: Path) -> None:
    """Everything; `folder`/bin is to be on the PATH."""
    _write_programs(folder / "bin")
    for name in IMAGES:
        write_picture(folder / name, 60, 40)
    for name in ("1.jpg", "2.jpg"):
        write_picture(folder / "folder" / name, 60, 40)
    write_video(folder / "video.mp4")
    write_video(folder / "clip.mp4")
    (folder / "list.txt").write_text("dog.jpg\n")
    (folder / "animals.csv").write_text(ANIMALS)
    (folder / "classes.txt").write_text("n02084071\nn02121620\n")
    (folder / "text.cfg").write_text(TEXT)
    for name in ("shakespeare.txt", "held_out.txt"):
        (folder / name).write_text("To be, or not to be, that is the question.\n" * 4)
    _write_networks(folder)
    _write_data(folder)


def _write_programs(folder: Path) -> None:
    folder.mkdir(parents=True)
    programs = {
        "pydarknet": PROGRAM.format(python=sys.executable),
        "python": f'#!/bin/sh\nexec "{sys.executable}" "$@"\n',
    }
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def _write_networks(folder: Path) -> None:
    for name in ("cfg", "data", "weights"):
        (folder / name).mkdir()
    for path in ROOT.glob("data/*.*"):
        (folder / "data" / path.name).symlink_to(path)
    for path in ROOT.glob("cfg/*.data"):
        (folder / "cfg" / path.name).symlink_to(path)
    for name in (*DETECTORS, *CLASSIFIERS):
        cfg = folder / "cfg" / f"{name}.cfg"
        cfg.write_text(_small((ROOT / "cfg" / cfg.name).read_text()))
        net = Network(cfg)
        if name in DETECTORS:
            _find_something(net)
        net.save_weights(folder / "weights" / f"{name}.weights")
    for name in ("yolov2", "yolo9000", "yolov2-voc"):  # docs/surgery.md has them here
        (folder / f"{name}.weights").symlink_to(folder / "weights" / f"{name}.weights")


def _small(cfg: str) -> str:
    """The cfg with one iteration of one size, and few filters but before a head or the classifier's pool."""
    sections = re.split(r"(?m)^(?=\[)", cfg)
    for i, (section, following) in enumerate(zip(sections, [*sections[1:], ""], strict=True)):
        if not re.match(r"\[(region|yolo|avgpool)\]", following):
            sections[i] = re.sub(r"(?m)^filters *=.*", f"filters={FILTERS}", section)
    text = "".join(sections).replace("=448\n", "=64\n")
    for key, value in (("max_batches", 1), ("random", 0), ("batch", 4)):
        text = re.sub(rf"(?m)^{key} *=.*", f"{key}={value}", text)
    return text


def _find_something(net: Network) -> None:
    """Each first box of a head is sure that there is something, and which class: the 17th, COCO's dog."""
    for head in (layer for layer in net.layers if layer.type in ("region", "yolo")):
        last = net.layers[head.index - 1]
        biases = last.parameters["biases"]
        biases[4], biases[5 + 16] = 3, 9
        last.parameters["weights"] *= np.float32(0.1)
    net.parameters_changed()


def _write_data(folder: Path) -> None:
    """photos/ with YOLO's labels, VOCdevkit/, pets/ and pictures/ with a folder a class, and imagenet.data."""
    (folder / "photos").mkdir()
    (folder / "photos" / "classes.txt").write_text("cat\ndog\n")
    (folder / "data.yaml").write_text("train: photos\nval: photos\nnames: [cat, dog]\n")
    voc = folder / "VOCdevkit" / "VOC2007"
    for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (voc / name).mkdir(parents=True)
    for i in range(8):
        write_picture(folder / "photos" / f"{i}.jpg", 60, 40, seed=i)
        write_picture(folder / "pets" / ("cat", "dog")[i % 2] / f"{i}.jpg", 60, 40, seed=i)
        (folder / "photos" / f"{i}.txt").write_text(f"{i % 2} .5 .5 .{i + 2} .{9 - i}\n")
        write_picture(voc / "JPEGImages" / f"{i:06}.jpg", 60, 40, seed=i)
        (voc / "Annotations" / f"{i:06}.xml").write_text(VOC.format(name=f"{i:06}", right=25 + 5 * i))
    for name, numbers in (("train", range(5)), ("val", range(5, 8)), ("trainval", range(8)), ("test", range(5, 8))):
        (voc / "ImageSets" / "Main" / f"{name}.txt").write_text("".join(f"{i:06}\n" for i in numbers))
    labels = (ROOT / "data" / "imagenet.labels.list").read_text().split()[:2]
    pictures = [write_picture(folder / "pictures" / label / f"{i}.jpg") for label in labels for i in range(2)]
    (folder / "imagenet.txt").write_text("".join(f"{path}\n" for path in pictures))
    (folder / "imagenet.data").write_text(
        "classes=1000\ntrain=imagenet.txt\nvalid=imagenet.txt\nlabels=data/imagenet.labels.list\nbackup=backup\n"
    )
    (folder / "voc.txt").write_text("".join(f"photos/{i}.jpg\n" for i in range(3)))
    (folder / "voc.data").write_text("classes=20\nvalid=voc.txt\nnames=data/voc.names\n")
    (folder / "mine.names").write_text("person\nbird\n")
