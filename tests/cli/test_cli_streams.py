"""Signals, closed and full streams, and terminals: the command line loses nothing, and gives nothing away."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path

import pytest

from pydarknet.cli.console import harmless
from pydarknet.errors import ImageError
from pydarknet.system import signals
from tests.lib.cli_nets import read_until, spawn, spawned, write_picture, write_video
from tests.lib.toy_training import make

NET = ("net.cfg", "net.weights")
OTHERS = [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]
CLOSED = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-"}


def hidden() -> list[Path]:
    return [path for path in Path().rglob(".*") if path.name != ".pydarknet-labels.json"]


def ended(number: int, *words: object, **options: object) -> bytes:
    """Run `detect` on paths as they come, and end it by a signal when two images are done; what it said."""
    process = spawn("detect", *NET, "-", "--no-draw", *words, **options)
    process.stdin.write(b"a.jpg\nb.jpg\n")
    process.stdin.flush()
    read_until(process, b"b.jpg: Predicted")
    process.stdout.readline()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    return err


class TestSignals:
    @pytest.mark.parametrize("number", OTHERS)
    @pytest.mark.parametrize("kind", ["json", "jsonl", "csv", "coco", "voc", "yolo"])
    @pytest.mark.slow
    def test_what_is_done_is_saved(self, cli, kind: str, number: int) -> None:
        write_picture(Path("b.jpg"))
        target = "out" if kind in ("voc", "yolo") else f"out.{kind}"
        err = ended(number, "--save", kind, "--save-to", target)
        assert err.endswith(f"pydarknet: stopped by {signal.Signals(number).name}\n".encode())
        assert hidden() == []
        saved = [path for path in [Path(target), *Path(target).glob("*")] if path.is_file()]
        assert any(path.stat().st_size for path in saved)

    def test_labels_stay_our_own(self, cli) -> None:
        write_picture(Path("b.jpg"))
        ended(signal.SIGTERM, "--save", "yolo")
        assert cli("detect", *NET, "a.jpg", "b.jpg", "--save", "yolo").code == 0

    def test_a_film_is_kept(self, cli) -> None:
        write_video(Path("in.avi"), frames=4000)  # more lines than a pipe holds: it can't be done before the signal
        process = spawn("demo", *NET, "in.avi", "--out", "out.avi", "--save", "jsonl")
        read_until(process, b"FPS")
        for _ in range(8):  # lines of a frame: the first one is saved by then
            process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGTERM
        assert Path("out.avi").stat().st_size > 0
        assert json.loads(Path("detections.jsonl").read_text().splitlines()[0])["frame_id"] == 0
        assert hidden() == []

    def test_nohup(self, cli) -> None:
        process = spawn("detect", *NET, "-", "--no-draw", prefix=["nohup"])
        process.stdin.write(b"a.jpg\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        out, _ = process.communicate(b"a.jpg\n", timeout=60)
        assert process.returncode == 0
        assert out.count(b"Predicted") == 1

    def test_a_second_one_does_not_break_into_saving(self) -> None:
        def interrupted() -> None:
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                signal.raise_signal(signal.SIGHUP)

        with signals.stopping(), pytest.raises(signals.Stopped, match="SIGTERM"):
            interrupted()


class TestClosedAndFull:
    @pytest.mark.parametrize("stream", CLOSED)
    @pytest.mark.parametrize(
        "words",
        ["--help", "detect --help", "info net.cfg", "detect net.cfg net.weights a.jpg", "detector map toy.data x y"],
    )
    @pytest.mark.slow
    def test_closed_streams(self, cli, words: str, stream: str) -> None:
        expected = spawned(*words.split())
        shell = ["sh", "-c", f'exec "$@" {CLOSED[stream]}', "sh"]
        found = spawned(*words.split(), prefix=shell)
        assert found.code == expected.code
        assert stream == "stdout" or found.results == expected.results
        assert stream == "stderr" or ("error" in found.err) == ("error" in expected.err)

    def test_all_closed(self, cli) -> None:
        shell = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
        assert spawned("detect", *NET, "a.jpg", "--save", "json", prefix=shell).code == 0
        assert json.loads(Path("detections.json").read_text())[0]["filename"] == "a.jpg"

    def test_a_full_disk_under_the_lines_keeps_what_is_done(self, cli) -> None:
        with open("/dev/full", "wb") as full:
            result = spawned("detect", *NET, "a.jpg", "--save", "json", stdout=full)
        assert result.code == 2
        assert "standard output: No space left on device" in result.err
        assert hidden() == []

    def test_help_that_can_not_be_written(self, cli) -> None:
        with open("/dev/full", "wb") as full:
            assert spawned("detect", "--help", stdout=full).code == 2

    def test_messages_that_can_not_be_written_end_nothing(self, cli) -> None:
        shell = ["sh", "-c", 'exec "$@" 2>/dev/full', "sh"]
        assert spawned("detect", *NET, "a.jpg", prefix=shell).code == 0


ON_A_TERMINAL = [sys.executable, "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"]
ON_A_TERMINAL += ["sh", "-c", 'stty rows 30 cols 99; exec "$@"', "sh"]
ESCAPE = "\x1b]0;owned\x07"


class TestTerminal:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("a\x1b]0;owned\x07b", "a\\x1b]0;owned\\x07b"),
            ("\x9b2J", "\\x9b2J"),
            ("gpj.\u202eexe", "gpj.\\u202eexe"),
            ("café\t\U0001f600\n", "café\t\U0001f600\n"),
        ],
    )
    def test_harmless(self, text: str, shown: str) -> None:
        assert harmless(text) == shown
        assert "\n" not in harmless(text, line=True)

    @pytest.mark.slow
    def test_names_from_strangers(self, cli) -> None:
        Path("toy.names").write_text(f"c{ESCAPE}at\ndog\n")
        name = f"x{ESCAPE}\n.jpg"
        write_picture(Path(name))
        Path("bad.cfg").write_text("[net]\nwidth=32\nheight=32\nchannels=3\n[a\x1b[2J]\n")
        words = ["detect", *NET, name, f"no{ESCAPE}.jpg", "--names", "toy.names", "--progress"]
        for command in (words, ["info", "bad.cfg"], [f"det{ESCAPE}"]):
            shown = spawned(*command, prefix=ON_A_TERMINAL).out
            assert "\\x1b" in shown
            assert "\x1b" not in shown
            assert "\r\n.jpg" not in shown
        assert ESCAPE in spawned(*words).out  # a file gets the names as they are

    def test_the_bar_of_a_training(self, tmp_path: Path) -> None:
        """It stands below the lines of each iteration, which stay whole, and leaves nothing behind."""
        words = ["train", *make(tmp_path), "--max-batches", "3", "--no-chart"]
        shown = spawned(*words, prefix=ON_A_TERMINAL).out
        assert "images/s, loss " in shown
        assert "\\x" not in shown
        for i in (1, 2, 3):
            assert re.search(rf"[\r\n]{i}: [0-9.]+, [0-9.]+ avg, .* {4 * i} images\r\n", shown)
        assert "\rpydarknet: done: " in shown

    def test_the_bar_still_moves(self, cli) -> None:
        for name in ("b.jpg", "c.jpg"):
            write_picture(Path(name))
        shown = spawned("detect", *NET, "a.jpg", "b.jpg", "c.jpg", prefix=ON_A_TERMINAL).out
        assert "100%" in shown
        assert "\\x0d" not in shown


class TestWhatIsNoResult:
    """A line is a line, standard output has one file, and nothing is called `-`."""

    def test_a_line_break_in_a_name(self, cli) -> None:
        write_picture(Path("b\nc.jpg"))
        assert r"b\nc.jpg: Predicted in" in cli("detect", *NET, "b\nc.jpg", "--no-draw").out

    def test_bytes_that_are_no_paths(self, cli) -> None:
        process = spawn("detect", *NET, "-", "--no-draw", "-quiet")
        out, err = process.communicate(b"\x81\n\x82\n" * 9 + b"\0", timeout=60)
        assert (process.returncode, out, err.count(b"\n")) == (2, b"", 1)
        assert b"found zero bytes" in err

    @pytest.mark.parametrize("name", ["-", "/dev/stdout"])
    def test_the_drawn_image(self, cli, name: str) -> None:
        process = spawn("detect", *NET, "a.jpg", "--out", name)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out[:3], out.count(b"Predicted")) == (0, b"\xff\xd8\xff", 0)
        assert b"Predicted" in err

    @pytest.mark.parametrize(
        ("words", "text"),
        [
            (("--out", "-", "--save", "jsonl", "--save-to", "-"), "takes one file, not two"),
            (("b.jpg", "--out", "-"), "expected a folder for several"),
            (("--save-crops", "-"), "--save-crops needs a folder"),
            (("--explain", "-"), "--explain needs a folder"),
        ],
    )
    def test_what_it_cannot_take(self, cli, words: tuple[str, ...], text: str) -> None:
        write_picture(Path("b.jpg"))
        result = cli("detect", *NET, "a.jpg", *words)
        assert (result.code, text in result.err) == (2, True), result.err

    def test_files_called_so_are_not_made(self, cli) -> None:
        for words in (["partial", *NET, "-", "1"], ["export", *NET, "-", "--format", "npz"]):
            result = cli(*words)
            assert (result.code, "standard output is /dev/stdout here" in result.err) == (2, True), result.err
        assert not Path("-").exists()

    def test_a_folder_that_cannot_be_written_to(self, cli, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(name: str, data: bytes) -> None:
            raise ImageError(f"{name}: can't be written: Read-only file system")

        monkeypatch.setattr("pydarknet.images.image.write_image", refused)
        assert "--no-draw nowhere" in cli("detect", *NET, "a.jpg").err
        assert "--no-draw" not in cli("detect", *NET, "a.jpg", "--out", "x.jpg").err
