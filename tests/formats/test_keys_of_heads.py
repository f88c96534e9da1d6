"""Keys of heads that count in some dialects, or for some images, only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet import CfgError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.engine import Engine
from pydarknet.graph.graph import Graph
from pydarknet.train.step import Stepper
from pydarknet.train.truth import NOWHERE

from .test_keys import SECTIONS, differs, filled, learnt, text_of


def test_keys_of_a_dialect_that_another_one_warns_about() -> None:
    """The loss of [yolo] has no such keys in pjreddie's Darknet."""
    for section in ("yolo", "yolo, giou"):
        for option in SECTIONS[section][2]["trained"].split():
            key, _, value = option.partition("=")
            graph = Graph(parse_cfg_text(text_of(section, key, value).replace("alexeyab", "darknet2018"), "a.cfg"))
            graph.heads()[-1].check_training(graph.dialect)
            read = key in ("max", "ignore_thresh", "truth_thresh")
            assert any(f"] {option} is not followed" in text for text in graph.unfollowed()) == (not read)


@pytest.mark.parametrize(("key", "value"), [("iou_loss", "siou"), ("iou_thresh_kind", "l1")])
def test_measures_that_do_not_exist(key: str, value: str) -> None:
    """AlexeyAB's program takes the IoU for them."""
    graph = Graph(parse_cfg_text(text_of("yolo, giou", key, value), "a.cfg"))
    graph.heads()[-1].check_training(graph.dialect)
    assert [text for text in graph._warnings() if f"unknown {key} '{value}': iou" in text]
    assert not differs(learnt(text_of("yolo, giou", key, value)), learnt(text_of("yolo, giou", key, "iou")))


def test_counters_of_other_classes() -> None:
    graph = Graph(parse_cfg_text(text_of("yolo", "counters_per_class", "1,2,3"), "a.cfg"))
    with pytest.raises(CfgError, match=r"a\.cfg:\d+: .*counters_per_class: expected 2 numbers, .* found 3"):
        graph.heads()[-1].check_training(graph.dialect)


@pytest.mark.parametrize(("section", "usual"), [("yolo", 90), ("region", 30)])
def test_as_many_boxes_as_the_dialect_has(section: str, usual: int) -> None:
    text = text_of(section, "max", "2").replace("max=2\n", "")
    for dialect, most in (("alexeyab", 200), ("darknet2018", usual)):
        graph = Graph(parse_cfg_text(text.replace("alexeyab", dialect), "a.cfg"))
        graph.reshape(24, 24)
        assert graph.heads()[0].truth_shape == (most, 5)


@pytest.mark.parametrize(
    ("key", "values", "wrong"),
    [
        ("class_only_box", ("probable", "surest", "largest"), "largst"),
        ("class_only_objectness", ("pull", "spare", "assume", "ignore"), "ignor"),
    ],
)
def test_what_a_class_without_a_box_teaches(key: str, values: tuple[str, ...], wrong: str, tmp_path: Path) -> None:
    """The key changes what is learnt from such an image; without a tree there is none, and the key is an error."""
    (tmp_path / "a.tree").write_text("one -1\ntwo -1\n")
    base = text_of("region", "tree", str(tmp_path / "a.tree"))
    learnt = []
    for value in values:
        engine = filled(Engine(parse_cfg_text(f"{base}{key}={value}\n", "a.cfg")))
        engine.layers[-2].parameters["biases"][:] = -6  # no objectness above .3
        engine.parameters_changed()
        stepper = Stepper(engine, engine.dialect)
        images = np.random.default_rng(2).random((2, *engine.inputs), dtype=np.float32)
        stepper.mini(images, np.full((2, 2, 5), [NOWHERE] * 4 + [1], np.float32))
        learnt.append(stepper.parameters.updates.tobytes())
    assert len(set(learnt)) == len(values)
    with pytest.raises(CfgError, match=rf"a\.cfg:\d+: .*{key}={wrong}: .*did you mean '{values[-1]}'"):
        Graph(parse_cfg_text(f"{base}{key}={wrong}\n", "a.cfg"))
    with pytest.raises(CfgError, match=rf"a\.cfg:\d+: .*{key}={values[-1]}: .*tree="):
        Graph(parse_cfg_text(text_of("region", key, values[-1]), "a.cfg"))


def test_the_surest_box_needs_an_objectness(tmp_path: Path) -> None:
    (tmp_path / "a.tree").write_text("one -1\ntwo -1\n")
    text = text_of("region", "tree", str(tmp_path / "a.tree")) + "background=1\nclass_only_box=surest\n"
    with pytest.raises(CfgError, match=r"a\.cfg:\d+: .*class_only_box=surest: expected background=0"):
        Graph(parse_cfg_text(text, "a.cfg"))
