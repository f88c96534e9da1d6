"""What the command line saves, where, and what it never replaces; and images that come in other ways."""

from __future__ import annotations

import json
import shutil
import stat
import sys
from pathlib import Path

import pytest

from pydarknet.cli.prompt import completed, meant
from pydarknet.formats.text import without_password
from pydarknet.images.sources import is_video
from tests.lib.cli_nets import LINE, spawned, write_picture, write_video

NET = ("net.cfg", "net.weights")
FILES = ("json", "jsonl", "csv", "coco")


def contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def labels() -> list[str]:
    return sorted(path.as_posix() for path in Path().rglob("*.txt"))


@pytest.mark.slow
class TestStandardOutput:
    @pytest.mark.parametrize("place", ["-", "/dev/stdout", "/dev/fd/1"])
    @pytest.mark.parametrize("kind", FILES)
    @pytest.mark.slow
    def test_detections_alone(self, cli, kind: str, place: str) -> None:
        cli("detect", *NET, "a.jpg", "--save", kind, "--save-to", "file")
        result = spawned("detect", *NET, "a.jpg", "--save", kind, "--save-to", place)
        assert result.code == 0
        assert result.out == Path("file").read_text()
        assert "84%" in result.err

    def test_quiet_is_quiet_beside_them(self, cli) -> None:
        result = spawned("detect", *NET, "a.jpg", "--save", "jsonl", "--save-to", "-", "--quiet")
        assert (json.loads(result.out)["filename"], result.err) == ("a.jpg", "")

    def test_what_others_wrote_stays(self, cli) -> None:
        shell = ["sh", "-c", 'echo before; "$@" --save jsonl --save-to /dev/stdout; echo after', "sh"]
        with open("log", "wb") as log:
            spawned("detect", *NET, "a.jpg", prefix=shell, stdout=log)
        before, line, after = Path("log").read_text().splitlines()
        assert (before, after) == ("before", "after")
        assert json.loads(line)["filename"] == "a.jpg"

    def test_frames(self, cli) -> None:
        write_video(Path("film.avi"))
        result = spawned("demo", *NET, "film.avi", "--save", "jsonl", "--save-to", "-")
        assert [json.loads(line)["frame_id"] for line in result.out.splitlines()] == [0, 1, 2]

    def test_the_reader_has_gone(self, cli) -> None:
        for i in range(30):
            write_picture(Path(f"in/{i}.jpg"))
        shell = [sys.executable, "-c", "import subprocess as s, sys; p = s.Popen(sys.argv[1:], stdout=s.PIPE); "
                 "p.stdout.close(); sys.exit(p.wait())"]  # fmt: skip
        assert spawned("detect", *NET, "in", "--save", "json", "--save-to", "-", prefix=shell).code == 141

    def test_many_files_need_a_folder(self, cli) -> None:
        assert "needs a folder" in cli("detect", *NET, "a.jpg", "--save", "voc", "--save-to", "-").err

    @pytest.mark.parametrize(("option", "start"), [("--csv", "class_id,"), ("--json", "{")])
    def test_tables(self, cli, option: str, start: str) -> None:
        Path("list.txt").write_text("a.jpg\n")
        Path("a.txt").write_text("0 .5 .5 .5 .5\n")
        with open("toy.data", "a") as data:
            data.write("valid = list.txt\n")
        result = spawned("detector", "map", "toy.data", *NET, option, "-")
        assert result.code == 0
        assert result.out.startswith(start)
        assert "mean average precision" in result.err


