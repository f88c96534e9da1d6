"""Bad files at the command line: exit code 2, one clear line, no traceback, and nothing half written."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.lib.cli_nets import CLASSIFIER, DETECTOR, LINE, NET, REGION, Result, call, spawned, write_files, write_net


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Calls the command line in a folder of its own that holds the toy networks."""
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    return lambda *words: call(capsys, *words)


@pytest.fixture
def refused(cli):
    """Calls it, expects an error with the given words in it, and that nothing was written."""

    def check(words: list[str], *expected: str) -> Result:
        before = sorted(os.listdir("."))
        result = cli(*words)
        assert result.code == 2, result
        assert result.out == ""
        last = result.err.splitlines()[-1]
        assert last.startswith("pydarknet: error: ")
        for text in expected:
            assert text in last
        assert sorted(os.listdir(".")) == before
        return result

    return check


def detect(cfg: str = "net.cfg", weights: str = "net.weights", picture: str = "a.jpg", *more: str) -> list[str]:
    return ["detect", cfg, weights, picture, "--save", "json", *more]


class TestCfg:
    def test_missing(self, refused) -> None:
        refused(detect("nope.cfg"), "nope.cfg", "tried")

    def test_folder(self, refused) -> None:
        os.mkdir("folder")
        refused(detect("folder"), "folder", "directory")

    def test_empty(self, refused) -> None:
        Path("bad.cfg").write_text("\n# nothing\n")
        refused(detect("bad.cfg"), "bad.cfg", "[net]")

    def test_no_net(self, refused) -> None:
        Path("bad.cfg").write_text("\n" + REGION.format(classes=2))
        refused(detect("bad.cfg"), "bad.cfg:2", "[net]", "[region]")

    def test_binary(self, refused) -> None:
        refused(detect("a.jpg"), "a.jpg", "not a text file")
        refused(detect("net.weights", "net.cfg"), "net.weights", "right order")

    def test_crlf_is_no_error(self, cli) -> None:
        Path("net.cfg").write_bytes(DETECTOR.replace("\n", "\r\n").encode())
        result = cli(*detect())
        assert result.code == 0
        assert "warning" not in result.err

    @pytest.mark.parametrize(
        ("old", "new", "line"),
        [
            ("width=32", "width=-32", 2),
            ("height=32", "height=2000000000", 1),
            ("filters=7", "filters=-1", 7),
            ("filters=7", "filters=2000000000", 6),
            ("size=1\n", "size=-3\n", 8),
            ("num=1", "num=2000000000", None),
            ("classes=2", "classes=2147483647", None),
        ],
    )
    def test_negative_and_huge_sizes(self, refused, old: str, new: str, line: int | None) -> None:
        assert old in DETECTOR
        Path("bad.cfg").write_text(DETECTOR.replace(old, new, 1))
        refused(detect("bad.cfg"), f"bad.cfg:{line}" if line else "bad.cfg:")

    def test_filters_that_do_not_match_the_classes(self, refused) -> None:
        Path("bad.cfg").write_text(DETECTOR.replace("classes=2", "classes=3"))
        refused(detect("bad.cfg"), "bad.cfg:", "[region]", "filters=8", "7")

    @pytest.mark.parametrize("section", ["[route]\nlayers=7\n", "[route]\nlayers=-9\n", "[shortcut]\nfrom=3\n"])
    def test_references_to_layers_that_are_not_there(self, refused, section: str) -> None:
        Path("bad.cfg").write_text(NET + "[avgpool]\n" + section + "activation=linear\n")
        refused(detect("bad.cfg"), "bad.cfg:7")

    @pytest.mark.parametrize("command", ["ops", "info", "speed"])
    def test_every_command_says_so(self, refused, command: str) -> None:
        Path("bad.cfg").write_text("[nett]\n")
        refused([command, "bad.cfg"], "bad.cfg:1", "[nett]")

    def test_unknown_section(self, refused) -> None:
        Path("bad.cfg").write_text(NET + "[convolutionl]\n")
        refused(["ops", "bad.cfg"], "bad.cfg:5", "did you mean [convolutional]?")


