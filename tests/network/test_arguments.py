"""Arguments that only code can get wrong: a ValueError says the name, what was expected and what was found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pydarknet import Network, Trainer
from pydarknet.errors import DataError, ImageError
from tests.lib import nets

IMAGE = nets.picture(40, 30)


@pytest.fixture(scope="module")
def net() -> Network:
    return nets.network()


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"thresh": "0.5"}, "thresh: expected a number from 0 to 1, found '0.5'"),
        ({"tile": "x"}, "tile='x': expected a whole number of pixels"),
        ({"tile": 300.5}, "tile=300.5: expected a whole number"),
        ({"min_size": "x"}, "min_size='x': expected a number of pixels"),
        ({"min_size": float("nan")}, "min_size=nan: expected"),
        ({"tile_overlap": []}, r"tile_overlap=\[\]: expected a share"),
        ({"options": {"thresh": 0.5}}, "options: expected DetectOptions, found dict"),
        ({"beta_nms": -1}, "beta_nms=-1: expected a number from 0"),
        ({"leaf_only": "no"}, "leaf_only='no': expected True or False"),
        ({"lazy": 2}, "lazy=2: expected True or False"),
    ],
)
def test_options_of_detection(net: Network, given: dict[str, Any], text: str):
    with pytest.raises(ValueError, match=text):
        net.detect(IMAGE, **given)
    with pytest.raises(ValueError, match=text):
        net.stream([IMAGE], **given)


@pytest.mark.parametrize("classes", [[1.5], [True], [None], [-1]])
def test_classes_that_are_none(net: Network, classes: list[Any]):
    with pytest.raises(DataError, match="expected names, or whole numbers from 0 to"):
        net.detect(IMAGE, classes=classes)


@pytest.mark.parametrize("top", [0, -1, "x"])
def test_top_classes(net: Network, top: Any):
    with pytest.raises(ValueError, match=f"top={top!r}: expected a whole number of at least 1"):
        net.classify(IMAGE, top=top)


@pytest.mark.parametrize("cfg", [None, b"x.cfg", 5])
def test_a_cfg_that_is_no_path(cfg: Any):
    for make in (Network, lambda cfg: Trainer(cfg, "x.data")):
        with pytest.raises(ValueError, match="cfg: expected a path, found"):
            make(cfg)


def test_weights_that_are_no_path(net: Network):
    with pytest.raises(ValueError, match="weights: expected a path, found 5"):
        net.load_weights(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("image", "text"),
    [
        ("", "found an empty path"),
        ({"a.jpg": 1}, "found dict"),
        ([[IMAGE]], "here it is one image, not several"),
        (".", "Network.stream takes folders"),
        ("*.jpg", "Network.stream takes folders and patterns"),
        (np.zeros(9, np.uint8), r"given as bytes: array\.tobytes\(\)"),
    ],
)
def test_what_is_no_image_is_said_to_be_none(net: Network, image: Any, text: str):
    with pytest.raises(ImageError, match=text):
        net.detect(image)


@pytest.mark.parametrize(
    "given",
    [
        {"map": "yes"}, {"workers": -1}, {"workers": 1.5}, {"seed": "a"}, {"seed": -1}, {"max_hours": -1},
        {"max_hours": "1"}, {"order": "x"}, {"missing": "x"}, {"save_every": 0}, {"callbacks": print},
        {"callbacks": [1]}, {"warn": "always"},
    ],
)  # fmt: skip
def test_arguments_of_a_training(net: Network, given: dict[str, Any]):
    with pytest.raises(ValueError, match=f"^{next(iter(given))}=.*: expected"):
        Trainer(net, "none.data", **given)


def test_parameters_of_another_shape():
    net = nets.network()
    for wrong in (np.zeros(3, np.float32), [0.0], None):
        net.layers[0].parameters["biases"] = wrong  # type: ignore[assignment]
        with pytest.raises(ValueError, match=r"layer 0 \(convolutional\), biases: expected an array of shape"):
            net.parameters_changed()


def test_arguments_of_a_network(net: Network):
    cfg = net.cfg
    for given in ({"seed": "x"}, {"seed": -1}, {"cutoff": "x", "weights": "w"}, {"threads": "2"}):
        with pytest.raises(ValueError, match=f"^{next(iter(given))}=.*: expected a "):
            Network(cfg, **given)
    with pytest.raises(ValueError, match="fit='x': expected one of"):
        net.predict(IMAGE, fit="x")
    with pytest.raises(ValueError, match="path: expected a path, found None"):
        net.save_weights(None)


def test_names_by_number(net: Network):
    """As others have them, and nothing else in their place."""
    names = {i: f"name {i}" for i in reversed(range(net.classes))}
    assert Network(net.cfg, names=names).names == [f"name {i}" for i in range(net.classes)]
    for wrong in (5, list(range(net.classes)), {1: "a", 7: "b"}, {"a": 1, 0: "b"}):
        with pytest.raises(DataError, match="names: expected"):
            Network(net.cfg, names=wrong)


def test_a_stream_of_one(net: Network):
    """An array is an image, not a list of its rows."""
    assert [found.orig_shape for found in net.stream(IMAGE)] == [IMAGE.shape[:2]]
    with pytest.raises(ImageError, match="found None"):
        list(net.stream(None))