class TestInputs:
    @pytest.mark.parametrize("kind", FILES)
    @pytest.mark.parametrize("target", ["a.jpg", "net.cfg", "net.weights", "toy.names", "toy.data", "l.txt", "link"])
    def test_are_never_replaced(self, cli, kind: str, target: str) -> None:
        Path("l.txt").write_text("a.jpg\n")
        Path("link").symlink_to("net.weights")
        before = contents()
        words = ["l.txt", "--data", "toy.data", "--save", kind, "--save-to", target, "--no-draw"]
        result = cli("detect", *NET, *words)
        assert result.code == 2
        assert "choose another name" in result.err
        assert "Predicted" not in result.out
        assert contents() == before

    def test_a_picture_from_a_stream(self, cli) -> None:
        before = Path("a.jpg").read_bytes()
        result = spawned("detect", *NET, "-", "--save", "json", "--save-to", "a.jpg", stdin=b"a.jpg\n")
        assert result.code == 2
        assert Path("a.jpg").read_bytes() == before

    @pytest.mark.parametrize(
        "words",
        [
            ["export", *NET, "net.cfg", "--format", "onnx"],
            ["export", *NET, "net.weights", "--format", "npz"],
            ["partial", *NET, "net.cfg", "1"],
            ["average", "net.cfg", "net.weights", "net.weights"],
            ["reset", *NET, "net.weights"],
            ["normalize", *NET, "new", "--save-cfg", "net.cfg"],
            ["detector", "map", "toy.data", *NET, "--csv", "net.cfg"],
            ["detector", "map", "toy.data", *NET, "--json", "l.txt"],
            ["detector", "map", "toy.data", *NET, "--confusion", "a.jpg"],
            ["detector", "test", "toy.data", *NET, "a.jpg", "-out", "toy.json", "--names", "toy.json"],
            ["demo", *NET, "in_%08d.jpg", "-prefix", "in"],
            ["demo", *NET, "in_*.jpg", "-prefix", "in"],
            ["demo", *NET, "in_00000000.jpg", "-prefix", "in"],
        ],
    )
    def test_by_other_commands(self, cli, words: list[str]) -> None:
        shutil.copy("toy.names", "toy.json")
        Path("l.txt").write_text("a.jpg\n")
        with open("toy.data", "a") as data:
            data.write("valid = l.txt\n")
        for i in range(2):
            write_picture(Path(f"in_{i:08d}.jpg"))
        before = contents()
        assert cli(*words).code == 2
        assert contents() == before

    def test_the_mode_stays(self, cli) -> None:
        Path("private.json").touch(0o600)
        cli("detect", *NET, "a.jpg", "--save", "json", "--save-to", "private.json")
        assert stat.S_IMODE(Path("private.json").stat().st_mode) == 0o600
        assert json.loads(Path("private.json").read_text())
        write_video(Path("film.avi"))
        for name in ("out.avi", "comp4_det_test_cat.txt"):
            Path(name).touch(0o600)
        cli("demo", *NET, "film.avi", "--out", "out.avi")
        cli("detect", *NET, "a.jpg", "--save", "voc", "--save-to", ".", "--names", "toy.names")
        assert Path("out.avi").stat().st_size
        for name in ("out.avi", "comp4_det_test_cat.txt"):
            assert stat.S_IMODE(Path(name).stat().st_mode) == 0o600


class TestLabels:
    def write(self) -> None:
        for name in ("set/a/pic.jpg", "set/b/pic.jpg", "set/b/other.jpg"):
            write_picture(Path(name))
        Path("list").mkdir()
        Path("list/all.list").write_text("".join(f"{path}\n" for path in sorted(Path("set").rglob("*.jpg"))))

    def test_pictures_of_one_name(self, cli) -> None:
        self.write()
        assert cli("detect", *NET, "list/all.list", "-save_labels").code == 0
        assert labels() == ["results/a/pic.txt", "results/b/other.txt", "results/b/pic.txt"]

    def test_from_a_stream(self, cli) -> None:
        self.write()
        assert spawned("detect", *NET, "-save_labels", stdin=Path("list/all.list").read_bytes()).code == 0
        assert labels() == ["results/other.txt", "results/pic.txt", "results/set/b/pic.txt"]

    def test_beside_the_pictures(self, cli) -> None:
        self.write()
        assert cli("detect", *NET, "list/all.list", "--labels-beside").code == 0
        assert labels() == ["set/a/pic.txt", "set/b/other.txt", "set/b/pic.txt"]
        Path("set/b/pic.txt").write_text("corrected\n")
        result = cli("detect", *NET, "list/all.list", "--labels-beside")
        assert result.code == 2
        assert "set/b/pic.txt: exists" in result.err
        assert "Predicted" not in result.out  # known before the first image

    def test_a_stream_goes_on(self, cli) -> None:
        self.write()
        Path("set/b/other.txt").write_text("by hand\n")
        stream = Path("list/all.list").read_bytes()
        result = spawned("detect", *NET, "--labels-beside", stdin=stream)
        assert result.code == 1
        assert "set/b/other.txt: exists" in result.err
        assert labels() == ["set/a/pic.txt", "set/b/other.txt", "set/b/pic.txt"]
        assert Path("set/b/other.txt").read_text() == "by hand\n"


