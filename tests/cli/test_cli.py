"""The command line: what it prints, writes and returns, spelled as in Darknet and as usual."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydarknet.cli import main as main_module
from pydarknet.cli.main import COMMANDS
from pydarknet.cli.play import Tuning, obey
from pydarknet.detection.options import DetectOptions
from pydarknet.images.prefetch import ahead
from pydarknet.images.sources import expand
from pydarknet.video.screen import DOWN, ESCAPE, LEFT, RIGHT, UP
from tests.lib.cli_nets import LINE, Result, call, spawn, spawned, write_files, write_film, write_picture

NET = ("net.cfg", "net.weights")
TREE = ("tree.cfg", "tree.weights")
CLASSES = ("classes.cfg", "classes.weights")


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Calls the command line in a folder of its own that holds the toy networks; no display."""
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: call(capsys, *words)


def pictures(*names: str) -> list[str]:
    return [str(write_picture(Path(name), seed=i)) for i, name in enumerate(names)]


class TestHelp:
    def test_overview_lists_every_command(self, cli) -> None:
        result = cli("--help")
        assert result.code == 0
        assert all(f"  {name} " in result.out for name in COMMANDS)

    def test_nothing_heavy_is_imported_for_help(self) -> None:
        code = "import sys; from pydarknet.cli.main import main; main(['--help']); main(['detect', '--help'])\n"
        code += "print([m for m in ('numpy', 'cv2', 'tqdm', 'ctypes') if m in sys.modules], file=sys.stderr)"
        import subprocess

        root = Path(main_module.__file__).parents[2]
        done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
        assert done.stderr.strip() == "[]"

    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_command_has_help(self, cli, name: str) -> None:
        module = main_module.load(name)
        result = cli(*name.split(), "--help")
        assert result.code == 0
        assert name == module.NAME
        assert f"usage: pydarknet {name}" in result.out

    @pytest.mark.parametrize("option", ["--width", "--height", "--opset"])
    def test_what_can_not_be_negative(self, cli, option: str) -> None:
        result = cli("export", *NET, "a.onnx", option, "-3")
        assert (result.code, Path("a.onnx").exists()) == (2, False)
        assert "expected an integer of at least 1, found '-3'" in result.err

    def test_h_of_demo_is_help_without_a_number(self, cli) -> None:
        assert cli("demo", "-h").out == cli("demo", "--help").out

    @pytest.mark.parametrize("first", ["detector", "classifier"])
    @pytest.mark.parametrize("more", [[], ["--help"], ["-h"], ["help"]])
    def test_the_verbs(self, cli, first: str, more: list[str]) -> None:
        result = cli(first, *more)
        assert result.code == 0
        listed = [name for name in COMMANDS if f"\n  {name} " in result.out]
        assert listed == [name for name in COMMANDS if name.startswith(f"{first} ")]

    def test_version(self, cli) -> None:
        assert cli("--version").out.startswith("pydarknet ")

    def test_python_m(self, cli) -> None:
        assert spawned("--version").out.startswith("pydarknet ")


# Command lines of AlexeyAB's and pjreddie's pages, on toy networks. DATA stands for toy.data CFG WEIGHTS.
PAGES = {
    "detector test DATA a.jpg -thresh 0.25 -ext_output -dont_show": [],
    "detector test DATA a.jpg -i 0 -dont_show -show -letter_box -benchmark_layers": ["-show", "-benchmark_layers"],
    "detector test DATA a.jpg -gpus 0,1,2,3": ["-gpus 0,1,2,3: a network runs on one GPU; 0 is taken"],
    "detector test DATA a.jpg -hier 0.5 -out out -fullscreen -c 0 -w 640 -s 0 -nogpu -dontdraw_bbox": [],
    "detect net.cfg net.weights a.jpg -i 0 -thresh 0.25 -out_filename x.avi": ["-out_filename"],
    "yolo test net.cfg net.weights a.jpg": [],
    "coco test net.cfg net.weights a.jpg -thresh .3": [],
    "yolo demo net.cfg net.weights film.avi -avg 3": [],
    "detector demo DATA film.avi -dont_show -ext_output": [],
    "detector demo DATA film.avi -benchmark": [],
    "detector demo DATA film.avi -avgframes 3 -dontdraw_bbox -show_imgs": ["-show_imgs"],
    "detector demo DATA film.avi -json_port 8070 -mjpeg_port 8090": ["-json_port 8070:", "-mjpeg_port 8090:"],
    "detector demo DATA film.avi -http_post_host localhost -http_port 8090": ["-http_post_host", "-http_port"],
    "detector demo DATA film.avi -i 1 -time_limit_sec 600 -prefix drawn -fps 10 -w 9 -h 9": [],
    "detector demo DATA film.avi -out_filename res.avi -json_file_output res.json": [],
    "detector demo DATA -c 0 film.avi -ext_output 1": None,
    "detector map DATA -dont_show -iou_thresh 0.75 -points 101 -letter_box": [],
    "detector valid DATA -dont_show -i 0": [],
    "detector recall DATA -dont_show": [],
    "detector calc_anchors toy.data -num_of_clusters 1 -width 416 -height 416 -show -dont_show": [],
    "classifier predict toy.data classes.cfg classes.weights a.jpg -t 2 -dont_show -benchmark": [],
    "ops net.cfg -i 0": [],
    "partial net.cfg net.weights out.weights 1 -i 0": [],
}


