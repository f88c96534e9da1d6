"""Many images: folders, patterns, lists, standard input; bad ones, interrupted runs, reading before it is needed."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from pydarknet.images.prefetch import ahead
from pydarknet.images.sources import expand
from tests.lib.cli_nets import LINE, spawn, spawned
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


class TestAhead:
    def test_order_and_depth(self) -> None:
        made: list[int] = []

        def items():
            for i in range(20):
                made.append(i)
                yield i

        taken = []
        for item in ahead(items(), 3):
            taken.append(item)
            assert len(made) <= item + 5  # the one in hand, three that wait, one in the making
        assert taken == list(range(20))

    def test_depth_zero_waits_until_asked(self) -> None:
        made: list[int] = []
        items = ahead((made.append(i) or i for i in range(3)), 0)
        assert next(items) == 0
        assert made == [0]

    def test_large_ones_wait_for_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pydarknet.images.prefetch.ROOM", 100)
        made: list[int] = []
        taken = []
        for item in ahead((made.append(i) or i for i in range(20)), 5, lambda _: 60):
            taken.append(item)
            assert len(made) <= item + 4  # the one in hand, two that wait, one that was begun beside one
        assert taken == list(range(20))

    def test_who_stops_early_is_not_held(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pydarknet.images.prefetch.ROOM", 1)
        items = ahead(iter(range(20)), 5, lambda _: 60)
        assert next(items) == 0
        items.close()

    def test_errors_arrive_in_their_place(self) -> None:
        def items():
            yield 1
            raise KeyError("x")

        result = ahead(items(), 2)
        assert next(result) == 1
        with pytest.raises(KeyError):
            next(result)