class TestWhatIsSaid:
    def test_what_was_written(self, cli) -> None:
        write_picture(Path("b.jpg"))
        write_video(Path("film.avi"))
        said = cli("detect", *NET, "a.jpg", "--save", "csv", "--save", "yolo").err
        for what in ("predictions.jpg: drawn", "detections.csv: saved, of 1 image", "results: saved, of 1 image"):
            assert f"pydarknet: {what}\n" in said
        assert "pydarknet: 2 images, 2 objects, " in cli("detect", *NET, "a.jpg", "b.jpg").err
        assert "out: 2 images drawn\n" in cli("detect", *NET, "a.jpg", "b.jpg", "--out", "out").err
        assert "out.avi: 3 frames\n" in cli("demo", *NET, "film.avi", "--out", "out.avi").err
        assert "f_00000000.jpg and on: 3 frames\n" in cli("demo", *NET, "film.avi", "-prefix", "f").err
        quiet = cli("detect", *NET, "a.jpg", "b.jpg", "--out", "out", "--save", "json", "--quiet")
        assert quiet.err == ""

    def test_a_path_written_as_an_address(self, cli) -> None:
        assert "expected a path: leave out file://" in cli("detect", *NET, "file:///tmp/a.jpg").err

    def test_json_by_its_name_beside_other_kinds(self, cli) -> None:
        """AlexeyAB's `-out result.json -save_labels`: each kind has its place."""
        words = ["-out", "result.json", "-save_labels", "--save", "csv", "--save", "json"]
        said = cli("detect", *NET, "a.jpg", *words).err
        for what in ("result.json", "results", "detections.csv"):
            assert f"pydarknet: {what}: saved, of 1 image\n" in said
        assert not Path("detections.json").exists()

    @pytest.mark.parametrize(
        ("words", "cause"),
        [
            (["detect", "odd.cfg", "short.weights", "a.jpg"], "odd.cfg:5: [net] unknown key 'momnetum'"),
            (["info", "worse.cfg"], "worse.cfg:7: [convolutional] unknown key 'filers'"),
            (["ops", "worse.cfg"], "worse.cfg:7: [convolutional] unknown key 'filers'"),
            (["classify", "worse.cfg", "net.weights", "a.jpg"], "worse.cfg:7: [convolutional] unknown key 'filers'"),
            (["detector", "map", "odd.data", *NET], "odd.data:2: unknown key 'vaild'"),
            (["detector", "valid", "odd.data", *NET], "odd.data:2: unknown key 'vaild'"),
            (["train", "odd.data", "net.cfg"], "odd.data:2: unknown key 'vaild'"),
        ],
    )
    def test_warnings_come_before_the_error(self, cli, words: list[str], cause: str) -> None:
        net = Path("net.cfg").read_text()
        Path("odd.cfg").write_text(net.replace("channels=3\n", "channels=3\nmomnetum=1\n"))
        Path("worse.cfg").write_text(net.replace("filters=", "filers="))
        Path("odd.data").write_text("classes=2\nvaild=list.txt\n")
        Path("short.weights").write_bytes(Path("net.weights").read_bytes()[:-4])
        result = cli(*words)
        assert result.code == 2
        *before, error = result.err.splitlines()
        assert error.startswith("pydarknet: error: ")
        assert sum(cause in line for line in before) == 1


