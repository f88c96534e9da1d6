"""Several threads on one network of the drop-in modules."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydarknet.compat.alexeyab as alexeyab
import pydarknet.darknet as pjreddie
from pydarknet.compat._networks import NetworkHandle
from pydarknet.errors import DarknetError

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture(params=[pjreddie, alexeyab], ids=["pjreddie", "alexeyab"])
def dn(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def net(dn: Any) -> NetworkHandle:
    handle: NetworkHandle = dn.load_net(b"cfg/small.cfg", b"small.weights", 0)
    return handle


def predict(dn: Any, net: NetworkHandle, path: str) -> None:
    dn.predict_image(net, dn.load_image(path, 0, 0))


def boxes(dn: Any, net: NetworkHandle) -> list[tuple[float, float]]:
    num = pjreddie.pointer(pjreddie.c_int(0))
    dets = dn.get_network_boxes(net, 96, 64, 0.4, 0.5, None, 0, num)
    return [(dets[i].bbox.x, dets[i].objectness) for i in range(num[0])]


def elsewhere(work: Callable[[], Any]) -> Any:
    """What `work` gives in a thread of its own, which then ends."""
    given: list[Any] = []
    thread = threading.Thread(target=lambda: given.append(work()))
    thread.start()
    thread.join()
    return given[0]


def test_boxes_are_those_of_the_threads_own_prediction(dn: Any, net: NetworkHandle) -> None:
    predict(dn, net, "data/wide.png")
    mine = boxes(dn, net)
    theirs = elsewhere(lambda: (predict(dn, net, "data/tall.png"), boxes(dn, net))[1])
    assert boxes(dn, net) == mine != theirs


def test_each_picture_has_its_own_objects_in_many_threads(dn: Any, net: NetworkHandle) -> None:
    meta, paths = dn.load_meta(b"cfg/small.data"), ("data/wide.png", "data/tall.png")
    wanted = [dn.detect(net, meta, path, 0.4) for path in paths]
    assert wanted[0] != wanted[1]
    found: list[bool] = []

    def work(i: int) -> None:
        found.extend(dn.detect(net, meta, paths[i], 0.4) == wanted[i] for _ in range(20))

    threads = [threading.Thread(target=work, args=(i % 2,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 120


def test_a_thread_without_a_prediction_sees_the_only_one(dn: Any, net: NetworkHandle) -> None:
    """As in scripts that predict in a worker and decode elsewhere."""
    elsewhere(lambda: predict(dn, net, "data/tall.png"))
    elsewhere(lambda: predict(dn, net, "data/wide.png"))
    assert boxes(dn, net) == elsewhere(lambda: (predict(dn, net, "data/wide.png"), boxes(dn, net))[1])
    predict(dn, net, "data/wide.png")
    assert elsewhere(lambda: boxes(dn, net)) == boxes(dn, net)


def test_a_thread_without_a_prediction_may_not_choose_among_several(dn: Any, net: NetworkHandle) -> None:
    predict(dn, net, "data/wide.png")

    def work() -> str:
        predict(dn, net, "data/tall.png")
        return str(elsewhere(lambda: error_of(dn, net)))

    assert "in the thread that called predict_image" in elsewhere(work)


def error_of(dn: Any, net: NetworkHandle) -> str:
    with pytest.raises(DarknetError) as error:
        boxes(dn, net)
    return str(error.value)


def test_a_batch_belongs_to_its_thread() -> None:
    net = alexeyab.load_net_custom("cfg/small.cfg", "small.weights", 0, 2)
    images = np.random.default_rng(0).random((2, 3, 64, 96), np.float32)
    first = alexeyab.network_predict(net, images)[0]
    elsewhere(lambda: predict(alexeyab, net, "data/wide.png"))  # one image
    assert net.batch == 2
    assert alexeyab.network_predict(net, images)[0] == first


def test_predictions_go_with_their_threads(dn: Any, net: NetworkHandle) -> None:
    def work() -> Any:
        predict(dn, net, "data/wide.png")
        return weakref.ref(net.outputs)

    alive = [elsewhere(work) for _ in range(20)]
    gc.collect()
    assert sum(each() is not None for each in alive) == 1  # the last one


def test_after_a_fork_the_prediction_is_still_there(dn: Any, net: NetworkHandle) -> None:
    predict(dn, net, "data/wide.png")
    wanted = boxes(dn, net)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            same = boxes(dn, net) == wanted
            predict(dn, net, "data/tall.png")
            status = 0 if same and boxes(dn, net) != wanted else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert boxes(dn, net) == wanted


def test_a_freed_network_has_no_predictions(dn: Any, net: NetworkHandle) -> None:
    predict(dn, net, "data/wide.png")
    outputs = weakref.ref(net.outputs)
    net.free()
    assert outputs() is None


def test_thresholds_out_of_range(dn: Any, net: NetworkHandle) -> None:
    predict(dn, net, "data/wide.png")
    for thresh, hier in ((50, 0.5), (0.5, -1), (pjreddie.c_float(2), 0.5)):
        with pytest.raises(DarknetError, match="expected a number from 0 to 1"):
            dn.get_network_boxes(net, 96, 64, thresh, hier, None, 0, None)
