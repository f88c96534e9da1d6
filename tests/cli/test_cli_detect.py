"""`detect` and `classify`: what they print, draw and save, spelled as in Darknet and as usual."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.lib.cli_nets import LINE, spawned
from tests.lib.cli_words import CLASSES, NET, TREE, pictures


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

    def test_probabilities(self, cli) -> None:
        result = cli("detect", *TREE, "a.jpg", "--path-probabilities", "--save", "jsonl", "--save", "csv")
        assert result.results[1] == "animal .88 > cat .78: 95%"
        (found,) = json.loads(Path("detections.jsonl").read_text())["objects"]
        assert found["path_probabilities"] == [0.880797, 0.775803]
        assert Path("detections.csv").read_text().splitlines()[1].endswith("animal > cat,0.880797 > 0.775803,")

    @pytest.mark.parametrize(
        ("words", "lines"),
        [
            (("--classes", "cat"), ["cat: 95%"]),
            (("--classes", "dog,Animal"), ["cat: 95%"]),
            (("--classes", "dog", "--classes", "2"), ["cat: 95%"]),
            (("--classes", "dog,thing"), []),
            (("--classes", "cat", "--depth", "1"), ["animal: 95%"]),
            (("--leaf-only",), ["cat: 95%"]),
            (("--leaf-only", "--hier", ".9"), []),
        ],
    )
    def test_what_is_reported(self, cli, words: tuple[str, ...], lines: list[str]) -> None:
        assert cli("detect", *TREE, "a.jpg", *words).results[1:] == lines

    @pytest.mark.parametrize(
        ("files", "words", "hint"),
        [
            (TREE, ("--classes", "catt"), "classes: no class is called 'catt'; did you mean 'cat'?"),
            (TREE, ("--classes", "cat,,dog"), "expected names with commas between, found 'cat,,dog'"),
            (TREE, ("--depth", "0"), "--depth"),
            (NET, ("--depth", "1"), "depth=1: its classes are flat"),
            (NET, ("--leaf-only",), "leaf_only: its classes are flat"),
        ],
    )
    def test_what_can_not_be_reported(self, cli, files, words: tuple[str, ...], hint: str) -> None:
        result = cli("detect", *files, "a.jpg", *words)
        assert (result.code, result.out) == (2, "")
        assert hint in result.err

    def test_options_that_need_a_tree(self, cli) -> None:
        """Darknet's scripts give -hier for everything: it is said, not refused."""
        result = cli("detect", *NET, "a.jpg", "-hier", "0", "--path")
        assert result.code == 0
        assert "-hier, --path: changes nothing, since the classes form no tree" in result.err
        assert "-hier" not in cli("detect", *NET, "a.jpg").err

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

    def test_a_name_for_what_is_not_drawn(self, cli) -> None:
        result = cli("detect", *NET, "a.jpg", "-out", "b.jpg", "--no-draw")
        assert "warning: --out b.jpg: nothing is drawn" in result.err
        assert not Path("b.jpg").exists()
        assert "warning" not in cli("detect", *NET, "a.jpg", "--no-draw").err

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

    def test_classes_are_saved(self, cli) -> None:
        expected = {"class_id": 0, "name": "cat", "probability": 0.880797}
        told = cli("classify", *CLASSES, "a.jpg", "--top", 1, "--names", "toy.names", "--save-to", "found.jsonl")
        (line,) = Path("found.jsonl").read_text().splitlines()
        assert json.loads(line) == {"filename": "a.jpg", "width": 40, "height": 30, "classes": [expected]}
        assert "found.jsonl: saved, of 1 image" in told.err
        piped = spawned("classify", *CLASSES, "a.jpg", "--top", 1, "--names", "toy.names", "--save-to", "-")
        assert piped.out == line + "\n"
        assert "88.08%: cat" in piped.err
        for read in ("a.jpg", "classes.cfg"):
            assert cli("classify", *CLASSES, "a.jpg", "--save-to", read).code == 2

    @pytest.mark.parametrize("command", [("detect", *NET), ("detector", "test", "toy.data", *NET)])
    def test_darknets_examples_are_offered(self, cli, command: tuple[str, ...]) -> None:
        assert "pydarknet weights get dog.jpg --folder data\n" in cli(*command, "data/dog.jpg").err
        for other in ("data/cat.jpg", "http://127.0.0.1:1/dog.jpg"):
            assert "weights get" not in cli(*command, other).err

    def test_a_detector_detects(self, cli) -> None:
        result = cli("detect", *CLASSES, "a.jpg")
        assert result.code == 2
        assert "use pydarknet classify" in result.err


