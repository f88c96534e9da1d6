"""The command line: help, command lines of Darknet's pages, arguments, numbers about networks."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from pydarknet.cli import main as main_module
from pydarknet.cli.commands import COMMANDS
from tests.lib.cli_nets import Result, spawned, write_video
from tests.lib.cli_words import CLASSES, NET, TREE, pictures


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
        result = cli(*name.split(), "--help")
        assert result.code == 0
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

    @pytest.mark.parametrize("command", ["data", "tree", "weights"])
    def test_a_command_of_verbs_alone_lists_them(self, cli, command: str) -> None:
        assert cli(command) == cli(command, "--help")
        assert cli(command).code == 0

    def test_version(self, cli) -> None:
        assert cli("--version").out.startswith("pydarknet ")
        assert cli("-V") == cli("-v") == cli("--version")

    def test_help_of_a_command_both_ways(self, cli) -> None:
        for command in (["detect"], ["detector", "map"], ["detector"]):
            assert cli("help", *command) == cli(*command, "--help")

    def test_python_m(self, cli) -> None:
        assert spawned("--version").out.startswith("pydarknet ")


# Command lines of AlexeyAB's and pjreddie's pages, on toy networks. DATA stands for toy.data CFG WEIGHTS.
PAGES = {
    "detector test DATA a.jpg -thresh 0.25 -ext_output -dont_show": [],
    "detector test DATA a.jpg -i 0 -dont_show -show -letter_box -benchmark_layers": ["-show", "-benchmark_layers"],
    "detector test DATA a.jpg -gpus 0,1,2,3": ["-gpus 0,1,2,3: a network runs on one GPU; 0 is taken"],
    "detector test DATA a.jpg -hier 0.5 -out out -fullscreen -c 0 -w 640 -s 0 -nogpu -dontdraw_bbox": [
        "-hier: changes nothing"
    ],
    "detect net.cfg net.weights a.jpg -i 0 -thresh 0.25 -out_filename x.avi": ["-out_filename"],
    "yolo test net.cfg net.weights a.jpg": [],
    "coco test net.cfg net.weights a.jpg -thresh .3": [],
    "yolo demo net.cfg net.weights film.avi -avg 3": [],
    "detector demo DATA film.avi -dont_show -ext_output": [],
    "detector demo DATA film.avi -benchmark": [],
    "detector demo DATA film.avi -avgframes 3 -dontdraw_bbox -show_imgs": ["-show_imgs"],
    "detector demo DATA film.avi -json_port 0 -mjpeg_port 0": [],
    "detector test DATA a.jpg -json_port 8070 -mjpeg_port 8090": ["-json_port 8070:", "-mjpeg_port 8090:"],
    "detector demo DATA film.avi -http_post_host localhost/x -http_port 8090": ["-http_port"],
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
        write_video(Path("film.avi"))
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
            (["detector", "tset"], "see pydarknet detector --help"),
            (["detect", "test", "toy.data", *NET], "did you mean pydarknet detector test?"),
            (["classify", "predict", "toy.data", *CLASSES], "did you mean pydarknet classifier predict?"),
            (["yolo", "train"], "use pydarknet detector train DATA CFG"),
            (["yolo", "predict", "model=net"], "use pydarknet detect CFG WEIGHTS IMAGE"),
            (["predict", *NET, "a.jpg"], "use pydarknet detect CFG WEIGHTS IMAGE"),
            (["val", *NET], "use pydarknet detector map DATA CFG WEIGHTS"),
            (["coco", "valid", *NET], "use pydarknet detector valid DATA CFG WEIGHTS"),
            (["classifier", "demo", "toy.data"], "use pydarknet classify"),
            (["nightmare", *NET, "a.jpg", "4"], "not part of pydarknet"),
            (["detect", *NET, "a.jpg", "-tresh", ".3"], "did you mean '-thresh'?"),
            (["detect", *NET, "a.jpg", "--tresh=.3"], "did you mean '--thresh'?"),
            (["detect", *NET, "a.jpg", "--width", "416"], "here it is '--size'"),
            (["train", "toy.data", "net.cfg", "--imgsz", "416"], "the cfg says it, width= and height= in [net]"),
            (["train", "toy.data", "net.cfg", "--batch", "8"], "the cfg says it, batch= in [net]"),
            (["train", "toy.data", "net.cfg", "--epochs", "9"], "max_batches= (iterations, epochs x images / batch;"),
            (["detect", *NET, "a.jpg", "--verbose"], "unknown option --verbose; see"),  # and not --quiet
            (["detect", *NET, "a.jpg", "--widht", "416"], "unknown option --widht; see"),  # and not --depth
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

    @pytest.mark.parametrize("option", ["--size", "--imgsz"])
    def test_another_size_everywhere(self, cli, option: str) -> None:
        flops = [int(cli("ops", "yolov3-tiny.cfg", option, size).out.split()[3]) for size in ("224", "224x448")]
        assert flops[1] == 2 * flops[0]
        assert "input        64 x 32 x 3 " in cli("info", "net.cfg", option, "64x32").out
        assert "64 x 32 x 3" in cli("speed", "net.cfg", "1", option, "64x32").err
        assert cli("export", *NET, "a.npz", option, "64x32", "--quiet").code == 0

    def test_info(self, cli) -> None:
        out = cli("info", "yolov2-voc.cfg").out
        assert "operations   29,360,334,848 (29.36 Bn)" in out
        assert "parameters   50,676,061" in out
        assert "1.3221,1.73145" in out
        assert "27  reorg" in out

    def test_small_networks_have_sizes_too(self, cli) -> None:
        assert re.search(r"parameters +28 \(0\.1 kB in the file", cli("info", "net.cfg").out)

    def test_info_with_weights_and_tree(self, cli) -> None:
        out = cli("info", *TREE).out
        assert "4 nodes in 2 groups\n" in out, "in a grid of one cell all classes are computed"
        assert "version 0.2.0" in out

    def test_info_says_that_classes_are_lazy(self, cli) -> None:
        assert (
            "9418 nodes in 1846 groups, computed only where a walk looks at them\n" in cli("info", "yolo9000.cfg").out
        )

    def test_info_refuses_weights_of_another_network(self, cli) -> None:
        result = cli("info", "tree.cfg", "net.weights")
        assert result.code == 2
        assert "layer 1" in result.err


def test_result_type_strips_timings() -> None:
    assert Result(0, "a: b.jpg: Predicted in 0.1 seconds.\ncat: 1%\n", "").results == ["a: b.jpg", "cat: 1%"]
