"""Weight surgery: what must stay the same does, what must change does, and the cfg goes with the weights."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.errors import CfgError, WeightsError
from pydarknet.formats.weights import read_header
from pydarknet.surgery import change_classes, match_names, rescale, rgbgr
from tests.lib.cli_nets import call

NET = "[net]\nwidth=12\nheight=12\nchannels=3\n"
CONV = "[convolutional]\n{norm}filters={filters}\nsize={size}\npad={pad}\nactivation={activation}\n"
REGION = "[region]\nanchors=.5,.5,1,2\nclasses={classes}\nnum=2\ncoords=4\nsoftmax=1\n"
CLASSIFIER = (
    NET
    + CONV.format(norm="batch_normalize=1\n", filters=4, size=3, pad=1, activation="leaky")
    + CONV.format(norm="", filters=6, size=1, pad=1, activation="leaky")
    + "[connected]\nbatch_normalize=1\noutput=5\nactivation=linear\n[softmax]\n"
)
DETECTOR = (
    NET
    + CONV.format(norm="batch_normalize=1\n", filters=4, size=3, pad=1, activation="leaky")
    + CONV.format(norm="", filters=16, size=1, pad=1, activation="linear")
    + REGION.format(classes=3)
)


def make(folder: Path, stem: str, cfg: str, seed: int, seen: int = 7) -> Network:
    """A network with parameters that batch norm has something to do with, also as files."""
    path = folder / f"{stem}.cfg"
    path.write_text(cfg)
    net = Network(path, seed=seed)
    rng = np.random.default_rng(seed)
    for layer in net.layers:
        for name, values in layer.parameters.items():
            if name != "weights":
                low = 0.5 if name in ("scales", "rolling_variance") else -0.5
                values[...] = rng.random(values.shape, np.float32) + np.float32(low)
    net.parameters_changed()
    net.seen = seen
    net.save_weights(folder / f"{stem}.weights")
    return net


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Calls the command line in a folder with a classifier `c` and a detector `d`."""
    monkeypatch.chdir(tmp_path)
    make(tmp_path, "c", CLASSIFIER, 1)
    make(tmp_path, "d", DETECTOR, 2)
    return lambda *words: call(capsys, *words)


def images(net: Network, count: int = 3) -> np.ndarray:
    return np.random.default_rng(9).random((count, *net.inputs), np.float32)


def answers(cfg: str, weights: str) -> np.ndarray:
    net = Network(cfg, weights)
    return net.forward(images(net))


def parameters(cfg: str, weights: str) -> list[dict[str, np.ndarray]]:
    return [dict(layer.parameters) for layer in Network(cfg, weights).layers]


class TestBatchNorm:
    # Folded numbers are rounded once more, and what is neutral divides by 1 + 1e-6.
    CLOSE = 2e-5

    def test_reset_keeps_the_answers_and_leaves_neutral_statistics(self, cli) -> None:
        assert cli("reset", "c.cfg", "c.weights", "out.weights").code == 0
        np.testing.assert_allclose(answers("c.cfg", "out.weights"), answers("c.cfg", "c.weights"), rtol=self.CLOSE)
        for layer in (0, 2):
            after = parameters("c.cfg", "out.weights")[layer]
            assert (after["scales"] == 1).all()
            assert (after["rolling_mean"] == 0).all()
            assert (after["rolling_variance"] == 1).all()

    @pytest.mark.parametrize(("command", "left"), [("denormalize", 0), ("normalize", 3)])
    def test_the_cfg_goes_with_the_weights(self, cli, command: str, left: int) -> None:
        result = cli(command, "c.cfg", "c.weights", "out.weights", "--save-cfg", "out.cfg")
        assert result.code == 0
        np.testing.assert_allclose(answers("out.cfg", "out.weights"), answers("c.cfg", "c.weights"), rtol=self.CLOSE)
        assert sum("scales" in each for each in parameters("out.cfg", "out.weights")) == left

    def test_denormalize_says_what_changes(self, cli) -> None:
        result = cli("denormalize", "c.cfg", "c.weights", "out.weights")
        assert "c.cfg:6: [convolutional] batch_normalize=1 becomes batch_normalize=0" in result.out
        assert "--save-cfg" in result.out
        assert not Path("out.cfg").exists()

    def test_normalize_says_what_is_new(self, cli) -> None:
        out = cli("normalize", "c.cfg", "c.weights", "out.weights").out
        assert "[convolutional] no batch_normalize becomes batch_normalize=1" in out


