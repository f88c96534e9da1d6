"""Many images: folders, patterns, lists, standard input; bad ones, interrupted runs, reading before it is needed."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest

from pydarknet.images.sources import expand
from tests.lib import nets
from tests.lib.cli_nets import LINE, read_until, spawn, spawned
from tests.lib.cli_words import NET, pictures


class TestManyPictures:
    def test_a_bad_one_is_reported_and_skipped(self, cli) -> None:
        pictures("in/a.jpg", "in/c.jpg")
        Path("in/b.jpg").write_bytes(b"\xff\xd8\xff no image")
        result = cli("detect", *NET, "in", "nope.jpg", "--names", "toy.names", "--save", "json")
        assert result.code == 1
        assert result.results == ["in/a.jpg", LINE, "in/c.jpg", LINE]
        assert "in/b.jpg" in result.err
        assert "nope.jpg" in result.err
        assert len(json.loads(Path("detections.json").read_text())) == 2

    def test_a_single_bad_one_is_an_error(self, cli) -> None:
        result = cli("detect", *NET, "nope.jpg", "--save", "json")
        assert (result.code, result.out) == (2, "")
        assert not Path("detections.json").exists()

    def test_standard_input(self, cli) -> None:
        result = spawned("detect", *NET, "-", "--names", "toy.names", stdin=b"a.jpg\n\n nope.jpg\r\na.jpg")
        assert result.code == 1
        assert result.results == ["a.jpg", LINE, "a.jpg", LINE]

    def test_one_image_is_no_images(self, cli) -> None:
        assert "pydarknet: 1 image, 1 object, " in spawned("detect", *NET, "-", stdin=b"a.jpg\n").err

    def test_who_asks_line_by_line_is_answered_at_once(self, cli) -> None:
        process = spawn("detector", "test", "toy.data", *NET, "--batch", "1")
        for _ in range(2):
            process.stdin.write(b"a.jpg\n")
            process.stdin.flush()
            assert b"Predicted in" in process.stdout.readline()
            assert process.stdout.readline() == b"cat: 84%\n"
        process.communicate(timeout=60)
        assert process.returncode == 0

    def test_the_prompt(self, cli, monkeypatch: pytest.MonkeyPatch) -> None:
        class Terminal(io.TextIOWrapper):
            def isatty(self) -> bool:
                return True

        monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO(b"a.jpg\nnope.jpg\n")))
        result = cli("detector", "test", "toy.data", *NET)
        assert result.code == 1
        assert result.out.startswith("Enter Image Path: a.jpg: Predicted in ")
        assert result.out.count("Enter Image Path: ") == 3
        assert Path("predictions.jpg").exists()

    def test_ctrl_c_keeps_what_is_done(self, cli) -> None:
        process = spawn("detect", *NET, "-", "--save", "json", "--save", "csv")
        process.stdin.write(b"a.jpg\na.jpg\n")
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(4)]
        assert b"Predicted" in lines[2]  # so that the first image is saved by now
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert err.endswith(b"pydarknet: interrupted\n")
        assert len(json.loads(Path("detections.json").read_text())) in (1, 2)
        assert len(Path("detections.csv").read_text().splitlines()) in (2, 3)
        assert not [name for name in os.listdir(".") if "part" in name]

    def test_nobody_reads(self, cli) -> None:
        pictures(*(f"in/{i}.jpg" for i in range(5)))
        with spawn("detect", *NET, "in", "--save", "json") as process:
            process.stdout.close()
            err = process.stderr.read()
        assert process.returncode == 141
        assert b"Error" not in err
        assert b"Exception" not in err

    def test_output_that_can_not_be_written(self, cli) -> None:
        with open("/dev/full", "wb") as full:
            result = spawned("ops", "net.cfg", stdout=full)
        assert result.code == 2
        assert "standard output: No space left on device" in result.err


class TestLanes:
    """What is printed and written is the same bit by bit, however many cores share the images."""

    @pytest.fixture
    def net(self, cli) -> tuple[str, str]:
        """One whose answers differ from image to image."""
        cfg, weights = nets.write(Path(), size=64)
        pictures(*(f"in/{i:02d}.jpg" for i in range(30)))
        Path("in/07.jpg").write_bytes(b"\xff\xd8\xff no image")
        paths = Path("in").iterdir()
        labels = "".join(f"{path.absolute()}\n" for path in sorted(paths))
        Path("valid.txt").write_text(labels)
        Path("valid.data").write_text("classes=3\nvalid=valid.txt\nresults=out\n")
        return str(cfg), str(weights)

    def same(self, cli, *words: object) -> str:
        results = []
        for threads in (1, 3):
            shutil.rmtree("out", ignore_errors=True)
            result = cli(*words, "--threads", threads)
            assert result.code == 1  # one of the images
            assert result.err.count("in/07.jpg") == 1
            text = re.sub(r"[0-9.]+ seconds", "", result.out)
            files = {path.name: path.read_bytes() for path in Path("out").iterdir()}
            assert not [name for name in files if name.startswith(".")]
            results.append((text, files))
        assert results[0] == results[1]
        return results[0][0]

    @pytest.mark.parametrize("batch", [1, 4])
    def test_detect(self, cli, net: tuple[str, str], batch: int) -> None:
        words = "-thresh", ".1", "--save", "json", "--save-to", "out/all.json"
        printed = self.same(cli, "detect", *net, "in", *words, "--out", "out", "--batch", batch)
        assert re.findall("in/(..).jpg", printed) == [f"{i:02d}" for i in range(30) if i != 7]
        assert len(set(printed.splitlines())) > 40

    def test_detector_valid(self, cli, net: tuple[str, str]) -> None:
        self.same(cli, "detector", "valid", "valid.data", *net)

    def test_frames(self, cli, net: tuple[str, str]) -> None:
        Path("in/07.jpg").unlink()
        results = []
        for threads in (1, 3):
            words = "--threads", threads, "-thresh", ".1", "--save", "jsonl"
            printed = re.sub("FPS:.*", "", cli("demo", *net, "in", "-prefix", "frame", *words).out)
            frames = {path.name: path.read_bytes() for path in Path().glob("frame*.jpg")}
            results.append((printed, Path("detections.jsonl").read_bytes(), frames))
        assert results[0] == results[1]
        assert len(results[0][2]) == 29

    def test_ctrl_c_leaves_whole_lines_and_images(self, cli, net: tuple[str, str]) -> None:
        Path("paths.txt").write_text("in/00.jpg\n" * 20_000)
        process = spawn(
            "detect", *net, "paths.txt", "-thresh", ".1", "--out", "out", "--save", "csv", "--threads", "3"
        )
        read_until(process, b"Predicted")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert err.endswith(b"pydarknet: interrupted\n")
        assert out == b"" or out.endswith(b"\n")
        names = os.listdir("out")
        assert not [name for name in [*names, *os.listdir(".")] if "part" in name]
        assert all(Path("out", name).read_bytes().endswith(b"\xff\xd9") for name in names)
        rows = Path("detections.csv").read_text().splitlines()
        assert len(rows) > 1
        assert len({row.count(",") for row in rows}) == 1


class TestSources:
    def test_folders_patterns_lists(self, cli) -> None:
        pictures("in/b.jpg", "in/a.PNG", "in/deep/c.jpg", "lists/d.jpg")
        Path("in/readme.md").write_text("x")
        Path("lists/all.list").write_text("in/b.jpg\nd.jpg\r\n\nnope.jpg\n")

        def paths(*words: str) -> list[str]:
            source = expand(words, io.BytesIO(b"x.jpg\n"))
            listed = list(source.paths)
            assert source.total in (len(listed), None)
            return listed

        assert paths("in") == ["in/a.PNG", "in/b.jpg"]
        assert paths("in/*.jpg", "a.jpg") == ["in/b.jpg", "a.jpg"]
        assert paths("in/**/*.jpg") == ["in/b.jpg", "in/deep/c.jpg"]
        assert paths("lists/all.list") == ["in/b.jpg", "lists/d.jpg", "nope.jpg"]
        assert paths("a.jpg", "-", "a.jpg") == ["a.jpg", "x.jpg", "a.jpg"]

    def test_a_name_with_brackets_is_a_name(self, cli) -> None:
        pictures("b[1].jpg")
        assert list(expand(["b[1].jpg"], io.BytesIO()).paths) == ["b[1].jpg"]

    def test_lines_that_are_no_unicode(self) -> None:
        (path,) = expand(["-"], io.BytesIO(b"caf\xe9.jpg\n")).paths
        assert os.fsencode(path) == b"caf\xe9.jpg"
