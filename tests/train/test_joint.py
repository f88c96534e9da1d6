"""Joint training as data: `train_boxes`, `train_classes` and `mix` of a .data file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.cli.main import main
from pydarknet.errors import CfgError, DataError, TrainingError
from pydarknet.train.trainer import Trainer
from pydarknet.train.truth import NOWHERE

# 0 animal, 1 vehicle; 2 cat, 3 dog below animal; 4 car, 5 sea boat below vehicle.
TREE = "animal -1\nvehicle -1\nn02 0\nn03 0\nn04 1\nn05 1\n"
NAMES = "animal\nvehicle\ncat\ndog\ncar\nsea boat\n"
CFG = """[net]
batch=4
subdivisions=2
width=32
height=32
channels=3
learning_rate=0.001
max_batches=6

[convolutional]
batch_normalize=1
filters=4
size=3
stride=8
pad=1
activation=leaky

[convolutional]
filters=22
size=1
activation=linear

[region]
anchors=1,1,2,2
classes=6
num=2
max=4
tree=toy.tree
"""


def image(path: Path, level: int = 90) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((20, 24, 3), level, np.uint8))
    return str(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four images with boxes of cats and cars, six of a class only in folders."""
    monkeypatch.chdir(tmp_path)
    for i in range(4):
        image(tmp_path / "images" / f"b{i}.png", 10 * i)
        label = tmp_path / "labels" / f"b{i}.txt"
        label.parent.mkdir(exist_ok=True)
        label.write_text(f"{2 + 2 * (i % 2)} .5 .5 .4 .4\n")
    for i, name in enumerate(["dog", "dog", "n05", "sea boat", "vehicle", "deeper/Dog"]):
        image(tmp_path / "only" / name / f"c{i}.png", 100 + 10 * i)
    (tmp_path / "boxes.txt").write_text("".join(f"images/b{i}.png\n" for i in range(4)))
    (tmp_path / "toy.tree").write_text(TREE)
    (tmp_path / "toy.names").write_text(NAMES)
    (tmp_path / "toy.cfg").write_text(CFG)
    data(tmp_path)
    return tmp_path


def data(folder: Path, lines: str = "train_boxes=boxes.txt\ntrain_classes=only\nmix=2:1\n", more: str = "") -> None:
    (folder / "toy.data").write_text(f"classes=6\nnames=toy.names\nbackup=backup\n{lines}{more}")


def trained(folder: Path, **options: object) -> Trainer:
    return Trainer("toy.cfg", "toy.data", overwrite=True, **options)  # type: ignore[arg-type]


def batches(trainer: Trainer, count: int) -> Iterator[tuple[str, np.ndarray]]:
    """Paths and truths of that many images in the order in which they come."""
    while count > 0:
        batch = next(trainer.loader)
        yield from list(zip(batch.paths, batch.truth, strict=True))[:count]
        count -= len(batch.paths)


def test_each_kind_has_its_truth_and_its_share(folder: Path) -> None:
    expected = {"c0": 3, "c1": 3, "c2": 5, "c3": 5, "c4": 1, "c5": 3}
    with trained(folder) as trainer:
        assert trainer.source.class_images == 6
        drawn = list(batches(trainer, 60))
    for start in range(0, 60, 3):
        assert sum("only" in path for path, _ in drawn[start : start + 3]) == 1
    assert len({path for path, _ in drawn}) == 10
    for path, truth in drawn:
        if "only" in path:
            np.testing.assert_array_equal(truth[0], [NOWHERE] * 4 + [expected[Path(path).stem]])
        else:
            assert truth[0, 4] == 2 + 2 * (int(Path(path).stem[1]) % 2)
        assert not truth[1:].any()


def test_without_a_mix_all_images_are_drawn_alike(folder: Path) -> None:
    data(folder, "train_boxes=boxes.txt\ntrain_classes=only\n")
    with trained(folder, order="epochs") as trainer:
        drawn = [path for path, _ in batches(trainer, 10)]
    assert len(set(drawn)) == 10


