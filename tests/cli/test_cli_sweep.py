"""`detector sweep`: a line for each size, the numbers as JSON, and the chart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pydarknet.cli.commands.detector_sweep import sizes
from pydarknet.evaluate.run import evaluate_network
from pydarknet.evaluate.validset import read_found, valid_images
from pydarknet.formats.data import read_data
from pydarknet.network import Network
from tests.cli import valid_set
from tests.cli.valid_set import NETWORK

SWEEP = ("detector", "sweep", "v.data", *NETWORK, "--runs", "2")


@pytest.fixture(autouse=True)
def files(cli) -> None:
    valid_set.write_set()


@pytest.mark.parametrize("command", ["map", "sweep", "valid"])
def test_who_measures_otherwise_than_training_is_told(cli, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pydarknet.train.state.dialect_of", lambda _: "paper2017")
    more = ["--sizes", "32", "--runs", "1"] if command == "sweep" else []
    told = "images by stretch, here by letterbox: --fit stretch measures as training did"
    assert told in cli("detector", command, "v.data", *NETWORK, *more).err
    assert told not in cli("detector", command, "v.data", *NETWORK, *more, "--fit", "stretch").err


def test_each_size_as_detector_map_has_it(cli) -> None:
    result = cli(*SWEEP, "--sizes", "32-96", "--out", "sweep.json", "--chart", "sweep.svg", "--fit", "stretch")
    assert result.code == 0
    head, *lines = result.out.splitlines()
    assert head.split() == ["size", "AP", "%", "ms", "images/s", "GFLOP"]
    saved = json.loads(Path("sweep.json").read_text())
    assert [int(line.split()[0]) for line in lines] == [each["size"] for each in saved["sizes"]] == [32, 64, 96]
    net, data = Network(*NETWORK), read_data("v.data")
    images = valid_images(data)
    for each in saved["sizes"]:
        net.resize(each["size"], each["size"])
        truth, _ = read_found(data, images, 2)
        assert each["ap"] == evaluate_network(net, images.images, truth, fit="stretch").ap
        assert each["flops"] == net.flops
        assert each["seconds"] > 0
    assert (saved["cfg"], saved["iou_thresh"]) == ("net.cfg", 0.5)
    chart = Path("sweep.svg").read_text()
    assert all(f">{size}</text>" in chart for size in (32, 64, 96))


def test_an_image_that_cannot_be_read(cli) -> None:
    valid_set.break_picture()
    result = cli(*SWEEP, "--sizes", "32,64")
    assert result.code == 1
    assert result.err.count("images/p_2.jpg") == 2  # at each size
    assert len(result.out.splitlines()) == 3


def test_sizes_that_are_none(cli) -> None:
    assert sizes("288-608") == list(range(288, 609, 32))
    assert sizes("416") == [416]
    for text in ("608-288", "0", "288:608", "288,", "1-60000", ""):
        assert cli(*SWEEP, "--sizes", text).code == 2


def test_a_size_that_a_layer_cannot_have_is_refused_before_anything_runs(cli) -> None:
    cfg = Path("net.cfg")
    layer = "[convolutional]\nfilters=3\nsize=40\nactivation=linear\n"
    cfg.write_text(cfg.read_text().replace("32", "64").replace("[avgpool]", layer + "[avgpool]"))
    Network(cfg).save_weights("net.weights")
    result = cli(*SWEEP, "--sizes", "64,32")
    assert (result.code, len(result.out.splitlines())) == (2, 1)
    assert "size=40 is larger than the padded input" in result.err


def test_files_that_are_read_are_not_replaced(cli) -> None:
    assert "would replace" in cli(*SWEEP, "--sizes", "32", "--out", "v.data").err
    assert "would replace" in cli(*SWEEP, "--sizes", "32", "--chart", "net.weights").err
