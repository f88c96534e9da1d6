"""State from run to run: it is the caller's, beside the plans that any caller may be lent."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.detection.options import DetectOptions
from pydarknet.formats.cfg import Section, parse_cfg_text
from pydarknet.layers import REGISTRY
from pydarknet.layers.base import Layer
from pydarknet.plan.plan import Builder, Value
from pydarknet.plan.session import Session
from pydarknet.video.averaging import Averager
from tests.lib import nets

CFG = "[net]\nwidth=4\nheight=4\nchannels=3\n[sum]\n[maxpool]\nsize=2\nstride=2\n"


def accumulate(x: Any, total: Any, y: Any) -> None:
    total += x
    y[...] = total


class Sum(Layer):
    """A layer whose output is the sum of all its inputs so far."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        """It has no options."""

    def plan(self, p: Builder, x: Value) -> Value:
        y = p.new(self.out, blocked=False)
        p.emit(accumulate, p.plain(x), p.carried(self, "total", self.out), y)
        return y


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Network:
    monkeypatch.setitem(REGISTRY, "sum", Sum)
    return Network(parse_cfg_text(CFG))


def image(net: Network, value: float) -> np.ndarray:
    return np.full((1, *net.inputs), value, np.float32)


def run(net: Network, session: Session | None, *values: float) -> list[float]:
    return [float(net.forward(image(net, value), session=session).max()) for value in values]


def test_each_caller_has_a_state_of_its_own(net: Network) -> None:
    one, other = Session(net.backend), Session(net.backend)
    assert run(net, one, 1, 2) == [1, 3]
    assert run(net, other, 10) == [10]
    assert run(net, None, 5, 5) == [5, 5]
    assert run(net, one, 3) == [6]
    assert len(net._idle) == 1  # all by the same plan


def test_callers_at_once(net: Network) -> None:
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda i: run(net, Session(net.backend), *[i] * 20)[-1], range(12)))
    assert found == [20 * i for i in range(12)]


def test_saved_gone_on_with_and_begun_anew(net: Network) -> None:
    session, later = Session(net.backend), Session(net.backend)
    run(net, session, 1, 2)
    saved = session.save()
    assert list(saved) == [net.layers[0].key("total")]
    assert run(net, session, 4) == [7]
    later.load(saved)
    assert run(net, later, 4) == [7]
    session.reset()
    assert run(net, session, 4) == [4]


def test_a_layers_output_is_that_of_the_run(net: Network) -> None:
    session = Session(net.backend)
    run(net, session, 1, 2)
    np.testing.assert_array_equal(net.layers[0].output, image(net, 3))
    assert run(net, session, 1) == [4]


def test_of_another_size(net: Network) -> None:
    session = Session(net.backend)
    run(net, session, 1)
    with pytest.raises(ValueError, match=r"0\.total has the shape \(1, 3, 4, 4\), this run takes \(2, 3, 4, 4\)"):
        net.forward(np.zeros((2, 3, 4, 4), np.float32), session=session)


def test_frames_that_are_averaged(net: Network) -> None:
    """Two videos with one network, and one that is gone on with."""
    detector, options = nets.network(size=32), DetectOptions(0.01)
    frames = [nets.picture(seed=seed) for seed in range(4)]
    alone = [Averager(detector, 2).detect(each, options) for each in frames]
    one, other = Averager(detector, 2), Averager(detector, 2)
    assert [one.detect(frames[0], options), other.detect(frames[1], options)] == alone[:2]
    second = one.detect(frames[2], options)
    assert second != alone[2]
    copy = Session(detector.backend)
    copy.load(one.session.save())
    assert one.detect(frames[3], options) == Averager(detector, 2, copy).detect(frames[3], options)
    one.session.reset()
    assert one.detect(frames[3], options) == alone[3]