@pytest.mark.parametrize("order", ["darknet", "epochs"])
def test_a_resumed_run_is_one_that_was_never_stopped(folder: Path, order: str) -> None:
    with trained(folder, order=order, seed=3) as trainer:
        trainer.run()
        expected = trainer.stepper.parameters.values.copy()
    with trained(folder, order=order, seed=3) as trainer:
        for _ in range(3):
            next(trainer)
        trainer.save()
    with Trainer("toy.cfg", "toy.data", resume=True) as trainer:
        trainer.run()
        np.testing.assert_array_equal(trainer.stepper.parameters.values, expected)


def test_another_mix_is_no_resuming(folder: Path) -> None:
    with trained(folder) as trainer:
        next(trainer)
        trainer.save()
    data(folder, "train_boxes=boxes.txt\ntrain_classes=only\nmix=1:1\n")
    with pytest.raises((DataError, TrainingError), match="had mix 2:1, here there is mix 1:1"):
        Trainer("toy.cfg", "toy.data", resume=True)


def test_lists_with_a_class_behind_the_path(folder: Path) -> None:
    """Ids, names and numbers of nodes; a path may hold blanks, and a line without a class has that of its folder."""
    image(folder / "more" / "a b.png")
    image(folder / "more" / "c.JPG.png")
    (folder / "classes.txt").write_text(
        "more/a b.png sea boat\n\nmore/c.JPG.png\tn04\nonly/dog/c0.png\nonly/dog/c1.png 2\n"
    )
    data(folder, "train_boxes=boxes.txt\ntrain_classes=classes.txt\n")
    with trained(folder) as trainer:
        nodes = {Path(path).name: node for path, node in trainer.source.task.nodes.items()}  # type: ignore[attr-defined]
    assert nodes == {"a b.png": 5, "c.JPG.png": 4, "c0.png": 3, "c1.png": 2}


def with_map(folder: Path, both: bool) -> None:
    (folder / "toy.map").write_text("2\n4\n0\n")
    (folder / "toy.cfg").write_text(CFG + "map=toy.map\n" + "map_class_only=1\n" * both)
    for i in range(4):
        (folder / "labels" / f"b{i}.txt").write_text("1 .5 .5 .4 .4\n")


def classes_taught(folder: Path) -> set[tuple[str, float]]:
    with trained(folder) as trainer:
        return {(Path(path).stem, float(truth[0, 4])) for path, truth in batches(trainer, 120)}


def test_the_map_is_of_boxes_unless_it_is_of_both(folder: Path) -> None:
    """Without the key numbers of classes without a box are nodes, with it the map's; names always are those of nodes.
    Classes of boxes are mapped by the loss."""
    (folder / "classes.txt").write_text("only/dog/c0.png 1\nonly/n05/c2.png dog\n")
    data(folder, "train_boxes=boxes.txt\ntrain_classes=classes.txt\n")
    with_map(folder, both=False)
    (folder / "labels" / "b0.txt").write_text("5 0 0 0 0\n")
    boxed = {(f"b{i}", 1.0) for i in range(1, 4)}
    assert classes_taught(folder) == {("c0", 1.0), ("c2", 3.0), ("b0", 5.0), *boxed}
    with_map(folder, both=True)
    (folder / "labels" / "b0.txt").write_text("2 0 0 0 0\n")
    assert classes_taught(folder) == {("c0", 4.0), ("c2", 3.0), ("b0", 0.0), *boxed}


@pytest.mark.parametrize("both", [False, True])
def test_each_id_space_has_its_end(folder: Path, both: bool) -> None:
    with_map(folder, both)
    for label, end in (("3 .5 .5 .1 .1", 2), ("6 0 0 0 0", 2 if both else 5)):
        (folder / "labels" / "b2.txt").write_text(f"1 .5 .5 .1 .1\n{label}\n")
        with pytest.raises(
            DataError, match=rf"labels/b2\.txt:2: expected .*a class from 0 to {end}, found '?{label[0]}"
        ):
            trained(folder)


def test_a_map_to_inner_nodes_is_said(folder: Path) -> None:
    with_map(folder, both=False)
    warnings: list[str] = []
    with trained(folder, warn=warnings.append):
        pass
    assert [w for w in warnings if re.search(r"toy\.map:3: 1 of 3 classes are inner nodes .*'animal'", w)]