class TestFirstLayer:
    @pytest.mark.parametrize("norm", ["", "batch_normalize=1\n"])
    def test_rescale(self, tmp_path: Path, norm: str) -> None:
        # Without padding: at a padded edge zero means grey before and black after.
        cfg = NET + CONV.format(norm=norm, filters=4, size=3, pad=0, activation="leaky")
        before, after = (make(tmp_path, "net", cfg, 3) for _ in range(2))
        rescale(after)
        x = images(before)
        np.testing.assert_allclose(after.forward(x), before.forward(x * 2 - 1), atol=2e-5)  # float32 sums

    def test_rgbgr(self, tmp_path: Path) -> None:
        before, after = (make(tmp_path, "net", CLASSIFIER, 3) for _ in range(2))
        rgbgr(after)
        x = images(before)
        np.testing.assert_allclose(after.forward(x[:, ::-1]), before.forward(x), rtol=1e-5)
        assert not np.allclose(after.forward(x), before.forward(x), rtol=1e-3)

    def test_commands(self, cli) -> None:
        assert cli("rgbgr", "c.cfg", "c.weights", "swapped.weights").code == 0
        assert cli("rgbgr", "c.cfg", "swapped.weights", "back.weights").code == 0
        assert Path("back.weights").read_bytes() == Path("c.weights").read_bytes()
        assert cli("rescale", "c.cfg", "c.weights", "scaled.weights").code == 0
        before, after = (parameters("c.cfg", file)[0]["weights"] for file in ("c.weights", "scaled.weights"))
        np.testing.assert_array_equal(after, before * 2)

    @pytest.mark.parametrize("change", [rescale, rgbgr])
    def test_other_channels(self, tmp_path: Path, change) -> None:
        net = make(tmp_path, "grey", CLASSIFIER.replace("channels=3", "channels=1"), 3)
        with pytest.raises(CfgError, match=r"grey\.cfg:5: .*three channels, found 1"):
            change(net)


class TestFiles:
    def test_partial(self, cli) -> None:
        assert cli("partial", "c.cfg", "c.weights", "front.weights", 2).code == 0
        assert read_header("front.weights").seen == 0
        front = Network("c.cfg", "front.weights", cutoff=2)
        for mine, whole in zip(front.layers[:2], parameters("c.cfg", "c.weights"), strict=False):
            for name, values in whole.items():
                np.testing.assert_array_equal(mine.parameters[name], values)
        floats = sum(record.size for layer in front.layers[:2] for record in layer.records)
        assert Path("front.weights").stat().st_size == 20 + 4 * floats

    def test_partial_of_more_than_there_is(self, cli) -> None:
        result = cli("partial", "c.cfg", "c.weights", "all.weights", 99)
        assert "there are 4 layers, not 99" in result.err
        assert Path("all.weights").stat().st_size == Path("c.weights").stat().st_size

    def test_average(self, cli, tmp_path: Path) -> None:
        nets = [make(tmp_path, f"c{i}", CLASSIFIER, 20 + i, seen=100 + i) for i in range(3)]
        assert cli("average", "c.cfg", "mean.weights", *(f"c{i}.weights" for i in range(3))).code == 0
        assert read_header("mean.weights").seen == 100
        for index, layer in enumerate(parameters("c.cfg", "mean.weights")):
            for name, values in layer.items():
                each = [net.layers[index].parameters[name].astype(np.float64) for net in nets]
                np.testing.assert_allclose(values, np.mean(each, axis=0), rtol=1e-5, atol=1e-7)

    def test_average_of_one_is_itself(self, cli) -> None:
        assert cli("average", "c.cfg", "mean.weights", "c.weights").code == 0
        assert Path("mean.weights").read_bytes() == Path("c.weights").read_bytes()

    def test_statistics(self, cli) -> None:
        result = cli("statistics", "c.cfg", "c.weights")
        scales = parameters("c.cfg", "c.weights")[2]["scales"].astype(np.float64)
        assert "Convolutional Layer 0\n" in result.out
        block = result.out.partition("Connected Layer 2\n")[2]
        found = re.search(r"Scales MSE: (\S+), Mean: (\S+), Variance: (\S+), Min: (\S+), Max: (\S+)", block)
        expected = (np.sqrt((scales**2).mean()), scales.mean(), scales.var(), scales.min(), scales.max())
        assert found is not None
        np.testing.assert_allclose([float(text) for text in found.groups()], expected, atol=1e-6)

    @pytest.mark.parametrize("command", ["reset", "rgbgr", "rescale", "normalize", "denormalize"])
    def test_weights_of_another_network(self, cli, command: str) -> None:
        result = cli(command, "c.cfg", "d.weights", "out.weights")
        assert result.code == 2
        assert "d.weights: ends in layer" in result.err
        assert not Path("out.weights").exists()


