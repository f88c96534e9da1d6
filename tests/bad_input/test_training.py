"""`pydarknet train` with every input it must refuse: exit code 2, a message, and no iteration before it.

What can only go wrong later, a full disk, must not end the training.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pydarknet.backends.base import Backend
from pydarknet.cli.main import main
from pydarknet.dialects import DIALECTS
from pydarknet.errors import CfgError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.formats.weights import read_header
from pydarknet.graph.engine import Engine
from pydarknet.train.step import Stepper
from pydarknet.train.trainer import Trainer
from tests.lib import nets
from tests.lib.full_disk import small_files
from tests.lib.toy_training import make

Spoil = Callable[[Path], object]


def change(name: str, old: str, new: str) -> Spoil:
    def spoil(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return spoil


def label(text: str) -> Spoil:
    return lambda folder: (folder / "labels" / "dark3.txt").write_text(f"1 .5 .5 .2 .2\n{text}\n")


def remove(name: str) -> Spoil:
    return lambda folder: (folder / name).unlink()


def trained(folder: Path) -> None:
    assert main(["train", str(folder / "toy.data"), str(folder / "toy.cfg"), "--max-batches", "2", "--quiet"]) == 0


# What the data set, the cfg or the folder has, and what is said about it.
BAD: dict[str, tuple[Spoil, str]] = {
    "list missing": (remove("train.txt"), r"toy\.data:2: train: .*train\.txt"),
    "list not named": (change("toy.data", "train = ", "trian = "), r"toy\.data: 'train' is missing; add a line"),
    "list empty": (lambda f: (f / "train.txt").write_text("\n"), r"train\.txt: is empty"),
    "image missing": (remove("images/dark3.png"), r"train\.txt:6: the image .*dark3\.png is missing"),
    "image cut off": (lambda f: (f / "images/dark3.png").write_bytes(b"\x89PNG"), r"train\.txt:6: .*dark3\.png: "),
    "label missing": (remove("labels/dark3.txt"), r"has no label file(.|\n)*option: --no-labels-is-background"),
    "x out of range": (label("1 1.5 .5 .2 .2"), r"dark3\.txt:2: expected the centre inside .* found x=1\.5"),
    "width out of range": (label("1 .5 .5 1.2 .2"), r"dark3\.txt:2: expected a width and height .* found w=1\.2"),
    "box outside": (label("1 -.3 .5 .2 .2"), r"dark3\.txt:2: expected the centre inside .* found x=-0\.3"),
    "pixels": (label("1 33 24 20 20"), r"dark3\.txt:2: .*are these pixels\?"),
    "NaN": (label("1 .5 nan .2 .2"), r"dark3\.txt:2: expected a number for y, found 'nan'"),
    "class too high": (label("2 .5 .5 .2 .2"), r"dark3\.txt:2: expected a class from 0 to 1, found '2'"),
    "columns missing": (label("1 .5 .5"), r"dark3\.txt:2: expected 'class x y w h', found 3 fields"),
    "too few names": (lambda f: (f / "toy.names").write_text("bright\n"), r"toy\.names: has 1 names for 2 classes"),
    "no number": (change("toy.data", "classes = 2", "classes = 2o"), r"toy\.data:1: classes: .* found '2o'"),
    "classes for weeks": (
        change("toy.data", "s = 2", "s = 2147483647"),
        r"toy\.data:1: classes: .* to 1000000, found",
    ),
    "negative classes": (change("toy.data", "classes = 2", "classes = -1"), r"toy\.data:1: classes: .*, found -1"),
    "not mounted": (
        lambda f: change("toy.data", f"{f}/backup", "/mnt/absent/backup")(f),
        r"doesn't exist, nor does /mnt/absent",
    ),
    "backup a file": (lambda f: change("toy.data", "/backup", "/toy.cfg")(f), r"toy\.cfg is a file"),
    "a run is there": (
        trained,
        r"backup holds toy\.state\.npz, toy\.backup, toy_final\.weights, of a run that has seen 8",
    ),
    # The kernel lets nobody, root included, make a file there.
    "backup read-only": (
        lambda f: change("toy.data", f"{f}/backup", "/proc/self")(f),
        r"can't write into the backup",
    ),
    "done already": (trained, r"nothing to do: 2 iterations are done, max_batches=2\. To go on, raise max_batches"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_before_the_first_iteration(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    spoil, message = BAD[case]
    data, cfg = make(tmp_path)
    spoil(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    more = ["--resume"] if case == "done already" else []
    assert main(["train", str(data), str(cfg), "--max-batches", "2", *more]) == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in errors
    assert re.search(message, errors), errors
    assert sorted(tmp_path.rglob("*")) == before


def test_a_cutoff_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, cfg = make(tmp_path)
    assert main(["train", str(data), str(cfg), "--max-batches", "2", "--cutoff", "2"]) == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert "--cutoff N says how much of WEIGHTS is loaded, but none are given" in errors


def test_a_missing_label_is_background_by_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, cfg = make(tmp_path)
    remove("labels/dark3.txt")(tmp_path)
    assert main(["train", str(data), str(cfg), "--max-batches", "1", "--no-labels-is-background"]) == 0
    assert "1 of 8 images have no label file: background" in capsys.readouterr().err


def test_a_batch_that_memory_can_not_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, cfg = make(tmp_path)
    with Trainer(cfg, data) as trainer:
        needed = trainer.bytes_needed
    monkeypatch.setattr(Backend, "free_bytes", lambda self: needed * 2 // 3)
    words = ["train", str(data), str(cfg), "--max-batches", "1"]
    assert main(words) == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert "a mini-batch of 2 images of 32x32 needs" in errors
    assert "set subdivisions=4 in [net]" in errors
    change("toy.cfg", "subdivisions=2", "subdivisions=4")(tmp_path)
    assert main(words) == 0


def test_a_disk_that_is_full_for_a_while(tmp_path: Path) -> None:
    """Training goes on, says so, keeps what was saved before whole, and tries again."""
    data, cfg = make(tmp_path)
    warnings: list[str] = []
    with Trainer(cfg, data, max_batches=40, save_every=5, warn=warnings.append) as trainer:
        while next(trainer).iteration < 5:
            pass
        before = {path.name: path.read_bytes() for path in (tmp_path / "backup").iterdir()}
        with small_files(512):
            while next(trainer).iteration < 12:
                pass
            assert {path.name: path.read_bytes() for path in (tmp_path / "backup").iterdir()} == before
        assert [w.split(":")[0] for w in warnings] == ["iteration 10 could not be saved"]
        assert "training goes on" in warnings[0]
        while next(trainer).iteration < 20:
            pass
        assert read_header(trainer.files.backup).seen == 80


CONV = nets.CONV.format(filters=4, size=3)
HEAD = "[convolutional]\nfilters={}\nactivation=linear\n[yolo]\nnum=1\nanchors=1,1\nclasses={}\n[route]\nlayers=0\n"
CELLS = "[connected]\noutput=6\n[detection]\nclasses=1\ncoords=4\nside=1\nnum=1\nforced=1\n"
UNTRAINABLE = {
    "heads of other classes": (CONV + HEAD.format(7, 2) + HEAD.format(6, 1), r"\[yolo\] knows 2 classes, .* 1;"),
    "losses of other truths": (CONV + HEAD.format(7, 2) + "[cost]\n", "expects .* numbers of truth, an earlier loss"),
    "no second box": (CONV + CELLS, r"\[detection\] forced=1 .* second box .* num=2"),
    "nothing to learn": (CONV, "nothing can be learnt"),
    "statistics of several batches": (CONV + "cbn=1\n[cost]\n", "cbn=1 can't be trained"),
    "weights of two rates": (
        CONV * 2 + CONV + "share_index=1\nlearning_rate=.5\n[cost]\n",
        r"learning_rate=0.5: the weights are those of layer 1, which learn at 1.0",
    ),
}


@pytest.mark.parametrize("case", UNTRAINABLE)
def test_networks_that_can_not_be_trained(case: str) -> None:
    layers, message = UNTRAINABLE[case]
    engine = Engine(parse_cfg_text(nets.net_text(layers, 8), "net.cfg"))
    x, truth = np.zeros((1, *engine.inputs), np.float32), np.zeros(0, np.float32)
    with pytest.raises(CfgError, match=message):
        Stepper(engine, DIALECTS["alexeyab"]).mini(x, truth)


def test_only_its_own_darknet_trains_a_gaussian_yolo() -> None:
    text = nets.net_text(CONV + "[conv]\nfilters=10\n[Gaussian_yolo]\nclasses=1\n", 8)
    engine = Engine(parse_cfg_text(text, "net.cfg"))
    x, truth = np.zeros((1, *engine.inputs), np.float32), np.zeros(0, np.float32)
    with pytest.raises(
        CfgError, match=r"\[Gaussian_yolo\] can't be trained in dialect darknet2018, .* dialect=alexeyab"
    ):
        Stepper(engine, DIALECTS["darknet2018"]).mini(x, truth)
