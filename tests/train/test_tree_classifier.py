"""Classifiers along a WordTree (paper, section 4, "Hierarchical classification"): what a label teaches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.cli.main import main
from pydarknet.dialects import DIALECTS
from pydarknet.errors import CfgError, DataError
from pydarknet.formats.cfg import parse_cfg
from pydarknet.graph.engine import Engine
from pydarknet.network import Network
from pydarknet.train.step import Stepper
from pydarknet.train.trainer import Trainer
from pydarknet.train.truth import UNKNOWN

TREE = "animal -1\nthing -1\ncat 0\ndog 0\npug 3\nhusky 3\n"
CFG = """[net]
batch=4
width=16
height=16
channels=3
learning_rate=0.01
decay=0
max_batches=3
min_crop=16
max_crop=16

[convolutional]
filters=6
size=3
stride=2
pad=1
activation=linear

[avgpool]

[softmax]
tree=toy.tree

[cost]
type=masked
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Images of cats, and of dogs of which no more is known."""
    monkeypatch.chdir(tmp_path)
    names = ["cat_1.png", "dog_2.png", "dog_3.png", "cat_4.png"]
    for level, name in enumerate(names):
        cv2.imwrite(name, np.full((20, 20, 3), 60 * level, np.uint8))
    Path("train.txt").write_text("\n".join(names))
    Path("toy.tree").write_text(TREE)
    Path("toy.labels").write_text("".join(line.split()[0] + "\n" for line in TREE.splitlines()))
    Path("toy.cfg").write_text(CFG)
    Path("toy.data").write_text("classes=6\ntrain=train.txt\nlabels=toy.labels\nbackup=backup\n")
    return tmp_path


def test_classes_no_deeper_than_a_level(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Network("toy.cfg").save_weights("toy.weights")
    for depth, names in (
        ("1", {"animal", "thing"}),
        ("2", {"thing", "cat", "dog"}),
        ("9", {"thing", "cat", "pug", "husky"}),
    ):
        for command in (["classify"], ["classifier", "predict", "toy.data"]):
            words = [*command, "toy.cfg", "toy.weights", "cat_1.png", "--top", "6", "--depth", depth, "--path"]
            assert main(words) == 0
            rows = capsys.readouterr().out.splitlines()[1:]
            assert {row.split()[-1] for row in rows} == names
            assert sum(float(row.split("%")[0]) for row in rows) == pytest.approx(100, abs=0.1)


def test_flat_classes_have_no_levels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("flat.cfg").write_text(CFG.replace("tree=toy.tree\n", ""))
    Network("flat.cfg").save_weights("flat.weights")
    assert main(["classify", "flat.cfg", "flat.weights", "cat_1.png", "--depth", "1"]) == 2
    assert "depth=1: its classes are flat, without levels" in capsys.readouterr().err


def test_ancestors_are_true_and_what_is_below_is_unknown(folder: Path) -> None:
    with Trainer("toy.cfg", "toy.data") as trainer:
        batch = next(trainer.loader)
    expected = {"cat": [1, 0, 1, 0, UNKNOWN, UNKNOWN], "dog": [1, 0, 0, 1, UNKNOWN, UNKNOWN]}
    for path, truth in zip(batch.paths, batch.truth, strict=True):
        np.testing.assert_array_equal(truth, expected[Path(path).name[:3]])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("cost", ["[cost]\ntype=masked\n", ""])
def test_groups_that_no_label_speaks_of_learn_nothing(folder: Path, dialect: str, cost: str) -> None:
    """With [cost] type=masked, and by [softmax]'s own loss where nothing follows it."""
    Path("toy.cfg").write_text(CFG.partition("[cost]")[0] + cost)
    with Trainer("toy.cfg", "toy.data", dialect=dialect) as trainer:
        before = trainer.engine.layers[0].parameters["weights"].copy()
        trainer.run()
        changed = (trainer.engine.layers[0].parameters["weights"] != before).any(axis=(1, 2, 3))
    assert changed.tolist() == [True, True, True, True, False, False]


