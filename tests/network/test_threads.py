"""The network object in use: from many threads, after a fork, resized, in batches, layer by layer."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from pydarknet.backends.base import cpu_backend
from tests.lib import nets

CALLERS = 8


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    ops = cpu_backend().ops
    before = ops.num_threads()
    ops.set_num_threads(2)
    yield
    ops.set_num_threads(before)


def together(work: Callable[[int], Any], rounds: int = 5) -> list[list[Any]]:
    """What `work(i)` gives in each of 8 threads that start at once, `rounds` times each."""
    barrier = threading.Barrier(CALLERS)

    def caller(i: int) -> list[Any]:
        barrier.wait()
        return [work(i) for _ in range(rounds)]

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(caller, range(CALLERS)))


def test_forward_from_eight_threads_equals_serial_calls_bit_for_bit() -> None:
    net = nets.network(size=64)
    inputs = [nets.batch(net, 1 + i % 3, seed=i) for i in range(CALLERS)]
    expected = [net.forward(x) for x in inputs]
    for i, results in enumerate(together(lambda i: net.forward(inputs[i]))):
        for y in results:
            np.testing.assert_array_equal(y, expected[i])


def test_detect_from_eight_threads_equals_serial_calls() -> None:
    net = nets.network(size=64)
    pictures = [nets.picture(40 + i, 30 + 2 * i, seed=i) for i in range(CALLERS)]
    expected = [net.detect(p, thresh=0.1) for p in pictures]
    assert all(expected)
    assert together(lambda i: net.detect(pictures[i], thresh=0.1)) == [[e] * 5 for e in expected]


def test_a_new_network_may_be_used_by_many_threads_at_once() -> None:
    """The first calls race to pack the weights."""
    expected = nets.network(size=32).forward(nets.batch(nets.network(size=32)))
    for _ in range(5):
        net = nets.network(size=32)
        x = nets.batch(net)
        for (y,) in together(lambda _, net=net, x=x: net.forward(x), rounds=1):  # type: ignore[misc]
            np.testing.assert_array_equal(y, expected)


def test_two_networks_at_once() -> None:
    pair = [nets.network(size=64, seed=1), nets.network(size=96, seed=2)]
    inputs = [nets.batch(net) for net in pair]
    expected = [net.forward(x) for net, x in zip(pair, inputs, strict=True)]
    for i, results in enumerate(together(lambda i: pair[i % 2].forward(inputs[i % 2]))):
        for y in results:
            np.testing.assert_array_equal(y, expected[i % 2])


def test_one_thread_and_more_threads_than_processors_give_the_same() -> None:
    net = nets.network(size=64)
    x = nets.batch(net)
    expected = net.forward(x)
    for threads in (1, 3, 16):  # the plan stays: it was made for two
        net.backend.ops.set_num_threads(threads)
        np.testing.assert_array_equal(net.forward(x), expected)
        np.testing.assert_array_equal(nets.network(size=64).forward(x), expected)


@pytest.mark.slow
def test_python_goes_on_during_a_forward_pass() -> None:
    """One layer that takes long: a thread that holds the lock for all of it lets nobody count."""
    net = nets.network("[convolutional]\nfilters=256\nsize=7\npad=1\nactivation=leaky\n" * 2, size=96, channels=64)
    x = nets.batch(net)
    net.forward(x)
    ticks: list[float] = []
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    start = time.perf_counter()
    net.forward(x)
    end = time.perf_counter()
    done.set()
    ticker.join()
    # Without the release there could be one tick between two of the few steps.
    assert len([t for t in ticks if start < t < end]) > 10


DAEMON = """
import threading, time
import numpy as np
from pydarknet import Network

net = Network("yolov2-tiny", threads=2)
x = np.zeros((1, *net.inputs), np.float32)
net.forward(x)

def work():
    while True:
        net.forward(x)

threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
print("the end")
"""


def test_a_daemon_in_a_forward_pass_ends_with_the_program() -> None:
    """Python up to 3.13 unwinds its thread where it wants the lock back; 3.14 lets it hang."""
    result = subprocess.run([sys.executable, "-c", DAEMON], capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout) == (0, "the end\n"), result.stderr


def test_a_child_forked_while_a_thread_plans_can_run_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    net = nets.network(size=32)
    x = nets.batch(net, 1)
    expected = net.forward(x)
    planning, done = threading.Event(), threading.Event()
    usual = net.layers[0].plan

    def slow(*args: Any) -> Any:
        planning.set()
        done.wait(60)
        return usual(*args)

    monkeypatch.setattr(net.layers[0], "plan", slow)
    thread = threading.Thread(target=net.forward, args=(nets.batch(net, 2),))
    thread.start()
    planning.wait(60)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if np.array_equal(net.forward(x), expected) else 2
        finally:
            os._exit(status)
    assert wait(child) == 0
    done.set()
    thread.join()


def test_a_forked_child_can_run_the_network() -> None:
    net = nets.network(size=64)
    x = nets.batch(net)
    expected = net.forward(x)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            same = all(np.array_equal(net.forward(x), expected) for _ in range(3))
            status = 0 if same and np.array_equal(nets.network(size=64).forward(x), expected) else 2
        finally:
            os._exit(status)
    assert wait(child) == 0
    np.testing.assert_array_equal(net.forward(x), expected)


def wait(child: int, seconds: float = 60) -> int:
    """Exit status of a child; one that hangs is killed, and the status says so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# Plans


@pytest.mark.parametrize("kind", sorted(nets.LAYERS))
def test_a_batch_of_five_equals_five_singles(kind: str) -> None:
    net = nets.layer_network(kind)
    x = nets.batch(net, 5)
    y = net.forward(x)
    assert y.shape == (5, *net.outputs)
    assert np.isfinite(y).all()
    assert len(np.unique(y)) > 1
    for i in range(5):
        np.testing.assert_array_equal(y[i : i + 1], net.forward(x[i : i + 1]))


@pytest.mark.parametrize("kind", sorted(nets.LAYERS))
def test_the_output_of_each_layer(kind: str) -> None:
    net = nets.layer_network(kind)
    y = net.forward(nets.batch(net, 2))
    for layer in net.layers:
        assert layer.output.shape == (2, *layer.out)
        assert np.isfinite(layer.output).all()
    np.testing.assert_array_equal(net.layers[net.output_index].output, y)


def test_every_type_of_layer_is_tested() -> None:
    from pydarknet.layers import REGISTRY

    used = {layer.type for kind in nets.LAYERS for layer in nets.layer_network(kind).layers}
    assert {REGISTRY[kind] for kind in used} == set(REGISTRY.values())


def test_outputs_of_layers_follow_the_last_forward_pass() -> None:
    net = nets.network()
    first, second = nets.batch(net, 1, seed=1), nets.batch(net, 3, seed=2)
    net.forward(first)
    before = net.layers[2].output.copy()
    net.forward(second)
    assert net.layers[2].output.shape[0] == 3
    net.forward(first)
    np.testing.assert_array_equal(net.layers[2].output, before)


def test_outputs_of_layers_follow_detect() -> None:
    net = nets.network()
    net.detect([nets.picture(seed=i) for i in range(3)], batch=3)
    assert net.layers[0].output.shape == (3, *net.layers[0].out)


def test_outputs_of_layers_are_those_of_the_threads_own_pass() -> None:
    net = nets.network()
    mine, theirs = nets.batch(net, 1, seed=1), nets.batch(net, 2, seed=2)
    net.forward(mine)
    wanted = net.layers[2].output.copy()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(net.forward, theirs).result()
        np.testing.assert_array_equal(net.layers[2].output, wanted)
        assert len(pool.submit(lambda: net.layers[2].output).result()) == 2
        pool.submit(net.forward, mine + 1).result()  # in the memory of this thread's pass
        with pytest.raises(RuntimeError, match="another thread has taken"):
            _ = net.layers[2].output
    with ThreadPoolExecutor(1) as pool:  # a thread that has made none
        assert len(pool.submit(lambda: net.layers[2].output).result()) == 1