def write(name: str, text: str) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    return spoil


def lists(lines: str) -> Callable[[Path], None]:
    return lambda folder: data(folder, lines)


BOTH = "train_boxes=boxes.txt\ntrain_classes={}\n"
BAD: dict[str, tuple[list[Callable[[Path], object]], str]] = {
    "no box": (
        [write(f"labels/b{i}.txt", "2 0 0 0 0\n") for i in range(4)],
        r"boxes\.txt: none of the images has a box",
    ),
    "nothing at all": ([write(f"labels/b{i}.txt", "") for i in range(4)], r"boxes\.txt: none .* has an object"),
    "empty boxes": ([write("boxes.txt", "\n")], r"boxes\.txt: is empty"),
    "train as well": ([lists("train=boxes.txt\ntrain_boxes=boxes.txt\n")], r"data:4: train: train_boxes is given"),
    "classes alone": ([lists("train_classes=only\n")], r"toy\.data:4: train_classes: expected train_boxes"),
    "mix alone": ([lists("train_boxes=boxes.txt\nmix=4:1\n")], r"toy\.data:5: mix: expected train_classes"),
    **{
        f"mix {text}": ([lists(BOTH.format("only") + f"mix={text}\n")], rf"toy\.data:6: mix: .*{message}")
        for text, message in {
            "4": "expected BOXES:CLASSES", "4:x": "expected BOXES:CLASSES", "-4:1": "expected BOXES:CLASSES",
            "4:1:1": "expected BOXES:CLASSES", "1.5:1": "expected BOXES:CLASSES", "0:1": "never .* of train_boxes",
            "4:0": "never .* of train_classes", "0:0": "never", "1001:1": "at most 1000",
        }.items()
    },
    "mix that the run is too short for": (
        [lists(BOTH.format("only") + "mix=24:1\n")],
        r"toy\.data:6: mix: 24:1 is of 25 images, but this run draws only 24",
    ),
    "no folder": ([lists(BOTH.format("none"))], r"toy\.data:5: train_classes: can't find 'none'"),
    "empty folder": (
        [lambda folder: (folder / "empty").mkdir(), lists(BOTH.format("empty"))],
        r"empty: holds no image; expected .*empty/CLASS/image\.jpg",
    ),
    "image beside the folders": (
        [lambda folder: image(folder / "only" / "x.png")],
        r"only: 'x\.png' lies in no folder of a class",
    ),
    "unknown folder": (
        [lambda folder: image(folder / "only" / "hamster" / "h.png")],
        r"1 of 7 images(.|\n)*only: only/hamster/h\.png: toy\.tree: has no node 'hamster'",
    ),
    "unknown name": (
        [write("c.txt", "only/dog/c0.png dog\nonly/dog/c1.png dogg\n"), lists(BOTH.format("c.txt"))],
        r"1 of 2 images(.|\n)*c\.txt:2: only/dog/c1\.png: .*no node 'dogg'; did you mean 'dog'",
    ),
    "off the tree": (
        [write("c.txt", "only/dog/c0.png 6\n"), lists(BOTH.format("c.txt"))],
        r"c\.txt:1: .*no node '6': they are 0 to 5",
    ),
    "missing image": (
        [write("c.txt", "only/dog/c9.png\n"), lists(BOTH.format("c.txt"))],
        r"c\.txt:1: the image only/dog/c9\.png is missing",
    ),
    "no image": (
        [write("c.txt", "only/dog/c0.png\n"), write("only/dog/c0.png", "hello"), lists(BOTH.format("c.txt"))],
        r"c\.txt:1: .*c0\.png: is not an image",
    ),
    "no path": ([write("c.txt", "dog\n"), lists(BOTH.format("c.txt"))], r"c\.txt:1: expected 'PATH CLASS'"),
    "empty list": ([write("c.txt", " \n"), lists(BOTH.format("c.txt"))], r"c\.txt: is empty"),
    "two classes": (
        [write("c.txt", "only/dog/c0.png dog\nonly/dog/c0.png car\n"), lists(BOTH.format("c.txt"))],
        r"c\.txt:2: .*another class",
    ),
    "in both lists": (
        [write("c.txt", "images/b1.png dog\n"), lists(BOTH.format("c.txt"))],
        r"c\.txt:1: images/b1\.png is in the list of images with boxes",
    ),
    "no tree": (
        [write("toy.cfg", CFG.replace("tree=toy.tree\n", ""))],
        r"toy\.data:5: train_classes: only a \[region\] with tree=",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input(folder: Path, name: str) -> None:
    spoils, message = BAD[name]
    for spoil in spoils:
        spoil(folder)
    with pytest.raises(DataError, match=message):
        trained(folder)


def test_a_dialect_that_leaves_them_out(folder: Path) -> None:
    with pytest.raises(DataError, match=r"train_classes: dialect alexeyab leaves out .*; expected another --dialect"):
        trained(folder, dialect="alexeyab")
    data(folder, "train=boxes.txt\n")
    (folder / "labels" / "b2.txt").write_text("2 0 0 0 0\n")
    warnings: list[str] = []
    with trained(folder, dialect="alexeyab", warn=warnings.append):
        pass
    assert [w for w in warnings if re.search(r"boxes\.txt: 1 of 4 objects .* dialect alexeyab leaves them out", w)]


def test_doubts(folder: Path) -> None:
    """What counts otherwise than its list says, and folders without an image."""
    (folder / "labels" / "b2.txt").write_text("2 0 0 0 0\n")
    (folder / "only" / "car").mkdir()
    warnings: list[str] = []
    with trained(folder, warn=warnings.append):
        pass
    assert [w for w in warnings if re.search(r"boxes\.txt: 1 of 4 objects .* count as images with boxes", w)]
    assert [w for w in warnings if re.search(r"only: 1 folders hold no image; the first: only/car", w)]
    data(folder, "train=boxes.txt\n")
    for i in range(4):
        (folder / "labels" / f"b{i}.txt").write_text("2 0 0 0 0\n")
    with trained(folder, warn=warnings.append):
        pass
    assert [w for w in warnings if re.search(r"boxes\.txt: 4 of 4 objects .*: no box is learnt", w)]


def test_a_class_image_that_fails_is_replaced_by_one_of_its_kind(folder: Path) -> None:
    warnings: list[str] = []
    with trained(folder, warn=warnings.append) as trainer:
        for path in (folder / "only" / "dog").iterdir():
            path.write_text("gone")
        drawn = [path for path, _ in batches(trainer, 60)][12:]
    assert any("another image takes its place" in text for text in warnings)
    for start in range(0, 48, 3):
        assert sum("only" in path for path in drawn[start : start + 3]) == 1


def test_map_class_only_needs_a_map(folder: Path) -> None:
    (folder / "toy.cfg").write_text(CFG + "map_class_only=1\n")
    with pytest.raises(CfgError, match=r"toy\.cfg:\d+: .*map_class_only=1: expected tree= and map="):
        trained(folder)


def test_the_command_says_what_is_drawn(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "toy.data", "toy.cfg", "--no-chart", "--brief"]) == 0
    told = capfd.readouterr().err
    assert "10 images, 4 objects; 6 images have a class and no box, drawn 2 with boxes to 1 without" in told
    (folder / "only" / "hamster").mkdir()
    image(folder / "only" / "hamster" / "h.png")
    assert main(["train", "toy.data", "toy.cfg", "--no-chart", "--overwrite"]) == 2
    assert "error: only: 1 of 7 images can't be used" in capfd.readouterr().err


def test_other_commands_know_the_list_with_boxes(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["anchors", "toy.data", "--num", "1", "--max", "2"]) == 0
    assert main(["data", "stats", "toy.data"]) == 0
    assert "train_boxes" in capfd.readouterr().out


def test_the_doctor_looks_at_both_lists(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "toy.data", "toy.cfg"]) == 0
    assert "few objects to learn from: cat 2, car 2" in capfd.readouterr().out
    image(folder / "only" / "hamster" / "h.png")
    assert main(["doctor", "toy.data", "toy.cfg"]) == 1
    assert "has no node 'hamster'" in capfd.readouterr().out
