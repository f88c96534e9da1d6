"""Networks of one channel, of four, and of other numbers: images, arrays, training, evaluating, old scripts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydarknet.compat.alexeyab as alexeyab
import pydarknet.darknet as dn
from pydarknet.cli.main import main
from pydarknet.detection.options import DetectOptions
from pydarknet.errors import DataError, ImageError
from pydarknet.images.channels import as_picture
from pydarknet.images.draw import draw as draw_boxes
from pydarknet.images.image import load_image, save_image
from pydarknet.images.size import picture_size
from pydarknet.network import Network
from pydarknet.train.augment import Canvas, Classification, Colour, Crop, Turn
from pydarknet.train.trainer import Trainer
from tests.lib import nets, toy_training

DRAWS = [
    Crop(-3, 2, 30, 20, True, Colour(0.1, 1.4, 1.2)),
    Canvas(20, 18, 3, -2, False, Colour(0.1, 1.4, 1.2)),
    Turn(0.3, 1.2, 1.1, 2, -1, False, True, Colour(0.1, 1.4, 1.2)),
]


def answers(net: Network, given: Any, **options: Any) -> list[tuple[int, float]]:
    """What is found, in figures of a hundred-thousandth."""
    found = net.detect(given, thresh=0.1, **options)
    assert found
    return [(each.class_id, round(each.confidence, 5)) for each in found]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """colour.png, grey.png and alpha.png of the same size."""
    monkeypatch.chdir(tmp_path)
    colour = nets.picture(40, 30)
    save_image("colour.png", colour)
    save_image("grey.png", cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY))
    save_image("alpha.png", np.dstack([colour, nets.picture(40, 30, seed=5)[:, :, :1]]))
    return tmp_path


# One channel


def test_grey_is_the_same_in_every_form(files: Path) -> None:
    net = nets.network(channels=1, size=32)
    colour, grey = load_image("colour.png"), cv2.imread("grey.png", cv2.IMREAD_GRAYSCALE)
    wanted = answers(net, "colour.png")
    for given in (colour, "grey.png", grey, grey[:, :, None], grey / np.float32(255), load_image("alpha.png")):
        assert answers(net, given) == wanted
    assert answers(net, colour[:, :, ::-1], color="rgb") == wanted
    both = net.detect([colour, "grey.png"], thresh=0.1)
    assert [[(d.class_id, round(d.confidence, 5)) for d in found] for found in both] == [wanted] * 2


def test_the_input_is_opencvs_grey(files: Path) -> None:
    net = nets.network(channels=1, size=32)
    x = np.empty((1, 1, 32, 32), np.float32)
    net.fit_pictures(x, [load_image("colour.png")], "stretch")
    wide = np.empty((1, 3, 32, 32), np.float32)
    nets.network(size=32).fit_pictures(wide, [cv2.cvtColor(cv2.imread("grey.png", 0), cv2.COLOR_GRAY2BGR)], "stretch")
    np.testing.assert_array_equal(x[0, 0], wide[0, 1])


def test_what_is_drawn_keeps_its_colours(files: Path) -> None:
    cfg, weights = nets.write(files, channels=1, size=32)
    assert main(["detect", str(cfg), str(weights), "colour.png", "-thresh", "0.999", "--out", "drawn.png"]) == 0
    np.testing.assert_array_equal(load_image("drawn.png"), load_image("colour.png"))
    assert draw_boxes(load_image("alpha.png", 4), []).shape == (30, 40, 3)


@pytest.mark.parametrize("average", ["1", "3"])
def test_a_demo(files: Path, average: str) -> None:
    cfg, weights = nets.write(files, channels=1, size=32)
    words = ["demo", str(cfg), str(weights), "colour.png", "-avg", average, "-prefix", "frame", "-thresh", "0.999"]
    assert main(words) == 0
    drawn = load_image("frame_00000000.jpg")
    assert np.any(drawn[:, :, 0] != drawn[:, :, 2])


@pytest.mark.parametrize("module", [dn, alexeyab])
def test_old_scripts(files: Path, module: Any) -> None:
    cfg, weights = nets.write(files, channels=1, size=32)
    handle = module.load_net(str(cfg), str(weights), 0)
    grey = dn.make_image(40, 30, 1)
    alexeyab.copy_image_from_bytes(grey, cv2.imread("grey.png", 0).tobytes())
    fit = "letterbox" if module is dn else "stretch"
    wanted = Network(cfg, weights).predict(load_image("colour.png"), fit)  # type: ignore[arg-type]
    for image in (dn.load_image("colour.png"), grey):
        found = module.predict_image(handle, image)[: wanted.size]
        order = wanted if module is dn else wanted.reshape(wanted.shape[0], -1).T
        np.testing.assert_allclose(found, order.reshape(-1), atol=0.01)  # grey is rounded to a byte in one of them


# Four channels, and others


def test_four_channels_have_alpha(files: Path) -> None:
    net = nets.network(channels=4, size=32)
    four = load_image("alpha.png", 4)
    np.testing.assert_array_equal(four, cv2.imread("alpha.png", cv2.IMREAD_UNCHANGED))
    assert answers(net, "alpha.png") == answers(net, four) == answers(net, four[:, :, [2, 1, 0, 3]], color="rgb")
    x = np.empty((1, 4, 30, 40), np.float32)
    net.resize(40, 32)
    net.fit_pictures(x, [four], "stretch")
    np.testing.assert_allclose(x[0].transpose(1, 2, 0) * 255, four[:, :, [2, 1, 0, 3]], atol=1e-4)
    with pytest.raises(ImageError, match=r"colour\.png: has no alpha, and the network takes 4 channels"):
        net.detect("colour.png")
    with pytest.raises(ImageError, match=r"4 channels: expected an image of shape \(height, width, 4\), found \(30"):
        net.detect(load_image("colour.png"))


def test_other_channels_are_arrays(files: Path) -> None:
    net = nets.network(channels=2, size=32)
    two = nets.picture(40, 30)[:, :, :2]
    assert answers(net, two) == answers(net, two / np.float64(255))
    x = np.empty((1, 2, 32, 32), np.float32)
    net.fit_pictures(x, [as_picture(two, channels=2)], "stretch")
    wide = np.empty((1, 3, 32, 32), np.float32)
    nets.network(size=32).fit_pictures(wide, [nets.picture(40, 30)], "stretch")
    np.testing.assert_array_equal(x[0], wide[0, ::-1][:2])  # in the array's order
    with pytest.raises(ImageError, match=r"colour\.png: the network takes 2 channels, and image files"):
        net.detect("colour.png")
    with pytest.raises(ImageError, match=r"expected an image of shape \(height, width, 2\), found \(30, 40\)"):
        net.detect(two[:, :, 0])
    with pytest.raises(ImageError, match="the network takes 2 channels, the image has 3"):
        net.find([nets.picture(4, 4)], DetectOptions())


# Training and evaluating


@pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: type(draw).__name__)
def test_augmentation_in_grey_and_with_alpha(draw: Any) -> None:
    """Grey goes the way of a grey image of three channels; alpha keeps its values and goes where the colours go."""
    colour, alpha = nets.picture(40, 30), nets.picture(40, 30, seed=5)
    grey = cv2.cvtColor(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    one, three, four, neutral = (np.empty((n, 24, 32), np.float32) for n in (1, 3, 4, 3))
    draw.apply(colour, one)
    draw.apply(grey, three)
    np.testing.assert_array_equal(one[0], three[1])
    draw.apply(np.dstack([colour, alpha[:, :, 0]]), four)
    draw.apply(colour, three)
    np.testing.assert_array_equal(four[:3], three)
    replace(draw, colour=Colour()).apply(alpha, neutral)
    np.testing.assert_array_equal(four[3], neutral[2])


def grey_set(folder: Path, channels: int = 1) -> tuple[Path, Path]:
    data, cfg = toy_training.make(folder)
    data.write_text(data.read_text() + f"valid = {folder}/train.txt\nlabels = {folder}/toy.names\n")
    for path in (cfg, cfg.parent / "classifier.cfg"):
        path.write_text(path.read_text().replace("channels=3", f"channels={channels}"))
    return data, cfg


def test_a_detector_learns_and_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, cfg = grey_set(tmp_path)
    assert main(["detector", "train", str(data), str(cfg), "--max-batches", "3", "--no-chart", "-map"]) == 0
    trained = [str(data), str(cfg), str(tmp_path / "backup/toy_final.weights")]
    for verb in ("map", "recall"):
        assert main(["detector", verb, *trained]) == 0
    assert main(["detector", "valid", *trained, "-out", str(tmp_path / "found_")]) == 0


def test_a_classifier_learns_and_is_judged(tmp_path: Path) -> None:
    data, cfg = grey_set(tmp_path)
    cfg = cfg.parent / "classifier.cfg"
    assert main(["classifier", "train", str(data), str(cfg), "--max-batches", "3", "--no-chart"]) == 0
    weights = str(tmp_path / "backup/classifier_final.weights")
    assert main(["classifier", "valid", str(data), str(cfg), weights]) == 0
    picture = str(next((tmp_path / "images").iterdir()))
    assert main(["classify", str(cfg), weights, picture]) == 0


def test_learning_from_grey_is_learning_from_the_same_planes(tmp_path: Path) -> None:
    """What the network of one channel is given is what a loader of grey images gives."""
    data, cfg = grey_set(tmp_path)
    with Trainer(cfg, data) as trainer:
        batch = next(trainer.loader)
    assert batch.x.shape == (2, 1, 32, 32)
    for path in (tmp_path / "images").iterdir():
        save_image(path, cv2.cvtColor(load_image(path), cv2.COLOR_BGR2GRAY))
    with Trainer(cfg, data) as trainer:
        np.testing.assert_array_equal(next(trainer.loader).x, batch.x)


def test_training_with_alpha_needs_alpha(tmp_path: Path) -> None:
    data, cfg = grey_set(tmp_path, 4)
    with Trainer(cfg, data) as trainer, pytest.raises(DataError, match="has no alpha"):
        trainer.run()
    for path in (tmp_path / "images").iterdir():
        image = load_image(path)
        save_image(path, np.dstack([image, 255 - image[:, :, 0]]))
    with Trainer(cfg, data, max_batches=2) as trainer:
        assert trainer.run() is not None


def test_five_channels_are_learnt_from_arrays_in_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, cfg = grey_set(tmp_path, 5)
    with (
        Trainer(cfg, data) as trainer,
        pytest.raises(DataError, match=r"\.png: the network takes 5 channels, .* \.npy"),
    ):
        trainer.run()
    for path in (tmp_path / "images").iterdir():
        image = load_image(path)
        np.save(path.with_suffix(".npy"), np.dstack([image, image[:, :, :2] // 2]))
    for listed in tmp_path.glob("*.txt"):
        listed.write_text(listed.read_text().replace(".png", ".npy"))
    assert main(["detector", "train", str(data), str(cfg), "--max-batches", "3", "--no-chart", "-map"]) == 0
    trained = [str(data), str(cfg), str(tmp_path / "backup/toy_final.weights")]
    assert main(["detector", "map", *trained]) == 0


def test_a_draw_moves_every_channel_alike() -> None:
    image = np.dstack([nets.picture(40, 30), nets.picture(40, 30, seed=5)])
    draw: Any
    for draw in DRAWS:
        five, one = np.empty((5, 24, 32), np.float32), np.empty((3, 24, 32), np.float32)
        draw.apply(image[:, :, :5], five)
        for channel in range(5):
            replace(draw, colour=Colour()).apply(np.repeat(image[:, :, channel : channel + 1], 3, axis=2), one)
            np.testing.assert_array_equal(five[channel], one[1])


@pytest.mark.parametrize("channels", [2, 5])
def test_files_of_many_channels(tmp_path: Path, channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    net, image = nets.network(channels=channels, size=32), nets.picture(40, 30)
    image = np.dstack([image, image[::-1]])[:, :, :channels]
    np.save("a.npy", image)
    np.save("floats.npy", image / np.float32(255))
    assert cv2.imwritemulti("a.tif", [np.ascontiguousarray(plane) for plane in image.transpose(2, 0, 1)])
    wanted = answers(net, image)
    assert answers(net, "a.npy") == answers(net, "floats.npy") == answers(net, "a.tif") == wanted
    assert picture_size("a.npy") == (40, 30)
    assert draw_boxes(load_image("a.npy", channels), []).shape == (30, 40, 3)
    cfg, weights = nets.write(tmp_path, channels=channels, size=32)
    words = ["detect", str(cfg), str(weights), "a.npy", "-thresh", "0.999", "--out", "drawn.png"]
    assert main(words) == 0
    assert load_image("drawn.png").shape == (30, 40, 3)


def test_an_array_in_a_file_is_an_image_of_three_channels_too(tmp_path: Path) -> None:
    image = nets.picture(40, 30)
    np.save(tmp_path / "a.npy", image)
    np.testing.assert_array_equal(load_image(tmp_path / "a.npy"), image)
    np.save(tmp_path / "grey.npy", image[:, :, 0])
    np.testing.assert_array_equal(load_image(tmp_path / "grey.npy"), np.repeat(image[:, :, :1], 3, axis=2))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4, 3), np.uint8), "takes 5 channels: expected an image of shape .*, found"),
        (np.full((4, 4, 5), 300, np.int32), "expected pixels of uint8"),
        (np.full((4, 4, 5), np.nan), "expected floats in 0..1"),
        (np.zeros((4, 0, 5), np.uint8), "expected an array"),
        (np.zeros(4, np.uint8), "expected an array"),
        (np.asfortranarray(np.zeros((4, 4, 5), np.uint8)), "in Fortran order"),
        (np.array([[[{}] * 5]], object), "expected an array .* of object"),
    ],
)
def test_arrays_that_are_no_images(tmp_path: Path, array: np.ndarray, message: str) -> None:
    path = tmp_path / "a.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(ImageError, match=rf"a\.npy: .*{message}"):
        load_image(path, 5)
    content = path.read_bytes()
    for end in (len(content) - 1, 20, 9, 7, 6):
        path.write_bytes(content[:end])
        with pytest.raises(ImageError, match=r"a\.npy: "):
            load_image(path, 5)


def test_classification_draws_are_paintable() -> None:
    """Every draw of classification goes to one channel."""
    rng, image = np.random.default_rng(0), nets.picture(40, 30)
    for centre in (False, True):
        out = np.full((1, 16, 16), np.nan, np.float32)
        Classification(16, 24, centre=centre).draw(rng, (40, 30), (16, 16)).apply(image, out)
        assert np.isfinite(out).all()