class TestPages:
    @pytest.mark.parametrize("page", PAGES)
    def test_is_taken_and_says_what_is_not_done(self, cli, page: str) -> None:
        write_film(Path("film.avi"))
        Path("a.txt").write_text("0 .5 .5 .5 .5\n")
        Path("list.txt").write_text("a.jpg\n")
        with open("toy.data", "a") as data:
            data.write("valid=list.txt\ntrain=list.txt\n")
        result = cli(*page.replace("DATA", "toy.data net.cfg net.weights").split())
        notes = PAGES[page]
        if notes is None:
            assert result.code == 2
            return
        assert result.code == 0, result.err
        said = [line for line in result.err.splitlines() if line.startswith("pydarknet: warning: -")]
        assert len(said) == len(notes)
        assert all(line.startswith(f"pydarknet: warning: {note}") for line, note in zip(said, notes, strict=True))

    def test_a_number_behind_a_flag(self, cli) -> None:
        result = cli("detector", "test", "toy.data", *NET, "a.jpg", "-ext_output", "1")
        assert result.code == 0
        assert "'1' behind -ext_output is ignored" in result.err

    @pytest.mark.parametrize("name", COMMANDS)
    def test_windows_are_known_everywhere(self, cli, name: str) -> None:
        for option in ("-dont_show", "--dont-show", "-fullscreen", "--fullscreen"):
            assert "unknown option" not in cli(*name.split(), option, *["x"] * 4).err


class TestArguments:
    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            (["detec", "x"], "did you mean 'detect'?"),
            (["detector", "tset"], "did you mean 'test'?"),
            (["detector", "-i", "0"], "unknown detector verb '0' (one of"),
            (["detect", "test", "toy.data", *NET], "did you mean pydarknet detector test?"),
            (["classify", "predict", "toy.data", *CLASSES], "did you mean pydarknet classifier predict?"),
            (["yolo", "train"], "use pydarknet detector train DATA CFG"),
            (["coco", "valid", *NET], "use pydarknet detector valid DATA CFG WEIGHTS"),
            (["classifier", "demo", "toy.data"], "use pydarknet classify"),
            (["nightmare", *NET, "a.jpg", "4"], "not part of pydarknet"),
            (["detect", *NET, "a.jpg", "-tresh", ".3"], "did you mean '-thresh'?"),
            (["detect", *NET, "a.jpg", "--tresh=.3"], "did you mean '--thresh'?"),
            (["detect", *NET, "a.jpg", "-thresh", "2"], "from 0 to 1"),
            (["detect", *NET, "a.jpg", "-thresh", "nan"], "from 0 to 1"),
            (["detect", *NET, "a.jpg", "-thresh"], "expected one argument"),
            (["detect", *NET, "a.jpg", "--threads", "0"], "from 1 to 1024"),
            (["detect", "net.cfg"], "WEIGHTS"),
            (["detect", *NET, "a.jpg", "--save", "xml"], "invalid choice: 'xml'"),
            (["detect", *NET, "a.jpg", "--save-to", "x"], "--save-to needs"),
        ],
    )  # fmt: skip
    def test_wrong_ones_are_explained(self, cli, words: list[str], hint: str) -> None:
        result = cli(*words)
        assert result.code == 2
        assert result.err.splitlines()[-1].startswith("pydarknet: error: ")
        assert hint in result.err

    def test_options_stand_anywhere(self, cli) -> None:
        pictures("b.jpg")
        lines = ["a.jpg", "b.jpg"]
        for words in (
            ["-i", "0", "detect", "-thresh", ".96", *NET, "a.jpg", "-nms", ".4", "b.jpg"],
            ["detect", "net.cfg", "--thresh=.96", "net.weights", "a.jpg", "-nogpu", "b.jpg"],
            ["-thresh", ".96", "detector", "-hier", ".5", "test", "toy.data", *NET, "a.jpg", "b.jpg"],
        ):
            result = cli(*words)
            assert (result.code, result.results) == (0, lines), words

    def test_words_after_two_dashes(self, cli) -> None:
        pictures("-thresh.jpg")
        assert cli("detect", *NET, "--no-draw", "--", "-thresh.jpg").results == ["-thresh.jpg", "0: 84%"]


