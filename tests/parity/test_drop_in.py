"""pydarknet.darknet against what it takes the place of: Debian's library, with the same weights and images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydarknet.darknet as dn

from .oracle import Oracle, letterbox_image, load_image
from .oracle_library import CFG, DATA
from .random_weights import random_oracle

SIZE = 96
THRESH = 0.1  # random weights are sure of nothing


@pytest.fixture(scope="module", params=["yolov2-tiny.cfg", "yolov3-tiny.cfg"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Oracle, dn.NetworkHandle]:
    """The same network there and here, at a small size."""
    weights = tmp_path_factory.mktemp("drop_in") / "random.weights"
    oracle = random_oracle(CFG / request.param, weights, 11, SIZE, SIZE)
    net = dn.load_net(str(CFG / request.param), str(weights), 0)
    net.network.resize(SIZE, SIZE)
    return oracle, net


@pytest.fixture(scope="module")
def meta(tmp_path_factory: pytest.TempPathFactory) -> dn.METADATA:
    path = tmp_path_factory.mktemp("meta") / "coco.data"
    path.write_text(f"classes=80\nnames={DATA / 'coco.names'}\n")
    return dn.load_meta(str(path).encode())


def sort_ties(wanted: list[tuple[Any, ...]], found: list[tuple[Any, ...]]) -> None:
    """By their boxes, where roundings decide which probability is the larger one."""
    for i in range(len(wanted) - 1):
        name, p, *_ = wanted[i + 1]
        if wanted[i][0] == name and p - wanted[i][1] <= 1e-5 * p:
            for rows in (wanted, found):
                rows[i : i + 2] = sorted(rows[i : i + 2], key=lambda row: row[2:])


@pytest.mark.parametrize("name", ["dog.jpg", "person.jpg"])
def test_detect(both: tuple[Oracle, dn.NetworkHandle], meta: dn.METADATA, name: str) -> None:
    oracle, net = both
    picture = load_image(DATA / name)
    _, height, width = picture.shape
    oracle.predict(letterbox_image(picture, SIZE, SIZE))
    theirs = oracle.detections(width, height, THRESH, 0.5, nms=0.45, kind="obj", relative=False)
    wanted = sorted(
        (meta.names[i], float(theirs.prob[j, i]), *map(float, theirs.boxes[j]))
        for j, i in np.argwhere(theirs.prob > 0)
    )
    found = sorted((name, p, *box) for name, p, box in dn.detect(net, meta, str(DATA / name).encode(), THRESH))
    sort_ties(wanted, found)
    assert [row[0] for row in found] == [row[0] for row in wanted]
    assert len(found) > 0
    # float32 sums in another order, up to 24 layers; boxes are exponentials of such sums, in pixels.
    np.testing.assert_allclose([row[1] for row in found], [row[1] for row in wanted], rtol=1e-4)
    np.testing.assert_allclose([row[2:] for row in found], [row[2:] for row in wanted], rtol=1e-3, atol=0.05)


def test_predict_image(both: tuple[Oracle, dn.NetworkHandle]) -> None:
    oracle, net = both
    wanted = oracle.predict(letterbox_image(load_image(DATA / "dog.jpg"), SIZE, SIZE))
    found = np.array(dn.predict_image(net, dn.load_image(str(DATA / "dog.jpg"), 0, 0))[: wanted.size], np.float32)
    assert np.linalg.norm(found - wanted) < 1e-4 * np.linalg.norm(wanted)


def test_pictures() -> None:
    im = dn.load_image(str(DATA / "dog.jpg").encode(), 0, 0)
    picture = load_image(DATA / "dog.jpg")
    np.testing.assert_array_equal(np.ctypeslib.as_array(im.data, picture.shape), picture)
    boxed = dn.letterbox_image(im, 77, 50)
    wanted = letterbox_image(picture, 77, 50)
    np.testing.assert_allclose(np.ctypeslib.as_array(boxed.data, wanted.shape), wanted, atol=1e-6)


def test_classify(tmp_path: Path) -> None:
    weights = tmp_path / "random.weights"
    with random_oracle(CFG / "darknet.cfg", weights, 12, 64, 64) as oracle:
        wanted = oracle.predict(letterbox_image(load_image(DATA / "dog.jpg"), 64, 64))
    (tmp_path / "names").write_text("\n".join(map(str, range(wanted.size))))
    (tmp_path / "net.data").write_text(f"classes={wanted.size}\nnames={tmp_path / 'names'}\n")
    net = dn.load_net(str(CFG / "darknet.cfg"), str(weights), 0)
    net.network.resize(64, 64)
    found = dn.classify(net, dn.load_meta(str(tmp_path / "net.data")), dn.load_image(str(DATA / "dog.jpg"), 0, 0))
    probabilities = [p for _, p in found]
    assert probabilities == sorted(probabilities, reverse=True)
    for name, probability in found:
        assert probability == pytest.approx(float(wanted[int(name)]), rel=1e-3, abs=1e-7)
