"""A new Darknet is one file in `pydarknet/dialects/`: nothing else knows any by its name."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest

import pydarknet
from pydarknet import dialects
from pydarknet.backends.ops import Ops
from pydarknet.cli.main import main
from pydarknet.dialects import DIALECTS, find_dialects
from pydarknet.dialects.base import BatchNorm, RegionLoss
from pydarknet.formats import labels
from pydarknet.train.checkpoint import Files
from pydarknet.train.names import state_of
from pydarknet.train.trainer import Trainer
from tests.lib.toy_training import make

PACKAGE = Path(pydarknet.__file__).parent
# Who stands for one Darknet: its drop-in module, and the default of what is loaded without a network.
NAMED = {"compat/alexeyab.py", "dialects/__init__.py", "train/tasks.py"}
TOY = """
from dataclasses import replace
from pydarknet.dialects.alexeyab import DIALECT as BASE
from pydarknet.dialects.base import TruthRules, WeightFiles

DIALECT = replace(
    BASE, name="toy", marks=(*BASE.marks, {"net": frozenset({"toy"})}), generation="canvas", fit="letterbox",
    truth=TruthRules(least=0.02), norm=replace(BASE.norm, epsilon=1e-4), files=WeightFiles("_toy.weights", every=3),
)
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more file, where the others are found."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "toy_darknet.py").write_text(TOY)
    monkeypatch.setattr(dialects, "__path__", [*dialects.__path__, str(tmp_path / "more")])
    monkeypatch.setitem(DIALECTS, "toy", find_dialects()["toy"])


def test_a_file_is_enough(toy: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It is trained in, measured, saved under its names, resumed and told apart."""
    data, cfg = make(tmp_path)
    data.write_text(data.read_text() + "valid=train.txt\n")
    words = [str(data), str(cfg), "--max-batches", "4", "--map", "--no-chart", "--save-every", "2"]
    assert main(["train", *words, "--dialect", "toy"]) == 0
    out, err = capfd.readouterr()
    assert "dialect toy;" in out + err
    assert "images by letterbox" in out + err
    assert "--dialect toy" in out + err  # its batch norm counts in detection, too
    saved = {path.name for path in (tmp_path / "backup").iterdir()}
    assert {"toy_toy.weights", "toy_3.weights", "toy_final.weights", "toy.state.npz"} <= saved
    with Trainer(cfg, data, max_batches=5, resume=True) as trainer:
        assert trainer.dialect.name == "toy"
    with pytest.raises(pydarknet.errors.TrainingError, match="--resume goes on"):
        Trainer(cfg, data, max_batches=5)


def test_it_is_chosen_by_its_marks(toy: None, tmp_path: Path) -> None:
    data, cfg = make(tmp_path)
    text = cfg.read_text().replace("[net]\n", "[net]\ntoy=1\n")
    cfg.write_text(text[: text.index("[region]")] + "[yolo]\nanchors=4,4,8,8\nclasses=2\nnum=2\nscale_x_y=1\n")
    with Trainer(cfg, data, max_batches=1) as trainer:
        assert trainer.dialect.name == "toy"


def test_nobody_else_knows_their_names() -> None:
    named = set()
    for path in PACKAGE.rglob("*.py"):
        texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
        modules = re.findall(rf"dialects\.({'|'.join(DIALECTS)})\b", path.read_text())
        if modules or not texts.isdisjoint(DIALECTS):
            named.add(path.relative_to(PACKAGE).as_posix())
    assert named == NAMED | {f"dialects/{name}.py" for name in DIALECTS}


def test_fields_have_the_names_of_the_ops_arguments() -> None:
    def arguments(*ops: str) -> set[str]:
        return {name for op in ops for name in inspect.signature(getattr(Ops, op)).parameters}

    assert {each.name for each in fields(RegionLoss)} <= arguments("region_loss")
    assert {each.name for each in fields(BatchNorm)} <= arguments("batchnorm_train", "batchnorm_backward")


@pytest.mark.parametrize("name", DIALECTS)
def test_all_files_of_a_run_lead_to_its_state(tmp_path: Path, name: str) -> None:
    files = Files(tmp_path, "net", DIALECTS[name].files, numbered=1)
    numbered = files.numbered_after(7)
    assert numbered is not None
    for path in (files.backup, files.best, files.final, numbered, tmp_path / "net.weights"):
        assert state_of(path.name) == files.state.name
    assert not state_of("net.cfg")


def test_what_labels_say_about_tiny_boxes_covers_all() -> None:
    parts = [d.truth.least for d in DIALECTS.values() if d.truth.least != "pixel"]
    assert max(parts) == labels.TINY