def test_no_output_before_the_first_forward_pass() -> None:
    net = nets.network()
    with pytest.raises(RuntimeError, match="no forward pass yet"):
        _ = net.layers[0].output


def test_no_output_during_another_pass() -> None:
    """The input that layers would be computed from is about to be overwritten; what was looked at before stays."""
    net = nets.network()
    x = nets.batch(net)
    net.forward(x)
    with net.plan(1) as plan:
        plan.input[...] = 0
        with pytest.raises(RuntimeError, match="one under way"):
            _ = net.layers[0].output
    net.forward(x)
    before = net.layers[0].output.copy()
    with net.plan(1) as plan:
        plan.input[...] = 0
        np.testing.assert_array_equal(net.layers[0].output, before)


def test_no_output_without_the_network() -> None:
    layer = nets.network().layers[0]
    with pytest.raises(RuntimeError, match="gone"):
        _ = layer.output


def test_a_result_is_the_callers_own() -> None:
    net = nets.network()
    a = net.forward(nets.batch(net, seed=1))
    copy = a.copy()
    net.forward(nets.batch(net, seed=2))
    np.testing.assert_array_equal(a, copy)
    x = nets.batch(net, seed=1)
    kept = x.copy()
    a[...] = 0
    np.testing.assert_array_equal(net.forward(x), copy)
    np.testing.assert_array_equal(x, kept)


def test_forward_takes_other_types_and_layouts() -> None:
    net = nets.network()
    x = nets.batch(net, 2)
    expected = net.forward(x)
    np.testing.assert_array_equal(net.forward(x.astype(np.float64)), expected)
    np.testing.assert_array_equal(net.forward(np.asfortranarray(x)), expected)
    np.testing.assert_array_equal(net.forward(x.tolist()), expected)


@pytest.mark.parametrize(
    "shape", [(3, 16, 16), (1, 3, 16, 17), (1, 1, 16, 16), (0, 3, 16, 16), (1, 3, 16, 16, 1), ()]
)
def test_a_wrong_shape(shape: tuple[int, ...]) -> None:
    net = nets.network()
    with pytest.raises(ValueError, match=r"expected x with shape \(N, 3, 16, 16\)"):
        net.forward(np.zeros(shape, np.float32))


def test_empty_lists_of_pictures() -> None:
    assert nets.network().detect([]) == []


# Sizes and parameters


def test_resize_keeps_the_packed_weights() -> None:
    net = nets.network(size=32)
    net.forward(nets.batch(net))
    packed = dict(net._constants)
    net.resize(64, 48)
    x = nets.batch(net)
    assert x.shape == (1, 3, 48, 64)
    y = net.forward(x)
    assert {key: id(value) for key, value in net._constants.items()} == {k: id(v) for k, v in packed.items()}
    text = nets.net_text(nets.DETECTOR, 64).replace("height=64", "height=48")
    fresh = nets.from_text(text).forward(x)
    np.testing.assert_allclose(y, fresh, rtol=1e-4, atol=1e-5)  # another algorithm may have been chosen


def test_resize_and_back() -> None:
    net = nets.network(size=32)
    x = nets.batch(net)
    before = net.forward(x)
    net.resize(64, 64)
    net.forward(nets.batch(net))
    net.resize(32, 32)
    np.testing.assert_array_equal(net.forward(x), before)


def test_parameters_changed() -> None:
    net = nets.network()
    x = nets.batch(net)
    before = net.forward(x)
    net.layers[0].parameters["biases"] = net.layers[0].parameters["biases"] + 1
    net.parameters_changed()
    after = net.forward(x)
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(net.layers[-1].output, after)


def test_load_weights_takes_effect(tmp_path: Any) -> None:
    net, other = nets.network(seed=1), nets.network(seed=2)
    x = nets.batch(net)
    other.save_weights(tmp_path / "other.weights")
    assert not np.array_equal(net.forward(x), other.forward(x))
    net.load_weights(tmp_path / "other.weights")
    np.testing.assert_array_equal(net.forward(x), other.forward(x))