class TestDetect:
    def test_one_picture(self, cli) -> None:
        result = cli("detect", *NET, "a.jpg", "-names", "toy.names")
        assert (result.code, result.results) == (0, ["a.jpg", LINE])
        for word in ("letterbox", "nms sort 0.45", "names: toy.names", "cpu ", " thread"):
            assert word in result.err
        drawn = cv2.imread("predictions.jpg")
        assert drawn.shape == (30, 40, 3)
        assert not np.array_equal(drawn, cv2.imread("a.jpg"))
        assert Path("predictions.jpg").read_bytes()[:3] == b"\xff\xd8\xff"

    def test_a_jpeg_without_its_end(self, cli) -> None:
        image = cv2.resize(np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8), (640, 480))
        whole = cv2.imencode(".jpg", image)[1].tobytes()
        Path("whole.jpg").write_bytes(whole)
        Path("cut.jpg").write_bytes(whole[:-2])
        Path("half.jpg").write_bytes(whole[: len(whole) // 2])
        options = ("--thresh", "0", "--no-draw", "-names", "toy.names")
        expected = cli("detect", *NET, "whole.jpg", *options).results[1:]
        assert expected
        for name in ("cut.jpg", "half.jpg"):
            result = cli("detect", *NET, name, *options)
            assert result.code == 0
            warning = f"pydarknet: warning: {name}: a JPEG image whose end is missing; what it lacks stays grey"
            assert [line for line in result.err.splitlines() if "JPEG" in line] == [warning]
            assert name == "half.jpg" or result.results[1:] == expected
        assert "JPEG" not in cli("detect", *NET, "half.jpg", *options, "--quiet").err

    def test_numbers_where_no_names_are_known(self, cli) -> None:
        result = cli("detect", *NET, "a.jpg")
        assert result.results[1] == "0: 84%"
        assert "give --names" in result.err

    def test_names_of_a_data_file(self, cli) -> None:
        assert cli("detect", *NET, "a.jpg", "--data", "toy.data").results == ["a.jpg", LINE]
        assert cli("detector", "test", "toy.data", *NET, "a.jpg").results == ["a.jpg", LINE]

    def test_ext_output(self, cli) -> None:
        line = cli("detect", *NET, "a.jpg", "-names", "toy.names", "-ext_output").results[1]
        # 32 x 24 letterboxed: the box of 16 x 16 in the middle is 20 x 20 of 40 x 30 pixels.
        assert line == "cat: 84%\t(left_x:   10   top_y:    5   width:   20   height:   20)"

    def test_thresh(self, cli) -> None:
        assert len(cli("detect", *NET, "a.jpg", "-thresh", ".1").results) == 3
        assert len(cli("detect", *NET, "a.jpg", "-thresh", ".85").results) == 1

    def test_stretch(self, cli) -> None:
        result = cli("detect", *NET, "a.jpg", "-ext_output", "--fit", "stretch")
        assert "width:   20   height:   15" in result.out
        assert "stretch" in result.err

    @pytest.mark.parametrize(
        ("lines", "options", "fit"),
        [
            ("", (), "letterbox"),
            ("dialect=alexeyab", (), "stretch"),
            ("", ("--dialect", "alexeyab"), "stretch"),
            ("dialect=alexeyab\nletter_box=1", (), "letterbox"),
            ("dialect=alexeyab", ("-letter_box",), "letterbox"),
            ("dialect=alexeyab\nletter_box=1", ("--fit", "stretch"), "stretch"),
        ],
    )
    def test_pictures_are_fitted_as_the_networks_own_program_does(self, cli, lines: str, options, fit: str) -> None:
        Path("net.cfg").write_text(Path("net.cfg").read_text().replace("[net]", f"[net]\n{lines}"))
        result = cli("detect", *NET, "a.jpg", "-ext_output", *options)
        assert f"height:   {20 if fit == 'letterbox' else 15}" in result.out
        assert f" by {fit}" in result.err

    def test_quiet_leaves_only_results(self, cli) -> None:
        Path("net.cfg").write_text(Path("net.cfg").read_text().replace("[avgpool]", "[avgpool]\nwidht=3"))
        assert "unknown key 'widht'" in cli("detect", *NET, "a.jpg").err
        result = cli("detect", *NET, "a.jpg", "--quiet", "-i", "0")
        assert (result.err, len(result.results)) == ("", 2)

    def test_gpu_is_said_to_be_absent(self, cli) -> None:
        assert "running on the CPU" in cli("detect", *NET, "a.jpg", "-i", "0").err
        assert "running on the CPU" not in cli("detect", *NET, "a.jpg", "-i", "0", "-nogpu").err

    def test_batches_give_the_same(self, cli) -> None:
        names = pictures(*(f"in/{i}.jpg" for i in range(5)))
        single = cli("detect", *NET, "in").results
        assert cli("detect", *NET, "in", "--batch", "3").results == single
        assert single[::2] == names

    def test_progress_bar(self, cli) -> None:
        pictures("in/a.jpg", "in/b.jpg")
        assert "2/2" in cli("detect", *NET, "in", "--progress").err
        assert "2/2" not in cli("detect", *NET, "in").err

    def test_names_no_terminal_can_write(self, cli) -> None:
        Path("toy.names").write_text("кошка\ndog\n", encoding="utf-8")
        result = spawned("detect", *NET, "a.jpg", "--names", "toy.names", env={"PYTHONIOENCODING": "ascii"})
        assert result.code == 0
        assert r"\u043a\u043e\u0448\u043a\u0430: 84%" in result.out

    def test_the_words_of_the_package_are_found_from_anywhere(self, cli) -> None:
        assert cli("ops", "yolov2-tiny-voc.cfg").out.startswith("Floating Point Operations: ")


class TestTree:
    def test_the_node_and_its_path(self, cli) -> None:
        assert cli("detect", *TREE, "a.jpg").results[1] == "cat: 95%"
        assert cli("detect", *TREE, "a.jpg", "--path").results[1] == "animal > cat: 95%"
        assert "those of the tree" in cli("detect", *TREE, "a.jpg").err

    def test_depth(self, cli) -> None:
        result = cli("detect", *TREE, "a.jpg", "--depth", "1", "--save", "jsonl")
        assert result.results[1] == "animal: 95%"
        (found,) = json.loads(Path("detections.jsonl").read_text())["objects"]
        assert (found["class_id"], found["name"], found["path"]) == (0, "animal", ["animal"])
        assert cli("detect", *TREE, "a.jpg", "--depth", "9").results[1] == "cat: 95%"

    def test_hier_modes(self, cli) -> None:
        # .8808 then .8808^2: the paper's walk gets down to .7, Darknet's double product (.6834) doesn't.
        def names(mode: str) -> str:
            return cli("detect", *TREE, "a.jpg", "-hier", ".7", "--hier-mode", mode).results[1]

        assert (names("darknet"), names("paper")) == ("animal: 95%", "cat: 95%")


class TestOut:
    def test_a_name_without_an_ending_is_a_jpeg(self, cli) -> None:
        cli("detect", *NET, "a.jpg", "-out", "drawn")
        assert cv2.imread("drawn.jpg") is not None
        assert not Path("predictions.jpg").exists()

    def test_png_and_folders(self, cli) -> None:
        cli("detect", *NET, "a.jpg", "--out", "drawn.png")
        cli("detect", *NET, "a.jpg", "--out", "new/")
        assert Path("drawn.png").read_bytes()[:4] == b"\x89PNG"
        assert os.listdir("new") == ["a.jpg"]

    def test_no_draw(self, cli) -> None:
        cli("detect", *NET, "a.jpg", "--no-draw")
        assert not Path("predictions.jpg").exists()

    def test_several_pictures_are_drawn_into_a_folder_only(self, cli) -> None:
        pictures("in/a.jpg", "in/b.png", "other/a.jpg")
        cli("detect", *NET, "in")
        assert not Path("predictions.jpg").exists()
        cli("detect", *NET, "in", "other", "-out", "drawn")
        assert sorted(os.listdir("drawn")) == ["a.jpg", "a_2.jpg", "b.jpg"]

    @pytest.mark.parametrize("out", ["a.jpg", "./a", "link.jpg"])
    def test_the_input_is_never_overwritten(self, cli, out: str) -> None:
        before = Path("a.jpg").read_bytes()
        os.symlink("a.jpg", "link.jpg")
        result = cli("detect", *NET, "a.jpg", "-out", out)
        assert result.code == 2
        assert "overwritten" in result.err
        assert Path("a.jpg").read_bytes() == before

    def test_nor_a_folder_of_inputs(self, cli) -> None:
        names = pictures("in/a.jpg", "in/b.jpg")
        before = [Path(name).read_bytes() for name in names]
        result = cli("detect", *NET, "in", "--out", "in")
        assert (result.code, result.out) == (2, "")
        assert [Path(name).read_bytes() for name in names] == before

    def test_alexeyab_json(self, cli) -> None:
        cli("detect", *NET, "a.jpg", "-out", "result.json", "--names", "toy.names")
        (picture,) = json.loads(Path("result.json").read_text())
        assert [each["name"] for each in picture["objects"]] == ["cat"]


class TestSave:
    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            ("json", "detections.json"),
            ("jsonl", "detections.jsonl"),
            ("coco", "coco_results.json"),
            ("csv", "detections.csv"),
            ("voc", "results/comp4_det_test_cat.txt"),
            ("yolo", "results/a.txt"),
        ],
    )
    def test_every_kind(self, cli, kind: str, name: str) -> None:
        assert cli("detect", *NET, "a.jpg", "--names", "toy.names", "--save", kind).code == 0
        assert Path(name).stat().st_size > 0

    def test_several_kinds_into_a_folder_or_one_to_a_file(self, cli) -> None:
        cli("detect", *NET, "a.jpg", "--save", "json", "--save-to", "x.json", "-thresh", ".1")
        assert len(json.loads(Path("x.json").read_text())[0]["objects"]) == 2
        cli("detect", *NET, "a.jpg", "--save", "json", "--save", "csv")
        assert {"detections.json", "detections.csv"} <= set(os.listdir("."))

    def test_save_labels(self, cli) -> None:
        cli("detect", *NET, "a.jpg", "-save_labels")
        assert Path("results/a.txt").read_text().startswith("0 0.5")


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
        assert b"Predicted" in lines[2]  # so that the first picture is saved by now
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


