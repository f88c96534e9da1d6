"""Networks on a device whose arrays can't be read by accident: the same numbers as on the CPU, and few transfers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydarknet import Network, Trainer
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.train.validation import Validation
from tests.lib import nets, toy_training, tree_nets
from tests.lib.fake_cupy import Machine, Sealed
from tests.lib.networks_trained import IN_DIALECTS, steppers, truth_of


def pair(text: str) -> tuple[Network, Network]:
    """The same network on the CPU and on the device."""
    return nets.from_text(text), Network(parse_cfg_text(text, "small.cfg"), device="cuda")


@pytest.mark.parametrize("kind", nets.LAYERS)
def test_every_layer(machine: Machine, kind: str) -> None:
    text = nets.layer_network(kind).cfg
    here, there = Network(text), Network(text, device="cuda")
    for seed in range(3):  # as it is, recorded, launched again
        x = nets.batch(here, 2, seed)
        np.testing.assert_array_equal(here.forward(x), there.forward(x))
        for mine, theirs in zip(here.layers, there.layers, strict=True):
            np.testing.assert_array_equal(mine.output, theirs.output)
    assert machine.launches >= 2


def test_recorded_plans_follow_weights_sizes_and_batches(machine: Machine, tmp_path: Path) -> None:
    here, there = pair(nets.net_text(nets.DETECTOR))
    _, weights = nets.write(tmp_path)

    def change(net: Network) -> None:
        net.layers[0].parameters["weights"] *= -0.5
        net.layers[4].parameters["biases"] += 1
        net.parameters_changed()

    changes = [
        lambda net: None,
        change,
        lambda net: net.resize(8, 8),
        lambda net: net.load_weights(weights),
        lambda net: net.resize(16, 16),
    ]
    seen = []
    for apply in changes:
        for net in (here, there):
            apply(net)
        for count in (1, 2):
            for seed in range(3):  # as it is, recorded, launched again
                x = nets.batch(here, count, seed)
                seen.append(here.forward(x))
                np.testing.assert_array_equal(there.forward(x), seen[-1])
    assert machine.launches == len(changes) * 2 * 2
    assert len({output.tobytes() for output in seen}) == len(seen)  # every change is one


def test_a_forward_pass_takes_one_array_in_and_one_out(machine: Machine) -> None:
    _, net = pair(nets.net_text(nets.DETECTOR))
    net.forward(nets.batch(net, 2))
    machine.taken()
    for seed in range(3):
        x = nets.batch(net, 2, seed)
        output = net.forward(x)
        assert machine.taken() == [("in", x.nbytes), ("out", output.nbytes)]


def test_detection_takes_pictures_in_and_boxes_above_the_threshold_out(machine: Machine) -> None:
    here, there = pair(nets.net_text(nets.DETECTOR))
    pictures = [nets.picture(seed=seed) for seed in range(3)]
    expected = here.detect(pictures, thresh=0.25, nms=0, batch=3)
    there.detect(pictures, batch=3)
    machine.taken()
    assert there.detect(pictures, thresh=0.25, nms=0, batch=3) == expected
    assert any(expected)
    *given, starts, numbers, values = machine.taken()
    assert given == [("in", p.nbytes) for p in pictures]
    assert starts == ("out", 4 * 4)
    head: Any = there.heads()[0]
    entries = head.classes + 5
    assert values == ("out", numbers[1] * entries)
    assert 0 < values[1] < 3 * there.outputs.size * 4


@pytest.mark.parametrize("kind", ["sort", "obj"])
def test_the_device_suppresses(machine: Machine, kind: str) -> None:
    here, there = pair(nets.net_text(nets.DETECTOR, 32))
    picture = nets.picture(seed=1)
    options = {"thresh": 0.1, "nms": 0.1, "nms_kind": kind}
    expected = here.detect(picture, **options)
    assert 0 < len(expected) < len(here.detect(picture, thresh=0.1, nms=0))
    there.detect(picture, thresh=0.1, nms=0)
    machine.taken()
    assert there.detect(picture, **options) == expected
    boxes, starts, alive = machine.taken()[-3:]
    assert (boxes[0], starts[0]) == ("in", "in")
    assert alive == ("out", boxes[1] // 4)


def test_weights_are_transferred_once(machine: Machine) -> None:
    net = nets.from_text(nets.net_text(nets.DETECTOR))
    device = Network(net.cfg, device="cuda")
    floats = 4 * sum(record.size for layer in device.layers for record in layer.records)
    machine.taken()
    with device.plan(1), device.plan(1), device.plan(2):
        pass
    assert sum(size for _, size in machine.taken()) <= floats


def test_arrays_of_the_device_go_in_and_out_without_a_transfer(machine: Machine) -> None:
    here, there = pair(nets.net_text(nets.DETECTOR))
    x = nets.batch(here, 2)
    given = there.backend.to_device(x)
    there.forward(x)
    machine.taken()
    output = there.forward(given, on_device=True)
    assert machine.taken() == []
    assert isinstance(output, Sealed)
    there.forward(1 - x)
    np.testing.assert_array_equal(there.backend.to_host(output), here.forward(x))


def test_arrays_elsewhere_are_refused(machine: Machine) -> None:
    here, there = pair(nets.net_text(nets.DETECTOR))
    given = there.backend.to_device(nets.batch(here, 1))
    with pytest.raises(ValueError, match=r'the array is on a device, the network on cpu.*device="cuda"'):
        here.forward(given)
    with pytest.raises(ValueError, match="the array is on GPU 0, the network on cuda:1"):
        Network(there.cfg, device="cuda:1").forward(given)
    with pytest.raises(ValueError, match="expected an array of float32, found uint8"):
        there.forward(there.backend.empty((1, *there.inputs), "uint8"))


def test_streams_have_plans_of_their_own(machine: Machine) -> None:
    _, net = pair(nets.net_text(nets.DETECTOR))
    with net.plan(1) as plan:
        pass
    machine.stream = 9
    with net.plan(1) as other:
        assert other is not plan
    machine.stream = 7
    with net.plan(1) as again:
        assert again is plan


# Numbers that the host draws go in beside images and truths.
DRAWN = {"detection": 1, "dropout": 1, "dropblock": 1}


@pytest.mark.parametrize(("kind", "name"), IN_DIALECTS)
def test_training(machine: Machine, kind: str, name: str, tmp_path: Path) -> None:
    here, there = steppers(kind, name, tmp_path, "cpu", "cuda")
    rng = np.random.default_rng(1)
    for _ in range(2):
        for _ in range(2):
            x = rng.random((2, *here.engine.inputs), np.float32)
            truth = truth_of(here, rng)
            there._plan()
            machine.taken()
            assert here.mini(x, truth) == there.mini(x, truth)
            taken = machine.taken()
            assert taken[:2] == [("in", x.nbytes), ("in", truth.nbytes)]
            assert [way for way, _ in taken[2:]] == ["in"] * DRAWN.get(kind, 0)
        assert here.update() == there.update()
        assert machine.taken() == []
    there.publish()
    assert machine.launches == 0
    for mine, theirs in zip(here.engine.layers, there.engine.layers, strict=True):
        for record in mine.records:
            ours, others = mine.parameters[record.name], theirs.parameters[record.name]
            np.testing.assert_array_equal(ours, others, err_msg=f"{mine} {record.name}")
    x = rng.random((1, *here.engine.inputs), np.float32)
    here.publish()
    np.testing.assert_array_equal(here.engine.forward(x), there.engine.forward(x))


def test_a_run_is_saved_and_resumed(machine: Machine, tmp_path: Path) -> None:
    weights = []
    for device in ("cpu", "cuda"):
        data, cfg = toy_training.make(tmp_path / device)
        with Trainer(cfg, data, max_batches=6, save_every=2, device=device) as trainer:
            for _ in range(2):
                next(trainer)
        with Trainer(cfg, data, max_batches=6, resume=True, device=device) as trainer:
            trainer.run()
            weights.append(trainer.files.final.read_bytes())
            assert trainer.engine.backend.name.startswith(device)
    assert weights[0] == weights[1]
    assert machine.launches == 0


def test_a_spoilt_parameter_is_found(machine: Machine, tmp_path: Path) -> None:
    from pydarknet.errors import TrainingError

    data, cfg = toy_training.make(tmp_path)
    with Trainer(cfg, data, device="cuda") as trainer:
        trainer.stepper.parameters.update_of(trainer.engine.layers[2], "weights")._hidden[0] = np.inf
        with pytest.raises(TrainingError, match=r"the update of weights of layer 2 .* is infinite"):
            next(trainer)


def test_a_run_is_judged_on_the_device(machine: Machine, tmp_path: Path) -> None:
    scores = []
    for device in ("cpu", "cuda"):
        data, cfg = toy_training.make(tmp_path / device)
        data.write_text(data.read_text() + f"valid = {data.parent}/train.txt\n")
        with Trainer(cfg, data, max_batches=12, map=Validation(every=6), device=device) as trainer:
            trainer.run()
            scores.append(trainer.history.scores)
    assert scores[0] == scores[1]
    assert len(scores[0]) == 2
    assert machine.launches > 0


def test_classes_of_a_tree_come_level_by_level(machine: Machine, tmp_path: Path) -> None:
    here, there = (tree_nets.detector(tmp_path, 1, device=device) for device in ("cpu", "cuda"))
    picture, way = nets.picture(), {"thresh": 0.9, "nms": 0}
    expected = here.detect(picture, **way)
    assert there.detect(picture, **way) == expected
    machine.taken()
    assert there.detect(picture, **way) == expected
    taken = machine.taken()[4:]  # after image and boxes
    assert 0 < len(taken) <= 4 * (1 + max(len(each.path) for each in expected))
    assert [way for way, _ in taken] == ["in", "in", "in", "out"] * (len(taken) // 4)
    assert sum(size for way, size in taken if way == "out") < 4 * len(expected) * there.classes