class TestWeights:
    def test_missing(self, refused) -> None:
        refused(detect(weights="nope.weights"), "nope.weights", "tried")
        refused(detect(weights="yolov2-tiny"), "pydarknet weights get yolov2-tiny")

    def test_folder(self, refused) -> None:
        os.mkdir("folder")
        refused(detect(weights="folder"), "folder")

    def test_short(self, refused) -> None:
        data = Path("net.weights").read_bytes()
        Path("short.weights").write_bytes(data[:-4])
        refused(detect(weights="short.weights"), "short.weights", "layer 1 (convolutional)")

    def test_of_another_network(self, refused) -> None:
        refused(detect("tree.cfg"), "net.weights", "with 2 classes", "--cutoff 1")

    def test_longer_is_a_warning_with_the_count(self, cli) -> None:
        with open("net.weights", "ab") as file:
            file.write(bytes(12))
        result = cli(*detect())
        assert result.code == 0
        assert "12 bytes follow" in result.err

    def test_nan(self, refused) -> None:
        data = bytearray(Path("net.weights").read_bytes())
        data[-4:] = struct.pack("<f", float("nan"))
        Path("nan.weights").write_bytes(data)
        refused(detect(weights="nan.weights"), "nan.weights", "layer 1", "NaN")

    @pytest.mark.parametrize("content", [b"", b"\0" * 7, b"a text, not weights at all\n" * 9])
    def test_no_weights_at_all(self, refused, content: bytes) -> None:
        Path("bad.weights").write_bytes(content)
        refused(detect(weights="bad.weights"), "bad.weights")


class TestPictures:
    def test_missing_folder_empty_cut_off(self, refused) -> None:
        whole = Path("a.jpg").read_bytes()
        Path("empty.jpg").write_bytes(b"")
        Path("text.jpg").write_text("no image")
        Path("head.png").write_bytes(b"\x89PNG\r\n\x1a\n" + whole[:30])
        os.mkdir("folder")
        refused(detect(picture="nope.jpg"), "nope.jpg", "No such file")
        refused(detect(picture="empty.jpg"), "empty.jpg", "empty")
        refused(detect(picture="text.jpg"), "text.jpg", "not an image")
        refused(detect(picture="head.png"), "head.png", "PNG", "damaged")
        refused(detect(picture="folder"), "folder", "no image")
        refused(detect(picture="*.xyz"), "*.xyz", "matches")

    def test_lists(self, refused) -> None:
        Path("empty.txt").write_text("\n")
        Path("binary.list").write_bytes(bytes(100))
        refused(detect(picture="empty.txt"), "empty.txt", "is empty")
        refused(detect(picture="binary.list"), "binary.list", "not a text file")
        refused(detect(picture="nope.txt"), "nope.txt", "No such file")

    @pytest.mark.parametrize(
        ("shape", "dtype"),
        [((1, 1, 3), np.uint8), ((20, 30, 3), np.uint16), ((20, 30), np.uint8), ((20, 30, 4), np.uint8),
         ((2, 20000, 3), np.uint8), ((200, 1, 3), np.uint8)],
    )  # fmt: skip
    def test_odd_ones_are_no_error(self, cli, shape: tuple[int, ...], dtype: type) -> None:
        top = np.iinfo(dtype).max
        cv2.imwrite("odd.png", np.random.default_rng(0).integers(0, top, shape, dtype))
        result = cli(*detect("net.cfg", "net.weights", "odd.png", "--names", "toy.names"))
        assert result.code == 0
        assert Path("predictions.jpg").exists()
        assert LINE in result.results or min(shape[:2]) <= 2  # of a sliver the letterbox may leave nothing


class TestNamesTreesData:
    def test_names_shorter_than_the_classes(self, refused) -> None:
        Path("short.names").write_text("cat\n")
        refused(detect("net.cfg", "net.weights", "a.jpg", "--names", "short.names"), "short.names", "2", "1")

    def test_names_missing(self, refused) -> None:
        refused(detect("net.cfg", "net.weights", "a.jpg", "--names", "nope.names"), "nope.names", "tried")

    def test_data_without_its_files(self, refused) -> None:
        Path("bad.data").write_text("classes=2\nnames = nope.names\n")
        refused(["detector", "test", "bad.data", "net.cfg", "net.weights", "a.jpg"], "bad.data:2", "nope.names")
        refused(["detector", "test", "nope.data", "net.cfg", "net.weights", "a.jpg"], "nope.data")
        refused(["detector", "test", "a.jpg", "net.cfg", "net.weights", "a.jpg"], "a.jpg", "not a text file")

    @pytest.mark.parametrize(
        ("tree", "line"),
        [("cat 1\ndog 0\n", 1), ("cat -1\ndog 1\n", 2), ("cat -1\ndog 7\n", 2), ("cat -1\ndog x\n", 2)],
    )
    def test_trees_that_are_none(self, refused, tree: str, line: int) -> None:
        Path("toy.tree").write_text(tree)
        refused(detect("tree.cfg", "tree.weights"), f"toy.tree:{line}")

    def test_a_tree_of_another_size(self, refused) -> None:
        Path("toy.tree").write_text("cat -1\ndog -1\n")
        refused(detect("tree.cfg", "tree.weights"), "tree.cfg:", "2 nodes")

    def test_a_map_that_is_no_map(self, refused) -> None:
        Path("bad.cfg").write_text(Path("tree.cfg").read_text() + "map=toy.map\n")
        Path("toy.map").write_text("0\n-1\n")
        refused(detect("bad.cfg", "tree.weights"), "toy.map:2")


