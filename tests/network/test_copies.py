"""Networks go to other processes and are copied: the same answers, and nothing shared."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.backends.base import parse_device
from pydarknet.graph.engine import Engine
from tests.lib import nets


def again(net: Engine, how: str) -> Engine:
    return pickle.loads(pickle.dumps(net)) if how == "pickle" else copy.deepcopy(net)


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
@pytest.mark.parametrize("dialect", [None, "alexeyab"])
def test_the_same_answers(tmp_path: Path, how: str, dialect: str | None):
    cfg, weights = nets.write(tmp_path)
    net = Network(cfg, weights, names=["a", "b", "c"], dialect=dialect)
    net.resize(32, 24)
    other = again(net, how)
    assert isinstance(other, Network)
    assert (other.names, other.width, other.height, other.seen) == (net.names, 32, 24, net.seen)
    assert other.dialect is net.dialect
    x = nets.batch(net)
    np.testing.assert_array_equal(other.forward(x), net.forward(x))
    changed = net.layers[0].parameters
    changed["biases"] = changed["biases"] + 1
    net.parameters_changed()
    assert (other.forward(x) != net.forward(x)).any()


def detect(net: Network) -> list[tuple[int, float]]:
    return [(each.class_id, each.confidence) for each in net.detect(nets.picture(), 0.2)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_in_other_processes():
    net = nets.network()
    expected = detect(net)
    assert expected
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(detect, [net, net]) == [expected, expected]


@pytest.mark.slow
def test_reprs_fit_a_line():
    assert len(repr(Network("yolo9000.cfg").class_tree())) < 80


def test_the_number_of_a_gpu():
    assert parse_device("0") == parse_device("cuda:0") == ("cuda", 0)