class TestOneoff:
    """Two boxes of 4 + 1 + 3 filters each."""

    def test_rows(self, tmp_path: Path) -> None:
        old = make(tmp_path, "d", DETECTOR, 5)
        new, changes = change_classes(old, [2, None, 0, None])
        assert [str(each).partition(": ")[2] for each in changes] == [
            "[convolutional] filters=16 becomes filters=18",
            "[region] classes=3 becomes classes=4",
        ]
        assert new.seen == 0
        before, after = (net.layers[1].parameters["weights"].reshape(2, -1, 4) for net in (old, new))
        np.testing.assert_array_equal(after[:, :5], before[:, :5])
        np.testing.assert_array_equal(after[:, [5, 7]], before[:, [7, 5]])
        assert not np.isin(after[:, [6, 8]], before).any()
        assert len(np.unique(after[:, [6, 8]])) == 16  # random, not zeros

    def test_as_many_classes_as_before(self, tmp_path: Path) -> None:
        old = make(tmp_path, "d", DETECTOR, 5)
        new, changes = change_classes(old, [1, 0, None])
        assert not changes
        before, after = (net.layers[1].parameters["biases"].reshape(2, -1) for net in (old, new))
        np.testing.assert_array_equal(after[:, 5:7], before[:, [6, 5]])
        assert (after[:, 7] == 0).all()

    def test_every_yolo_head(self, tmp_path: Path) -> None:
        yolo = "[yolo]\nanchors=2,2,4,4\nnum=2\nmask={mask}\nclasses=3\n"
        conv = CONV.format(norm="", filters=8, size=1, pad=1, activation="linear")
        first, second = (conv + yolo.format(mask=mask) for mask in (0, 1))
        cfg = NET + conv + first + "[route]\nlayers=0\n" + second
        new, _ = change_classes(make(tmp_path, "y", cfg, 5), [1])
        assert [new.layers[i].out.c for i in (0, 1, 4)] == [8, 6, 6]

    def test_command(self, cli) -> None:
        Path("old.names").write_text("dog\ncat\ncow\n")
        Path("new.names").write_text("cow\nhen\n")
        words = ("--names", "old.names", "--new-names", "new.names", "--save-cfg", "n.cfg")
        result = cli("oneoff", "d.cfg", "d.weights", "n.weights", *words)
        assert (result.code, "2 classes, 1 of them kept, 1 new" in result.err) == (0, True)
        before, after = (
            parameters(f"{stem}.cfg", f"{stem}.weights")[1]["biases"].reshape(2, -1) for stem in ("d", "n")
        )
        np.testing.assert_array_equal(after[:, :6], before[:, [0, 1, 2, 3, 4, 7]])
        by_number = cli("oneoff", "d.cfg", "d.weights", "m.weights", "--keep", "2", "--classes", 2)
        assert by_number.code == 0
        assert Path("m.weights").read_bytes() == Path("n.weights").read_bytes()

    def test_match_names(self) -> None:
        assert match_names(["a", "b", "a"], ["b", "x", "a"]) == [1, None, 0]

    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            ([], "which classes will there be?"),
            (["--keep", "a"], "expected numbers such as 0,5,14, found 'a'"),
            (["--keep", "0,1", "--classes", "1"], "less than the 2 classes"),
            (["--names", "x"], "belong together"),
            (["--keep", "3"], "[region] expected classes from 0 to 2 to keep, found 3"),
        ],
    )
    def test_wrong_arguments(self, cli, words: list[str], hint: str) -> None:
        result = cli("oneoff", "d.cfg", "d.weights", "n.weights", *words)
        assert result.code == 2
        assert hint in result.err

    def test_no_head(self, tmp_path: Path) -> None:
        with pytest.raises(CfgError, match="no \\[region\\] or \\[yolo\\]"):
            change_classes(make(tmp_path, "c", CLASSIFIER, 5), [0])

    def test_unknown_class(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match="from 0 to 2"):
            change_classes(make(tmp_path, "d", DETECTOR, 5), [-1])