class TestWriting:
    """As root every folder can be written to, so the tests use what nobody can: a folder that is a file."""

    @pytest.mark.parametrize(
        "words",
        [["-out", "a.jpg/x.jpg"], ["-out", "nope/x.jpg"], ["-out", "net.cfg/"], ["--save-to", "a.jpg/x.json"]],
    )
    def test_no_such_place(self, refused, words: list[str]) -> None:
        refused(detect("net.cfg", "net.weights", "a.jpg", *words), words[1].rstrip("/"))

    def test_a_name_for_several_pictures(self, refused) -> None:
        Path("b.jpg").write_bytes(Path("a.jpg").read_bytes())
        refused(detect("net.cfg", "net.weights", "a.jpg", "b.jpg", "-out", "x.jpg"), "x.jpg", "folder")

    def test_no_permission(self, cli) -> None:
        os.mkdir("locked")
        os.chmod("locked", 0o500)
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        if user:
            os.chmod(".", 0o755)
            os.chmod("..", 0o755)
        for words in (["-out", "locked/x.jpg"], ["--no-draw", "--save", "json", "--save-to", "locked/x.json"]):
            result = spawned("detect", "net.cfg", "net.weights", "a.jpg", *words, prefix=user)
            assert result.code == 2
            assert "locked/x.j" in result.err.splitlines()[-1]
            assert "ermission denied" in result.err
            assert os.listdir("locked") == []


class TestNetworks:
    def test_a_classifier_does_not_detect(self, refused) -> None:
        refused(detect("classes.cfg", "classes.weights"), "classes.cfg", "pydarknet classify")
        refused(["demo", "classes.cfg", "classes.weights", "a.jpg"], "classes.cfg", "pydarknet classify")

    def test_inputs_that_are_no_pictures(self, refused) -> None:
        write_net(Path("."), "two", CLASSIFIER.replace("channels=3", "channels=2"), (0, 0))
        refused(["classify", "two.cfg", "two.weights", "a.jpg"], "a.jpg", "takes 2 channels")


def limited(kilobytes: int) -> list[str]:
    """A limit on the size of files stands for a full disk: both fail in the middle of a write. Python must not
    compile modules then: it takes a .pyc that was cut short for a whole one."""
    run = f'ulimit -f {kilobytes}; trap "" XFSZ; PYTHONDONTWRITEBYTECODE=1 exec "$@"'
    return ["bash", "-c", run, "bash"]


def test_a_full_disk_leaves_nothing(cli) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    cv2.imwrite("big.png", noise)
    before = sorted(os.listdir("."))
    result = spawned("detect", "net.cfg", "net.weights", "big.png", "-out", "x.png", prefix=limited(1))
    assert result.code == 2
    assert "x.png: can't be written: File too large" in result.err
    assert sorted(os.listdir(".")) == before


@pytest.mark.slow
def test_a_full_disk_leaves_no_film(cli) -> None:
    os.mkdir("in")
    for i in range(20):
        cv2.imwrite(f"in/{i}.png", np.random.default_rng(i).integers(0, 256, (100, 100, 3), np.uint8))
    before = sorted(os.listdir("."))
    for name in ("x.avi", "x.mp4"):
        result = spawned("demo", "net.cfg", "net.weights", "in", "-out", name, "-dont_show", prefix=limited(20))
        assert result.code == 2
        assert f"{name}: " in result.err
        assert "is the disk full?" in result.err
        assert sorted(os.listdir(".")) == before


def test_a_real_process_shows_no_traceback(cli) -> None:
    result = spawned("detect", "nope.cfg", "net.weights", "a.jpg")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("pydarknet: error: nope.cfg: can't be found; tried ")
