"""Heat maps: warm where a detection rests, by a network that sees nothing but one place, and by real weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet import Detections, Network
from pydarknet.detection.options import DetectOptions
from pydarknet.detection.results import Box, Detection
from pydarknet.explain import draw_explained, explain, pointed
from pydarknet.formats.resources import share
from pydarknet.images.image import save_image
from pydarknet.plan.shapes import Shape

BOX = Box(50, 30, 40, 30)


class Bright:
    """Finds a thing in BOX, as sure as a patch at (64, 24) is bright; and another one that needs nothing."""

    inputs = Shape(3, 80, 120)

    def settle(self, options: DetectOptions) -> DetectOptions:
        return options

    def find(self, images: Sequence[np.ndarray], options: DetectOptions) -> list[list[Detection]]:
        return [[self.seen(float(image[20:28, 60:68].mean()) / 255), Detection(1, "b", 0.5, 0.5, BOX)]
                for image in images]  # fmt: skip

    def seen(self, confidence: float) -> Detection:
        return Detection(0, "a", confidence, confidence, BOX)


@pytest.mark.parametrize("cells", [5, 12])
def test_what_decides_is_warmest(cells: int) -> None:
    image = np.full((80, 120, 3), 255, np.uint8)
    net = Bright()
    heat, indifferent = explain(net, image, net.find([image], DetectOptions())[0], cells=cells)  # type: ignore[arg-type]
    assert heat.shape == indifferent.shape == (80, 120)
    assert (heat.min(), heat.max()) == (0, 1)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert abs(row - 24) < 12
    assert abs(column - 64) < 12
    assert pointed(heat, BOX)
    assert heat[20:28, 60:68].mean() > 0.8 > heat.mean() + 0.2


def test_the_same_seed_gives_the_same_map() -> None:
    image, net = np.full((40, 80, 3), 200, np.uint8), Bright()
    found = [net.seen(1.0)]
    one, two, other = (explain(net, image, found, masks=20, seed=seed, batch=b)[0]  # type: ignore[arg-type]
                       for seed, b in ((1, 3), (1, 8), (2, 3)))  # fmt: skip
    np.testing.assert_allclose(one, two, atol=1e-6)
    assert not np.array_equal(one, other)


def test_nothing_found_and_wrong_numbers() -> None:
    image, net = np.zeros((40, 80, 3), np.uint8), Bright()
    assert explain(net, image, [], masks=2) == []  # type: ignore[arg-type]
    lost = Detection(7, "never again", 0.5, 0.5, BOX)
    assert not explain(net, image, [lost], masks=4)[0].any()  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="masks=0"):
        explain(net, image, [lost], masks=0)  # type: ignore[arg-type]


def test_on_real_weights_the_warmest_place_lies_on_the_thing() -> None:
    image = cv2.imread(str(share() / "data" / "stamps.jpg"))
    net = Network("stamps", "stamps")
    found = net.detect(image)
    maps = explain(net, image, found, masks=150)
    assert sum(pointed(heat, each.box) for heat, each in zip(maps, found, strict=True)) > len(found) / 2
    drawn = draw_explained(image, maps[0])
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8


def test_what_detect_takes_is_taken(tmp_path: Path) -> None:
    """A path, one detection; no detections or maps of another image."""
    image, net = np.full((40, 80, 3), 200, np.uint8), Bright()
    save_image(str(tmp_path / "a.png"), image)
    first = net.find([image], DetectOptions())[0][0]
    wanted = explain(net, image, [first], masks=4)[0]  # type: ignore[arg-type]
    np.testing.assert_array_equal(explain(net, tmp_path / "a.png", first, masks=4)[0], wanted)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"that of the detections \(9, 9\)"):
        explain(net, image, Detections([first], shape=(9, 9)), masks=4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="heat: expected a map of the image's size"):
        draw_explained(image, wanted[:9])
