"""The loaders of the paper's Darknet and of AlexeyAB's, from the numbers that rand() gave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pydarknet.dialects import DIALECTS
from pydarknet.train.augment import Classification, ColourRange, Crop, Detection, Draw
from pydarknet.train.truth import boxes, draw_order

Floats = npt.NDArray[np.float32]
GOLDEN = Path(__file__).parent.parent / "goldens" / "augment.npz"
RAND_MAX = 2**31 - 1
F = np.float32
COLOURS = ColourRange(0.1, 1.5, 1.5)

# They compute a position in float32 or double as the compiler likes, and hue magnifies a rounding near grey.
TOLERANCE = 2e-6
TURNED = 2e-5  # positions of order 20, sampled in an image that changes by up to 1 from pixel to pixel


class Replay:
    """Takes the place of a generator: what rand() gave, in its order."""

    def __init__(self, numbers: npt.NDArray[np.int32]) -> None:
        self.numbers = [int(number) for number in numbers]

    def random(self, dtype: Any = None) -> np.float32:
        return F(F(self.numbers.pop(0)) / F(RAND_MAX))

    def integers(self, low: int, high: int | None = None, size: int | None = None, endpoint: bool = False) -> Any:
        if size is not None:
            return [self.integers(low) for _ in range(size)]
        if high is None:
            return self.numbers.pop(0) % low
        return self.numbers.pop(0) % (high - low + endpoint) + low


def load(name: str, index: int, augment: Detection | Classification, net: tuple[int, int]) -> tuple[Any, ...]:
    """Our image and draw from their numbers, what is left of these, the labels, their image and truth."""
    with np.load(GOLDEN) as golden:
        chosen = int(golden[f"{name}_chosen"][index])
        picture, labels = golden[f"picture_{chosen}"], golden[f"labels_{chosen}"]
        replay = Replay(golden[f"{name}_rand"][index])
        their_x, their_y = golden[f"{name}_x"][index], golden[f"{name}_y"][index]
    draw: Draw = augment.draw(replay, (picture.shape[1], picture.shape[0]), net)  # type: ignore[arg-type]
    x = np.empty((3, net[1], net[0]), F)
    draw.apply(np.ascontiguousarray(picture), x)
    return x, draw, replay, picture, labels, their_x, their_y


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize(("dialect", "resize"), [("paper2017", 1.0), ("alexeyab", 1.5)])
def test_detection(dialect: str, resize: float, index: int) -> None:
    net, maximum = (20, 16), 4
    augment = Detection("crop", 0.2, resize, colour=COLOURS)
    x, draw, replay, picture, labels, their_x, their_y = load(dialect, index, augment, net)
    assert isinstance(draw, Crop)
    order = draw_order(replay, len(labels))
    assert not replay.numbers
    truth = boxes(draw, labels, order, picture.shape[1::-1], net, DIALECTS[dialect].truth, maximum)
    np.testing.assert_allclose(x, their_x, rtol=0, atol=TOLERANCE)
    # AlexeyAB's rows have a sixth number, for tracking.
    np.testing.assert_allclose(truth, their_y.reshape(maximum, -1)[:, :5], rtol=0, atol=2e-7)


@pytest.mark.parametrize("index", range(5))
def test_classification(index: int) -> None:
    augment = Classification(14, 24, angle=7, aspect=1.2, window=DIALECTS["paper2017"].window, colour=COLOURS)
    x, _, replay, _, _, their_x, _ = load("paper2017_class", index, augment, (18, 18))
    assert not replay.numbers
    np.testing.assert_allclose(x, their_x, rtol=0, atol=TURNED)