class TestClassify:
    def test_lines(self, cli) -> None:
        result = cli("classify", *CLASSES, "a.jpg", "--names", "toy.names")
        assert (result.code, result.results) == (0, ["a.jpg", "88.08%: cat", "11.92%: dog"])

    def test_top(self, cli) -> None:
        assert len(cli("classify", *CLASSES, "a.jpg", "-t", "1").results) == 2
        assert len(cli("classifier", "predict", "toy.data", *CLASSES, "a.jpg").results) == 3
        Path("toy.data").write_text("names=toy.names\n")
        assert cli("classifier", "predict", "toy.data", *CLASSES, "a.jpg").results == ["a.jpg", "88.08%: cat"]

    def test_many_and_a_bad_one(self, cli) -> None:
        result = cli("classify", *CLASSES, "a.jpg", "nope.jpg", "-t", "1")
        assert (result.code, len(result.results)) == (1, 2)
        assert cli("classify", *CLASSES, "nope.jpg").code == 2

    def test_a_detector_detects(self, cli) -> None:
        result = cli("detect", *CLASSES, "a.jpg")
        assert result.code == 2
        assert "use pydarknet classify" in result.err


class TestDemo:
    @pytest.fixture
    def film(self, cli) -> str:
        """Eight frames of 48 x 32."""
        writer = cv2.VideoWriter("film.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (48, 32))
        for i in range(8):
            writer.write(np.full((32, 48, 3), 20 * i, np.uint8))
        writer.release()
        return "film.avi"

    def test_a_film_is_annotated_and_saved(self, cli, film: str) -> None:
        result = cli("demo", *NET, film, "-out", "drawn.avi", "--save", "jsonl", "--names", "toy.names")
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

    def test_the_part_of_a_film_is_nobody_elses(self, cli, film: str) -> None:
        Path("victim").write_text("precious")
        Path(f".drawn.{os.getpid()}.part.avi").symlink_to("victim")
        before = set(os.listdir())
        assert cli("demo", *NET, film, "-out", "drawn.avi").code == 0
        assert Path("victim").read_text() == "precious"
        assert set(os.listdir()) - before == {"drawn.avi"}

    def test_other_films(self, cli, film: str) -> None:
        for name in ("drawn.mp4", "drawn.mkv", "drawn.webm"):
            assert cli("demo", *NET, film, "-out_filename", name).code == 0
            assert cv2.VideoCapture(name).read()[0], name

    def test_skip_and_prefix(self, cli, film: str) -> None:
        assert cli("detector", "demo", "toy.data", *NET, film, "-s", "2", "-prefix", "out").out.count(LINE) == 3
        assert [cv2.imread(f"out_0000000{i}.jpg").shape for i in range(3)] == [(32, 48, 3)] * 3
        assert not Path("out_00000003.jpg").exists()

    def test_pictures_are_a_film_too(self, cli) -> None:
        pictures("in/000.jpg", "in/001.jpg", "in/002.jpg")
        for word in ("in", "in/*.jpg", "in/%03d.jpg"):
            assert cli("demo", *NET, word, "--quiet", "-dont_show").out.count("0: 84%") == 3, word

    def test_averaging_of_equal_outputs_changes_nothing(self, cli, film: str) -> None:
        def lines(*words: str) -> list[str]:
            out = cli("demo", *NET, film, "-ext_output", *words).out
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
        ("out", "hint"), [("film.avi", "is the video"), ("x.jpg", "ending"), ("no/x.avi", "folder"), ("x", "ending")]
    )
    def test_no_recording(self, cli, film: str, out: str, hint: str) -> None:
        before = Path(film).read_bytes()
        result = cli("demo", *NET, film, "-out", out)
        assert result.code == 2
        assert hint in result.err
        assert Path(film).read_bytes() == before

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