class TestOtherWaysIn:
    def test_what_was_drawn_is_no_input(self, cli) -> None:
        for name in ("in/a.jpg", "in/predictions.jpg", "drawn/predictions.jpg"):
            write_picture(Path(name))
        result = cli("detect", *NET, "in", "drawn")
        assert [line for line in result.results if line.endswith("jpg")] == ["in/a.jpg", "drawn/predictions.jpg"]
        assert "in/predictions.jpg is left out" in result.err
        assert cli("detect", *NET, "in/*.jpg").results[0] == "in/a.jpg"
        assert "in/predictions.jpg" in cli("detect", *NET, "*/predictions.jpg").results  # which name it

    @pytest.mark.parametrize("first", ["export", "average", "partial", "statistics"])
    def test_weights_by_name_from_anywhere(self, cli, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("weights").mkdir()
        shutil.move("net.weights", "weights/yolov3-tiny.weights")
        words = {
            "export": ["net.cfg", "yolov3-tiny", "net.npz"],
            "average": ["net.cfg", "new.weights", "yolov3-tiny", "yolov3-tiny"],
            "partial": ["net.cfg", "yolov3-tiny", "new.weights", "1"],
            "statistics": ["net.cfg", "yolov3-tiny"],
        }[first]
        assert cli(first, *words).code == 0

    @pytest.mark.slow
    def test_a_display_that_does_not_answer(self, cli, monkeypatch: pytest.MonkeyPatch) -> None:
        write_video(Path("film.avi"))
        result = spawned("demo", *NET, "film.avi", env={"DISPLAY": ":987"})
        assert result.code == 2 or "opens no windows" in result.err
        assert "-dont_show" in result.err
        assert spawned("demo", *NET, "film.avi", "-dont_show", env={"DISPLAY": ":987"}).code == 0

    @pytest.mark.slow
    def test_a_picture_on_standard_input(self, cli) -> None:
        for words in (["detect", *NET, "-"], ["detector", "test", "toy.data", *NET], ["classify", *NET[:1]]):
            if words[0] == "classify":
                words = ["classify", "classes.cfg", "classes.weights", "-"]
            result = spawned(*words, stdin=Path("a.jpg").read_bytes())
            assert result.code == 0
            assert result.out.startswith("-: Predicted in ")

    def test_bytes_that_are_no_paths(self, cli) -> None:
        result = spawned("detect", *NET, "-", stdin=Path("net.weights").read_bytes())
        assert result.code == 2
        assert "or paths of images, one a line; found zero bytes" in result.err

    def test_a_damaged_picture_on_standard_input(self, cli) -> None:
        result = spawned("detect", *NET, "-", stdin=b"\x89PNG\r\n\x1a\n\0\0\0\0")
        assert result.code == 2
        assert "error: standard input: " in result.err

    def test_a_film(self, cli) -> None:
        write_video(Path("film.avi"))
        shutil.copy("film.avi", "film")
        for name in ("film.avi", "film"):
            assert is_video(name)
            assert "use pydarknet demo" in cli("detect", *NET, name).err
        assert not is_video("a.jpg")

    def test_streams_that_can_not_be_reached(self, cli) -> None:
        for command in ("demo", "detect"):
            err = cli(command, *NET, "rtsp://user:secret@127.0.0.1:9/x").err
            assert "secret" not in err
            assert "address" in err
            assert "damaged" not in err

    @pytest.mark.parametrize(
        ("address", "shown"),
        [
            ("rtsp://user:se:cr@et@cam/1", "rtsp://user:***@cam/1"),
            ("rtsp://user:se/cr?e#t@cam/1", "rtsp://user:***@cam/1"),
            ("rtsp://:secret@cam:554/1", "rtsp://:***@cam:554/1"),
            ("http://cam/1?api_key=secret&pw=secret", "http://cam/1?api_key=***&pw=***"),
            ("http://cam/video?user=a&password=secret&x=1", "http://cam/video?user=a&password=***&x=1"),
            ("rtsp://cam:554/user=admin_password=tlJw_channel=1", "rtsp://cam:554/user=admin_password=***_channel=1"),
            ("http://cam:8080/video?dummy=param.mjpg", "http://cam:8080/video?dummy=param.mjpg"),
        ],
    )
    def test_passwords(self, address: str, shown: str) -> None:
        assert without_password(address) == shown

    def test_detect_asks(self, cli) -> None:
        result = spawned("detect", *NET, stdin=b"a.jpg\n")
        assert result.results == ["a.jpg", "0: 84%"]
        assert LINE not in result.out

    def test_what_is_typed(self, cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        for typed in ("my pic.jpg", "'my pic.jpg'", '"my pic.jpg"', "my\\ pic.jpg"):
            assert meant(typed) == "my pic.jpg"
        assert meant("~/a.jpg") == str(tmp_path / "a.jpg")
        Path("'odd'").touch()
        assert meant("'odd'") == "'odd'"
        assert meant("it's") == "it's"

    def test_what_is_completed(self, cli) -> None:
        write_picture(Path("art/b.jpg"))
        write_picture(Path("a[1].jpg"))
        assert [completed("a", number) for number in range(4)] == ["a.jpg", "a[1].jpg", "art/", None]
        assert completed("art/", 0) == "art/b.jpg"
        assert completed("a[", 0) == "a[1].jpg"