class TestOptions:
    """Those that users of other detectors look for."""

    def test_another_input_size(self, cli) -> None:
        for words, told in ((["--size", "64"], "64 x 64"), (["--imgsz", "64x96"], "64 x 96")):
            result = cli("detect", *NET, "a.jpg", *words)
            assert result.code == 0
            assert f"; {told} by letterbox" in result.err
        result = cli("detect", *NET, "a.jpg", "--size", "0")
        assert result.code == 2

    def test_names_of_others(self, cli) -> None:
        assert (
            cli("detect", *NET, "a.jpg", "--conf", ".1", "--iou", ".3").out.splitlines()[1:]
            == (cli("detect", *NET, "a.jpg", "-thresh", ".1", "-nms", ".3").out.splitlines()[1:])
        )

    @pytest.mark.parametrize(
        ("word", "told"),
        [
            ("--width", "here it is '--size'"),
            ("--save_txt", "here it is '--save'"),
            ("--source", "CFG WEIGHTS IMAGE"),
        ],
    )
    def test_options_of_others_are_explained(self, cli, word: str, told: str) -> None:
        result = cli("detect", *NET, "a.jpg", word, "1")
        assert result.code == 2
        assert told in result.err

    def test_a_file_that_looks_like_an_option(self, cli) -> None:
        Path("-dash.jpg").write_bytes(Path("a.jpg").read_bytes())
        assert "the file of this name is './-dash.jpg'" in cli("detect", *NET, "-dash.jpg").err
        assert cli("detect", *NET, "./-dash.jpg").code == 0

    @pytest.mark.parametrize("verb", [["data", "voc"], ["tree", "show"], ["weights", "get"]])
    def test_unknown_options_of_verbs(self, cli, verb: list[str]) -> None:
        result = cli(*verb, "x", "--no-such", "1")
        assert result.code == 2
        assert f"unknown option --no-such; see pydarknet {' '.join(verb)} --help" in result.err

    @pytest.mark.parametrize("size", ["64x", "x64", "64*64", "64,64", "6.4"])
    def test_sizes_that_are_none(self, cli, size: str) -> None:
        result = cli("detect", *NET, "a.jpg", "--size", size)
        assert result.code == 2
        assert "such as 416 or 544x416" in result.err

    def test_what_detections_rest_on_is_drawn(self, cli) -> None:
        """A map for each line that is printed, those of images of one name apart."""
        pictures("one/a.jpg", "two/a.jpg")
        result = cli("detect", *NET, "one/a.jpg", "two/a.jpg", "--explain", "why", "--no-draw")
        assert result.code == 0
        assert sorted(os.listdir("why")) == ["a-2_1.jpg", "a_1.jpg"]
        assert cli("detect", *NET, "one/a.jpg", "--explain", "one/a.jpg").code == 2

    def test_crops(self, cli) -> None:
        Path("b.jpg").write_bytes(Path("a.jpg").read_bytes())
        result = cli("detect", *NET, "a.jpg", "b.jpg", "-thresh", ".01", "--save", "json", "--save-crops", "crops")
        assert result.code == 0
        pictures = json.loads(Path("detections.json").read_text())
        expected = {(each["name"], Path(one["filename"]).stem) for one in pictures for each in one["objects"]}
        written = {(path.parent.name, path.stem.rpartition("_")[0]) for path in Path("crops").rglob("*.jpg")}
        assert expected
        assert written <= expected
        assert {stem for _, stem in written} == {stem for _, stem in expected}

    def test_small_boxes_are_left_out(self, cli) -> None:
        every = cli("detect", *NET, "a.jpg", "-thresh", ".01").out.splitlines()
        large = cli("detect", *NET, "a.jpg", "-thresh", ".01", "--min-size", "100000").out.splitlines()
        assert len(every) > len(large) == 1

    def test_tiles(self, cli) -> None:
        assert cli("detect", *NET, "a.jpg", "--tile", "32").code == 0
        assert cli("detect", *NET, "a.jpg", "--tile", "3").code == 2


@pytest.mark.parametrize("word", ["none.weights", "mine.pt", "mine.weights.gz", "my.backup", "yolov2", "weird"])
def test_weights_behind_a_network_s_name_are_meant(cli, word: str) -> None:
    """There or not, of this network or not: nothing is looked at with others."""
    Path("weird").write_bytes(b"\0\0\0\0\2\0\0\0" * 9)
    result = cli("detect", "stamps", word, "a.jpg")
    assert (result.code, result.out) == (2, "")
    assert f"{word}" in result.err


def test_images_behind_a_network_s_name_are_images(cli) -> None:
    Path("image").write_bytes(Path("a.jpg").read_bytes())
    Path("in").mkdir()
    Path("in/b.jpg").write_bytes(Path("a.jpg").read_bytes())
    for word, path in (("a.jpg", "a.jpg"), ("image", "image"), ("in", "in/b.jpg")):
        assert f"{path}: Predicted" in cli("detect", "stamps", word, "--no-draw").out