class TestNumbers:
    def test_ops_are_darknets_lines(self, cli) -> None:
        assert cli("ops", "yolov3-tiny.cfg", "--quiet").out == (
            "Floating Point Operations: 5564961792\nFloating Point Operations: 5.56 Bn\n"
        )

    def test_speed(self, cli) -> None:
        result = cli("speed", "net.cfg", "3", "--batch", "2", "--size", "64")
        assert result.code == 0
        assert result.out.splitlines()[1].startswith("6 evals, ")
        assert [line.split(":")[0] for line in result.out.splitlines()[2:]] == [
            "Floating Point Operations", "FLOPS", "Speed", "Speed", "Median",
        ]  # fmt: skip
        assert "64 x 64 x 3" in result.err

    def test_info(self, cli) -> None:
        out = cli("info", "yolov2-voc.cfg").out
        assert "operations   29,360,334,848 (29.36 Bn)" in out
        assert "parameters   50,676,061" in out
        assert "1.3221,1.73145" in out
        assert "27  reorg" in out

    def test_info_with_weights_and_tree(self, cli) -> None:
        out = cli("info", *TREE).out
        assert "4 nodes in 2 groups" in out
        assert "version 0.2.0" in out

    def test_info_refuses_weights_of_another_network(self, cli) -> None:
        result = cli("info", "tree.cfg", "net.weights")
        assert result.code == 2
        assert "layer 1" in result.err


def test_result_type_strips_timings() -> None:
    assert Result(0, "a: b.jpg: Predicted in 0.1 seconds.\ncat: 1%\n", "").results == ["a: b.jpg", "cat: 1%"]
