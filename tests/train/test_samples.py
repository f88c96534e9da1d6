"""Which image comes when: repeatable, resumable."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pydarknet.errors import DataError
from pydarknet.train.samples import ORDERS, Mix, Samples


def pictures(samples: Samples, count: int) -> list[int]:
    return [samples[i].image for i in range(count)]


@pytest.mark.parametrize("order", ORDERS)
def test_a_seed_is_a_run(order: str) -> None:
    one, other = Samples(50, seed=7, order=order), Samples(50, seed=7, order=order)  # type: ignore[arg-type]
    assert pictures(one, 120) == pictures(other, 120)
    assert pictures(one, 120) != pictures(Samples(50, seed=8, order=order), 120)  # type: ignore[arg-type]
    draws = [one[i].rng.random() for i in range(120)]
    assert draws == [other[i].rng.random() for i in range(120)]
    assert len(set(draws)) == 120


@pytest.mark.parametrize("order", ORDERS)
def test_taking_is_moving_along(order: str) -> None:
    samples = Samples(50, seed=7, order=order)  # type: ignore[arg-type]
    all_of_them = pictures(samples, 130)
    numbers = [samples[i].number for i in range(130)]
    samples.take(77)
    assert pictures(samples, 53) == all_of_them[77:]
    assert [samples[i].number for i in range(53)] == numbers[77:]
    assert samples.epoch == 77 / 50


def test_epochs_show_each_picture_once() -> None:
    samples = Samples(40, seed=1, order="epochs")
    orders = [pictures(samples, 200)[40 * i : 40 * i + 40] for i in range(5)]
    assert all(sorted(order) == list(range(40)) for order in orders)
    assert len({tuple(order) for order in orders}) == 5


def test_darknets_order_is_with_replacement() -> None:
    """Of 20 images drawn 8000 times, each comes about 400 times: chi-square below one in a thousand's limit."""
    drawn = pictures(Samples(20, seed=3), 8000)
    counts = np.bincount(drawn, minlength=20)
    assert ((counts - 400) ** 2 / 400).sum() < 43.8
    assert len(set(drawn[:20])) < 20
    repeats = np.mean(np.array(drawn[1:]) == np.array(drawn[:-1]))
    assert abs(repeats - 1 / 20) < 4 * np.sqrt(0.05 * 0.95 / 8000)


@pytest.mark.parametrize("order", ORDERS)
def test_resuming(order: str) -> None:
    samples = Samples(31, seed=5, order=order)  # type: ignore[arg-type]
    samples.take(44)
    state = json.loads(json.dumps(samples.state()))
    again = Samples(31, seed=99)
    assert again[0].image >= 0
    again.restore(state)
    assert pictures(again, 50) == pictures(samples, 50)
    assert again.state() == samples.state()


@pytest.mark.parametrize("order", ORDERS)
def test_a_mix_is_exact_in_each_row_of_its_length(order: str) -> None:
    """Of 7 samples in a row 5 are of the first 6 images, in an order that changes; each kind has its own epochs,
    and a run that goes on anywhere draws the same."""
    samples = Samples(10, seed=3, order=order, mix=Mix(6, 5, 2))  # type: ignore[arg-type]
    drawn = pictures(samples, 420)
    kinds = np.array(drawn).reshape(60, 7) < 6
    assert (kinds.sum(axis=1) == 5).all()
    assert len({tuple(row) for row in kinds}) > 10
    if order == "epochs":
        for kind, members in ((True, range(6)), (False, range(6, 10))):
            turns = np.array([p for p in drawn if (p < 6) == kind]).reshape(-1, len(members))
            assert all(sorted(turn) == list(members) for turn in turns)
            assert len({tuple(turn) for turn in turns}) > 3
    assert all(samples[i].image in samples[i].pool for i in range(20))
    samples.take(123)
    again = Samples(10, seed=9, mix=Mix(6, 5, 2))
    again.restore(json.loads(json.dumps(samples.state())))
    assert pictures(again, 100) == drawn[123:223]
    assert pictures(again, 100) == drawn[123:223]


def test_one_kind_alone_is_drawn_as_before_there_were_two() -> None:
    """A state without a mix is one of them."""
    samples = Samples(31, seed=5)
    state = samples.state()
    del state["mix"]
    samples.restore(state)
    with pytest.raises(DataError, match=r"had no mix, here there is mix 5:2"):
        Samples(31, mix=Mix(6, 5, 2)).restore(state)


def test_a_changed_list_is_no_resuming() -> None:
    with pytest.raises(DataError, match="had 31 images, this list has 30"):
        Samples(30).restore(Samples(31).state())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "no image"),
        ({"count": 5, "order": "sorted"}, "darknet, epochs"),
        ({"count": 5, "seed": -1}, "seed=-1"),
    ],
)
def test_impossible(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Samples(**arguments)  # type: ignore[arg-type]
