"""Many images through a network: as `detect` has them, in order, whatever the lanes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pydarknet.backends.base import cpu_backend
from pydarknet.detection.options import DetectOptions
from pydarknet.errors import ImageError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph import lanes as module
from pydarknet.graph.lanes import FEW, lanes_of
from pydarknet.images.image import save_image
from pydarknet.network import Network
from tests.lib import nets

IMAGES = [nets.picture(40 + i, 30 + 2 * i, seed=i) for i in range(16)]


@pytest.fixture(autouse=True, params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    ops = cpu_backend().ops
    before = ops.num_threads()
    ops.set_num_threads(request.param)
    yield request.param
    ops.set_num_threads(before)


@pytest.fixture
def net() -> Network:
    return nets.network(size=64)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 16])
def test_a_stream_equals_detection_one_by_one(net: Network, count: int, batch: int) -> None:
    expected = [net.detect(each, 0.1) for each in IMAGES[:count]]
    assert all(expected)
    assert list(net.stream(IMAGES[:count], 0.1, batch=batch)) == expected
    assert list(net.stream(iter(IMAGES[:count]), 0.1, batch=batch)) == expected  # of unknown length
    assert list(net.stream(IMAGES[:count], options=DetectOptions(0.1), batch=batch)) == expected


def test_a_folder_with_an_image_that_cannot_be_read(net: Network, tmp_path: Path) -> None:
    for i, image in enumerate(IMAGES):
        save_image(tmp_path / f"{i:02d}.png", image)
    bad = tmp_path / "05.png"
    bad.write_bytes(b"no image")
    left_out: list[str] = []
    found = list(net.stream(tmp_path, 0.1, unread=lambda path, error: left_out.append(path)))
    assert found == [net.detect(image, 0.1) for i, image in enumerate(IMAGES) if i != 5]
    assert [each.path for each in found] == [str(tmp_path / f"{i:02d}.png") for i in range(16) if i != 5]
    assert left_out == [str(bad)]
    stream = net.stream(tmp_path, 0.1)
    assert len([next(stream) for _ in range(5)]) == 5
    with pytest.raises(ImageError, match=r"05\.png"):
        next(stream)


def test_wrong_arguments_are_refused_at_once(net: Network) -> None:
    with pytest.raises(ValueError, match="thresh"):
        net.stream(IMAGES, 2.0)
    with pytest.raises(ValueError, match="batch"):
        net.stream(IMAGES, batch=0)


def test_lanes(net: Network, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    many = FEW * threads
    assert lanes_of(net, 1).count == 0
    assert (lanes_of(net, many).count, lanes_of(net, many).apart) == (threads, True)
    assert (lanes_of(net, None).count, lanes_of(net, None).apart) == (threads, True)
    assert lanes_of(net, many, in_order=True).apart is False
    if threads > 1:
        assert lanes_of(net, many - 1).apart is False
    monkeypatch.setattr(module, "free_bytes", lambda: 2 * threads * net.plan_bytes(1) - 1)
    assert lanes_of(net, many).apart is False


@pytest.mark.slow
def test_beside_a_device_images_are_read_ahead_and_computed_one_by_one() -> None:
    net = Network(parse_cfg_text(nets.net_text(nets.DETECTOR, 32), "test.cfg"), device="emu")
    assert lanes_of(net, 9).apart is False
    assert list(net.stream(IMAGES[:3], 0.1)) == [net.detect(each, 0.1) for each in IMAGES[:3]]


def test_a_lane_uses_its_own_thread_alone(threads: int) -> None:
    ops = cpu_backend().ops
    with ThreadPoolExecutor(1) as pool:
        pool.submit(ops.limit_threads, 1).result()
        assert pool.submit(ops.num_threads).result() == 1
        assert ops.num_threads() == threads
        pool.submit(ops.limit_threads, 0).result()
        assert pool.submit(ops.num_threads).result() == threads


def test_a_plan_of_a_lane_is_no_plan_for_all_threads(net: Network) -> None:
    """Its scratch memory is for one thread: with it, others would have nothing to do."""
    list(net.stream(IMAGES, 0.1))
    before = len(net._idle)
    x = nets.batch(net, 1)
    np.testing.assert_array_equal(net.forward(x), nets.network(size=64).forward(x))
    assert len(net._idle) == before
