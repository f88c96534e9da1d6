"""`demo`: videos and frames as images, recorded, averaged, steered by keys."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.cli.play import Clock, Tuning, obey
from pydarknet.detection.options import DetectOptions
from pydarknet.video import broadcast as rooms
from pydarknet.video.screen import DOWN, ESCAPE, LEFT, RIGHT, UP
from tests.lib.cli_nets import LINE
from tests.lib.cli_words import NET, TREE, pictures


class TestDemo:
    @pytest.fixture
    def video(self, cli) -> str:
        """Eight frames of 48 x 32."""
        writer = cv2.VideoWriter("film.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (48, 32))
        for i in range(8):
            writer.write(np.full((32, 48, 3), 20 * i, np.uint8))
        writer.release()
        return "film.avi"

    def test_a_film_is_annotated_and_saved(self, cli, video: str) -> None:
        result = cli("demo", *NET, video, "-out", "drawn.avi", "--save", "jsonl", "--names", "toy.names")
        assert result.code == 0
        assert result.out.count(LINE) == result.out.count("FPS:") == 8
        assert "nms obj 0.4" in result.err
        assert "8 frames" in result.err
        saved = [json.loads(line) for line in Path("detections.jsonl").read_text().splitlines()]
        assert [each["frame_id"] for each in saved] == list(range(8))
        drawn = cv2.VideoCapture("drawn.avi")
        assert (drawn.get(cv2.CAP_PROP_FRAME_COUNT), drawn.get(cv2.CAP_PROP_FPS)) == (8, 10)
        good, frame = drawn.read()
        assert good
        assert frame.shape == (32, 48, 3)
        assert frame.std() > 1  # something is drawn on the flat frame
        assert not [name for name in os.listdir(".") if "part" in name]

    def test_what_is_followed_has_a_number_in_every_output(self, cli, video: str) -> None:
        """The toy network finds the same boxes in each frame."""
        saving = ("--save", "jsonl", "--save", "csv", "--save", "coco")
        assert cli("track", *NET, video, *saving, "-out", "drawn.avi", "--sure", ".2").code == 0
        frames = [json.loads(line) for line in Path("detections.jsonl").read_text().splitlines()]
        numbers = [{each["track_id"] for each in frame["objects"] if "track_id" in each} for frame in frames]
        assert numbers[-1] == numbers[-2] != set()
        rows = list(csv.DictReader(Path("detections.csv").read_text().splitlines()))
        assert {int(row["track_id"]) for row in rows if row["frame"] == "7" and row["track_id"]} == numbers[-1]
        assert {each["track_id"] for each in json.loads(Path("coco_results.json").read_text())
                if each["image_id"] == 7 and "track_id" in each} == numbers[-1]  # fmt: skip
        assert cv2.VideoCapture("drawn.avi").read()[0]

    @pytest.mark.parametrize("average", [1, 3])
    def test_what_is_reported_of_a_tree(self, cli, video: str, average: int) -> None:
        words = ("-avg", average, "--classes", "cat", "--depth", 1, "--path-probabilities")
        assert cli("demo", *TREE, video, *words).out.count("animal .88: 95%") == 8
        assert "95%" not in cli("demo", *TREE, video, "-avg", average, "--classes", "dog").out

    def test_a_film_that_is_cut_off_says_so(self, cli, video: str) -> None:
        whole = Path(video).read_bytes()
        Path("cut.avi").write_bytes(b"00dc".join(whole.split(b"00dc")[:6]))  # 00dc begins a frame
        result = cli("demo", *NET, "cut.avi")
        assert result.code == 0
        assert f"warning: cut.avi: only {result.out.count('FPS:')} of 8 frames can be read" in result.err
        assert "warning" not in cli("demo", *NET, video).err
        assert "warning" not in cli("demo", *NET, video, "-s", "2").err

    def test_the_part_of_a_film_is_nobody_elses(self, cli, video: str) -> None:
        Path("victim").write_text("precious")
        Path(f".drawn.{os.getpid()}.part.avi").symlink_to("victim")
        before = set(os.listdir())
        assert cli("demo", *NET, video, "-out", "drawn.avi").code == 0
        assert Path("victim").read_text() == "precious"
        assert set(os.listdir()) - before == {"drawn.avi"}

    def test_other_films(self, cli, video: str) -> None:
        for name in ("drawn.mp4", "drawn.mkv", "drawn.webm"):
            assert cli("demo", *NET, video, "-out_filename", name).code == 0
            assert cv2.VideoCapture(name).read()[0], name

    def test_skip_and_prefix(self, cli, video: str) -> None:
        assert cli("detector", "demo", "toy.data", *NET, video, "-s", "2", "-prefix", "out").out.count(LINE) == 3
        assert [cv2.imread(f"out_0000000{i}.jpg").shape for i in range(3)] == [(32, 48, 3)] * 3
        assert not Path("out_00000003.jpg").exists()

    def test_pictures_are_a_film_too(self, cli) -> None:
        pictures("in/000.jpg", "in/001.jpg", "in/002.jpg")
        for word in ("in", "in/*.jpg", "in/%03d.jpg"):
            assert cli("demo", *NET, word, "--quiet", "-dont_show").out.count("0: 84%") == 3, word

    def test_averaging_of_equal_outputs_changes_nothing(self, cli, video: str) -> None:
        def lines(*words: str) -> list[str]:
            out = cli("demo", *NET, video, "-ext_output", *words).out
            return [line for line in out.splitlines() if "FPS" not in line]

        assert lines("-avg", "3") == lines()

    def test_averaging_is_a_mean(self, cli) -> None:
        from pydarknet import Network
        from pydarknet.video.averaging import Averager

        net = Network(*NET)
        averager = Averager(net, 3)
        found = []
        for objectness in (3, -3):
            net.layers[1].parameters = dict(net.layers[1].parameters)
            net.layers[1].parameters["biases"] = np.array([0, 0, 0, 0, objectness, 2, 0], np.float32)
            net.parameters_changed()
            found = averager.detect(np.zeros((30, 40, 3), np.uint8), DetectOptions(thresh=0.3))
        assert found[0].objectness == pytest.approx(0.5, abs=1e-6)  # of .9526 and .0474

    @pytest.mark.parametrize(
        ("word", "hint"),
        [
            ("nope.avi", "no such file"),
            ("net.cfg", "can't be opened"),
            ("99", "camera 99"),
            ("empty.avi", "can't be"),
        ],
    )
    def test_no_film(self, cli, word: str, hint: str) -> None:
        Path("empty.avi").write_bytes(b"")
        result = cli("demo", *NET, word)
        assert result.code == 2
        assert hint in result.err

    @pytest.mark.parametrize(
        ("out", "hint"),
        [("film.avi", "is the video"), ("x.jpg", "extension"), ("no/x.avi", "folder"), ("x", "extension")],
    )
    def test_no_recording(self, cli, video: str, out: str, hint: str) -> None:
        before = Path(video).read_bytes()
        result = cli("demo", *NET, video, "-out", out)
        assert result.code == 2
        assert hint in result.err
        assert Path(video).read_bytes() == before

    def test_frames_that_come_in_a_burst_are_not_a_rate(self, monkeypatch: pytest.MonkeyPatch) -> None:
        times = iter(np.repeat(np.arange(21) * 0.1, 2))  # two at a time, 20 a second
        monkeypatch.setattr("time.perf_counter", lambda: float(next(times)))
        clock = Clock()
        rates = [clock.tick() for _ in range(40)]
        assert max(rates[20:]) < 25
        assert min(rates[20:]) > 15

    def test_keys(self) -> None:
        tuning = Tuning(DetectOptions())
        assert obey(UP, tuning)
        assert obey(RIGHT, tuning)
        assert (tuning.options.thresh, tuning.options.hier_thresh) == pytest.approx((0.52, 0.52))
        for _ in range(60):
            assert obey(DOWN, tuning)
            assert obey(LEFT, tuning)
        assert (tuning.options.thresh, tuning.options.hier_thresh) == pytest.approx((0.02, 0))
        assert not obey(ESCAPE, tuning)

    def test_ports_send_what_is_drawn_and_found(self, cli, video: str) -> None:
        sent: dict[str, list[bytes]] = {}
        original = rooms.Broadcast.send

        def send(self: rooms.Broadcast, frame: bytes) -> None:
            sent.setdefault(self._form.content_type.split(";")[0], []).append(frame)
            original(self, frame)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rooms.Broadcast, "send", send)
            patch.setattr(rooms.Broadcast, "wanted", True)
            result = cli("demo", *NET, video, "-mjpeg_port", "0", "-json_port", "0", "-thresh", ".01")
        assert result.code == 0
        assert result.err.count("http://127.0.0.1:") == 2
        frames = [json.loads(each) for each in sent["application/json"]]
        assert [each["frame_id"] for each in frames] == list(range(len(frames)))
        images = sent["multipart/x-mixed-replace"]
        assert len(images) == len(frames) > 0
        jpeg = np.frombuffer(images[0].partition(b"\r\n\r\n")[2], np.uint8)
        assert cv2.imdecode(jpeg, cv2.IMREAD_COLOR).shape[:2] == (frames[0]["height"], frames[0]["width"])