def test_what_is_learnt_is_the_gradient_of_the_cross_entropy_of_the_known(folder: Path) -> None:
    """Finite differences of -log of the true nodes' conditional probabilities: of darknet2018's own loss of
    [softmax], the paper's square being of the same delta."""
    Path("toy.cfg").write_text(CFG.partition("[cost]")[0])
    stepper = Stepper(Engine(parse_cfg("toy.cfg"), seed=2), DIALECTS["darknet2018"])
    rng = np.random.default_rng(1)
    x = rng.random((4, 3, 16, 16), dtype=np.float32)
    truth = np.tile(np.array([1, 0, 0, 1, UNKNOWN, UNKNOWN], np.float32), (4, 1)).reshape(stepper._plan().truth.shape)

    def loss() -> float:
        stepper.publish()
        for plan in stepper._plans.values():
            for refresh in plan.refresh:
                refresh()
        return stepper.mini(x, truth).cost

    loss()
    updates = stepper.parameters.updates.copy()
    direction = 1e-2 * updates / np.linalg.norm(updates)
    values = stepper.parameters.values.copy()
    costs = []
    for way in (1, -1):
        stepper.parameters.values[...] = values + way * direction
        costs.append(loss())
    assert (costs[0] - costs[1]) / 2 == pytest.approx(-float(updates @ direction), rel=1e-2)


def test_what_cannot_be_learnt(folder: Path) -> None:
    Path("toy.cfg").write_text(CFG.replace("type=masked", "type=sse"))
    with pytest.raises(CfgError, match=r"toy\.cfg:\d+: \[cost\] learns groups .* expected type=masked"):
        Trainer("toy.cfg", "toy.data")
    Path("toy.cfg").write_text(CFG)
    Path("toy.labels").write_text("animal\nthing\ndog\ncat\npug\nhusky\n")
    with pytest.raises(DataError, match=r"toy\.labels:3: expected 'cat', as in the tree, found 'dog'"):
        Trainer("toy.cfg", "toy.data")


@pytest.mark.parametrize(("tree", "message"), [("", "has none"), ("tree=other.tree\n", "has another")])
def test_the_tree_of_the_data_is_the_networks(folder: Path, tree: str, message: str) -> None:
    Path("other.tree").write_text("".join(f"n{i} -1\n" for i in range(6)))
    Path("toy.cfg").write_text(CFG.replace("tree=toy.tree\n", tree))
    Path("toy.data").write_text(Path("toy.data").read_text() + "tree=toy.tree\n")
    with pytest.raises(DataError, match=rf"toy\.data:5: tree: is not the network's: .* {message}"):
        Trainer("toy.cfg", "toy.data")


@pytest.fixture
def validated(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], tuple[int, str]]:
    """Runs `classifier valid` with further lines in the .data file: its exit code, and standard error."""

    def run(more: str) -> tuple[int, str]:
        Network("toy.cfg").save_weights("toy.weights")
        with Path("toy.data").open("a") as file:
            file.write(f"valid=train.txt\n{more}")
        code = main(["classifier", "valid", "toy.data", "toy.cfg", "toy.weights"])
        return code, capsys.readouterr().err

    return run


def test_validation_takes_no_other_tree_either(validated: Callable[[str], tuple[int, str]]) -> None:
    Path("other.tree").write_text("".join(f"n{i} -1\n" for i in range(6)))
    code, said = validated("tree=other.tree\n")
    assert code == 2
    assert "toy.data:6: tree: is not the network's" in said


def test_validation_takes_no_labels_in_another_order(validated: Callable[[str], tuple[int, str]]) -> None:
    Path("toy.labels").write_text("animal\nthing\ndog\ncat\npug\nhusky\n")
    code, said = validated("")
    assert code == 2
    assert "toy.labels:3: expected 'cat', as in the tree, found 'dog'" in said


def test_leaves_that_are_no_nodes_are_said(validated: Callable[[str], tuple[int, str]]) -> None:
    Path("toy.leaves").write_text("cat\nfish\npug\n")
    code, said = validated("leaves=toy.leaves\n")
    assert code == 0
    assert "toy.leaves: 1 of its 3 names are no nodes of the tree and can't win: fish" in said
