"""Recurrent layers: time, streams, the state as the caller's own, and the way back through time."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet import CfgError, ExportError, Network, WeightsError
from pydarknet.detection.options import DetectOptions
from pydarknet.dialects import DIALECTS
from pydarknet.evaluate.run import detect_all
from pydarknet.export import npz, onnx
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.formats.weights import read_header, save_weights
from pydarknet.graph.engine import Engine
from pydarknet.surgery import denormalize
from pydarknet.train.step import Stepper
from pydarknet.video.averaging import Averager
from tests.lib import nets
from tests.lib.toy_training import make

FLAT = "[net]\ninputs=7\nbatch=2\ntime_steps=4\nlearning_rate=.1\nmomentum=0\ndecay=0\n"
IMAGE = FLAT.replace("inputs=7", "width=5\nheight=4\nchannels=3")
LOSS = "[connected]\noutput=7\nactivation=linear\n[softmax]\n"
LAYERS = {
    "rnn": FLAT + "[rnn]\noutput=5\nhidden=6\nactivation=tanh\nlogistic=1\n",
    "rnn, shortcut": FLAT + "[rnn]\noutput=5\nactivation=tanh\nshortcut=1\n",
    "gru": FLAT + "[gru]\noutput=5\n[gru]\noutput=4\ntanh=1\n",
    "lstm": FLAT + "[lstm]\noutput=5\n[lstm]\noutput=6\n",
    "crnn": IMAGE
    + "[crnn]\noutput=5\nhidden=4\npad=1\nactivation=swish\n[crnn]\noutput_filters=2\nhidden_filters=3\n",
    "crnn, dilated": IMAGE + "[crnn]\noutput=5\nhidden=4\npad=1\ndilation=2\nactivation=tanh\nshortcut=1\n",
    "conv_lstm": IMAGE + "[conv_lstm]\noutput=4\npad=1\npeephole=1\nactivation=tanh\n[conv_lstm]\noutput=3\nsize=1\n",
    "conv_lstm, bottleneck": IMAGE
    + "[conv_lstm]\noutput=3\npad=1\nbottleneck=1\nshortcut=1\nlstm_activation=swish\n",
    "history": IMAGE + "[convolutional]\nfilters=5\nactivation=tanh\n[history]\nhistory_size=3\n",
}
STEPS, STREAMS = 4, 2
anywhere = pytest.mark.parametrize("device", ["cpu", "emu"])


def network(text: str, device: str = "cpu") -> Network:
    precision = None if device == "cpu" else "fp32"
    return Network(parse_cfg_text(text, "a.cfg"), device=device, precision=precision, dialect="darknet2018", seed=3)


def images(net: Engine) -> np.ndarray:
    return np.random.default_rng(1).random((STEPS * STREAMS, *net.inputs), dtype=np.float32)


@anywhere
@pytest.mark.parametrize("name", LAYERS)
def test_all_times_at_once_and_one_after_the_other(name: str, device: str) -> None:
    net = network(LAYERS[name], device)
    x, session = images(net), net.state()
    whole = net.forward(x, steps=STEPS)
    parts = [net.forward(part, session=session) for part in np.split(x, STEPS)]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-5, atol=1e-6)
    assert abs(whole[:STREAMS] - net.forward(x)[:STREAMS]).max() < 1e-6  # the first time has no past
    assert abs(whole - net.forward(x)).max() > 1e-4


@pytest.mark.parametrize("name", LAYERS)
def test_a_state_saved_gone_on_with_and_begun_anew(name: str) -> None:
    net = network(LAYERS[name])
    x, session, later = images(net)[:STREAMS], net.state(), net.state()
    first = net.forward(x, session=session)
    saved = session.save()
    second = net.forward(x, session=session)
    assert abs(second - first).max() > 1e-4
    later.load(saved)
    np.testing.assert_array_equal(net.forward(x, session=later), second)
    later.load(saved)
    later.reset(stream=1)
    mixed = net.forward(x, session=later)
    np.testing.assert_array_equal(mixed[0], second[0])
    np.testing.assert_array_equal(mixed[1], first[1])
    session.reset()
    np.testing.assert_array_equal(net.forward(x, session=session), first)


def test_a_state_is_plain_on_every_backend() -> None:
    """What one backend has saved another one goes on with."""
    net, other = network(LAYERS["lstm"]), network(LAYERS["lstm"], "emu")
    x, session, there = images(net)[:STREAMS], net.state(), other.state()
    net.forward(x, session=session)
    there.load(session.save())
    assert list(session.save()) == ["0.h", "0.c", "1.h", "1.c"]
    np.testing.assert_allclose(other.forward(x, session=there), net.forward(x, session=session), rtol=1e-5)


@pytest.mark.parametrize("steps", [0, 3, 16])
def test_steps_that_dont_divide_the_images(steps: int) -> None:
    net = network(LAYERS["gru"])
    with pytest.raises(ValueError, match=f"steps={steps}: expected a number that divides the 8 images"):
        net.forward(images(net), steps=steps)


@pytest.mark.parametrize(("steps", "device"), [(STEPS, "cpu"), (STEPS, "emu"), (1, "cpu")])
@pytest.mark.parametrize("name", LAYERS)
def test_the_way_back_is_that_of_the_loss(name: str, steps: int, device: str) -> None:
    """Through time and through the state, against differences of the loss."""
    text = (LAYERS[name] + LOSS).replace("time_steps=4", f"time_steps={steps}")
    s = Stepper(network(text, device), DIALECTS["darknet2018"], sequences=True)
    x, rng = images(s.engine)[: s.mini_batch], np.random.default_rng(2)
    truth = np.eye(7, dtype=np.float32)[rng.integers(0, 7, len(x))]
    s.mini(x, truth)
    s.session.reset()
    s.parameters.updates[...] = 0
    s.mini(x, truth)
    downhill = s.parameters.updates.copy()

    def loss() -> float:
        for plan in s._plans.values():
            for step in plan.refresh:
                step()
        s.session.reset()
        return s.mini(x, truth).cost

    direction = rng.standard_normal(downhill.size).astype(np.float32)
    direction /= np.linalg.norm(direction)
    values = s.parameters.values.copy()
    for way in (direction, downhill / np.linalg.norm(downhill)):
        ends = []
        for size in (1e-2, -1e-2):
            s.parameters.values[...] = values + np.float32(size) * way
            ends.append(loss())
        slope = (ends[0] - ends[1]) / 2e-2
        assert abs(slope + downhill @ way) < 2e-3 * np.linalg.norm(downhill)


def test_training_carries_the_state_of_each_stream() -> None:
    s = Stepper(network(LAYERS["gru"] + LOSS), DIALECTS["darknet2018"], sequences=True)
    x, truth = images(s.engine), np.zeros((STEPS * STREAMS, 7), np.float32)
    truth[:, 0] = 1
    first, second = s.mini(x, truth).cost, s.mini(x, truth).cost
    assert first != second
    s.session.reset(0)
    mixed = s.mini(x, truth).cost
    s.session.reset()
    assert s.mini(x, truth).cost == first != mixed


def test_memory_is_measured_before_the_training() -> None:
    from pydarknet.train.memory import step_bytes

    s = Stepper(network(LAYERS["lstm"] + LOSS), DIALECTS["darknet2018"], sequences=True)
    short = Stepper(network((LAYERS["lstm"] + LOSS).replace("steps=4", "steps=1")), s.dialect, sequences=True)
    needed, packed = step_bytes(s, (1, 1))
    assert needed == s._plan().plan.bytes
    activations, of_one = step_bytes(short, (1, 1), once=False)
    assert packed < 2 * of_one  # weights are packed once, not at each time
    assert needed > 2 * activations


def test_one_stream_has_no_variance() -> None:
    text = (LAYERS["gru"] + LOSS).replace("batch=2", "batch=1").replace("[gru]\n", "[gru]\nbatch_normalize=1\n", 1)
    s = Stepper(network(text), DIALECTS["darknet2018"], sequences=True)
    with pytest.raises(CfgError, match=r"a\.cfg:9: \[gru\] batch_normalize=1 can't be trained with one stream"):
        s._plan()


@pytest.mark.parametrize(("name", "of_pjreddie"), [("gru", "wz wr wh uz ur uh"), ("lstm", "wi wf wo wg ui uf uo ug")])
def test_darknets_store_gates_in_orders_of_their_own(name: str, of_pjreddie: str, tmp_path: Path) -> None:
    text, path = LAYERS[name], tmp_path / "a.weights"
    net = network(text)
    biases = [r.name.partition(".")[0] for r in net.layers[0].records if r.kind == "biases"]
    assert biases == of_pjreddie.split()
    x = images(net)
    net.save_weights(path)
    theirs = Network(parse_cfg_text(text), path, dialect="alexeyab")
    assert abs(theirs.forward(x) - net.forward(x)).max() > 1e-3
    theirs.adopt(DIALECTS["darknet2018"])
    theirs.load_weights(path)
    np.testing.assert_array_equal(theirs.forward(x), net.forward(x))
    warned = Network(parse_cfg_text(text), path, dialect="alexeyab").warnings
    assert any(f"is pjreddie's, by its version; their order of [{name}]" in warning for warning in warned)


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_a_files_version_tells_whose_order_it_has(name: str, tmp_path: Path) -> None:
    text, path = LAYERS[name], tmp_path / "a.weights"
    for dialect, version in (("darknet2018", (0, 2, 0)), ("alexeyab", (0, 2, 5))):
        net = Network(parse_cfg_text(text), dialect=dialect, seed=1)
        net.save_weights(path)
        header = read_header(path)
        assert (header.major, header.minor, header.revision) == version
        read = Network(parse_cfg_text(text), path)
        np.testing.assert_array_equal(read.forward(images(net)), net.forward(images(net)))
    save_weights(path, net.layers, 0, (0, 1, 0))
    with pytest.raises(WeightsError, match=rf"layer 0 \({name}\) is stored in one way or another"):
        Network(parse_cfg_text(text), path)


def test_folded_and_exported_by_names_of_pytorch(tmp_path: Path) -> None:
    net = network(LAYERS["crnn"].replace("pad=1\n", "pad=1\nbatch_normalize=1\n"))
    for layer in net.layers:
        for record in layer.records:
            if record.kind in ("scales", "rolling_variance"):
                layer.parameters[record.name] = np.random.default_rng(4).uniform(0.5, 1.5, record.shape).astype("f4")
    net.parameters_changed()
    x = images(net)
    before = net.forward(x, steps=STEPS)
    npz.save(net, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        assert {"layers.0.self.conv.weight", "layers.0.self.bn.bias", "layers.1.output.conv.bias"} <= {*file}
    other = Network(net.cfg, seed=9)
    npz.load(tmp_path / "a.npz", other)
    other.adopt(net.dialect)
    np.testing.assert_array_equal(other.forward(x, steps=STEPS), before)
    folded, changes = denormalize(net)
    assert [change.key for change in changes] == ["batch_normalize"]
    np.testing.assert_allclose(folded.forward(x, steps=STEPS), before, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_no_model_in_onnx(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    with pytest.raises(ExportError, match=r"a\.cfg:\d+: layer \d .* can't be expressed in ONNX, since it remembers"):
        onnx.save(network(LAYERS[name]), tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()


def test_images_in_no_order_train_no_memory(tmp_path: Path) -> None:
    from pydarknet.train.trainer import Trainer

    data, _ = make(tmp_path)
    cfg = tmp_path / "toy.cfg"
    section = "[crnn]\noutput_filters=3\nhidden_filters=3\n\n"
    cfg.write_text(cfg.read_text().replace("[convolutional]", section + "[convolutional]", 1))
    with pytest.raises(CfgError, match=r"toy\.cfg:\d+: \[crnn\] learns from sequences"):
        Trainer(cfg, data)


def test_evaluation_on_a_film(tmp_path: Path) -> None:
    """With track=1 each image of a list is seen with those before it, as in a video; without it alone."""
    section = "[conv_lstm]\noutput=16\nsize=1\nactivation=linear\n"
    text = nets.DETECTOR.replace("[convolutional]\nfilters=16\nactivation=linear\n", section)
    options, paths = DetectOptions(0.01, fit="stretch"), []
    frames = [nets.picture(seed=seed) for seed in range(4)]
    for number, frame in enumerate(frames):
        paths.append(str(tmp_path / f"{number}.png"))
        cv2.imwrite(paths[-1], frame)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"none")
    for track in (0, 1):
        net = nets.network(text, size=32)
        net.cfg.net.set("track", track)
        video = Averager(net, 1)
        expected = [video.detect(each, options) if track else net.find([each], options)[0] for each in frames]
        seen = list(detect_all(net, [paths[0], str(broken), *paths[1:]], options=options))
        assert [each.detections for each in seen if each.error is None] == expected
        assert seen[1].error is not None


def test_frames_of_a_video_are_remembered(tmp_path: Path) -> None:
    """A demo's averages, of one frame too, carry the state from frame to frame; an image by itself has no past."""
    section = "[conv_lstm]\noutput=16\nsize=1\nactivation=linear\n"
    net = nets.network(nets.DETECTOR.replace("[convolutional]\nfilters=16\nactivation=linear\n", section), size=32)
    assert net.remembers
    assert not nets.network(size=32).remembers
    options, frames = DetectOptions(0.01), [nets.picture(seed=seed) for seed in range(3)]
    alone = [net.find([frame], options)[0] for frame in frames]
    video = Averager(net, 1)
    seen = [video.detect(frame, options) for frame in frames]
    assert seen[0] == alone[0]
    assert seen[1] != alone[1]
    video.session.reset()
    assert [video.detect(frame, options) for frame in frames] == seen
