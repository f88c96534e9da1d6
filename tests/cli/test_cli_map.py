"""`detector map`: answers known by hand, from networks blind to images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.valid_set import BOX, NETWORK, TREE, break_picture, data, write_set, write_text
from tests.lib.cli_nets import write_picture


@pytest.fixture
def cli(cli):
    """Calls the command line in a folder with images and their .data file, too."""
    write_set()
    return cli


class TestMap:
    def test_lines(self, cli) -> None:
        result = cli("detector", "map", "v.data", *NETWORK)
        assert result.code == 0
        # The dog comes second of three: precision 1/2 at its recall.
        assert "class_id = 0, name = cat, ap = 100.00%   \t (TP = 1, FP = 2)" in result.out
        assert "class_id = 1, name = dog, ap = 50.00%   \t (TP = 0, FP = 0)" in result.out
        assert "conf_thresh = 0.25, precision = 0.33, recall = 0.50, F1-score = 0.40" in result.out
        assert "TP = 1, FP = 2, FN = 1, average IoU = 33.33 %" in result.out
        assert "mean average precision (mAP@0.50) = 0.750000, or 75.00 %" in result.out

    def test_thresh_changes_counts_not_precision(self, cli) -> None:
        out = cli("detector", "map", "v.data", *NETWORK, "-thresh", ".1").out
        assert "name = dog, ap = 50.00%   \t (TP = 1, FP = 2)" in out

    @pytest.mark.parametrize(("words", "ap"), [(["-points", "11"], "0.750000"), (["-iou_thresh", "1"], "0.000000")])
    def test_measures(self, cli, words: list[str], ap: str) -> None:
        write_text("labels/p_1.txt", f"0 {BOX.replace('0.66666667', '0.6')}\n")
        write_text("labels/p_2.txt", f"1 {BOX.replace('0.66666667', '0.6')}\n")
        assert f"= {ap}, or" in cli("detector", "map", "v.data", *NETWORK, *words).out

    def test_files_and_coco(self, cli) -> None:
        words = ("--csv", "t.csv", "--json", "t.json", "--confusion", "c.png", "--coco")
        result = cli("detector", "map", "v.data", *NETWORK, *words)
        assert result.code == 0
        assert "AP50       0.7" in result.out
        assert json.loads(Path("t.json").read_text())["mean_ap"] == 0.75
        assert Path("t.csv").read_text().count("\n") == 3
        assert Path("c.png").stat().st_size > 100

    def test_mistakes_and_curves(self, cli) -> None:
        result = cli(
            "detector", "map", "v.data", *NETWORK, "--mistakes", "--json", "all.json", "--curves", "curves.svg"
        )
        assert result.code == 0
        assert "AP lost" in result.out
        content = json.loads(Path("all.json").read_text())["mistakes"]
        assert set(content) == {"location", "class", "duplicate", "background", "both", "missed"}
        assert Path("curves.svg").read_text().count("<polyline") > 3
        assert cli("detector", "map", "v.data", *NETWORK, "--curves", "absent/curves.svg").code == 2

    def test_difficult(self, cli) -> None:
        write_text("labels/p_3_hard.txt", f"0 {BOX}\n")
        write_text("difficult.list", "images/none_1.jpg\nimages/none_2.jpg\nimages/p_3_hard.jpg\n")
        for stem in ("none_1", "none_2"):
            write_text(f"labels/{stem}.txt", "")
        data(difficult="difficult.list")
        assert "name = cat, ap = 100.00%   \t (TP = 1, FP = 1)" in cli("detector", "map", "v.data", *NETWORK).out

    def test_tree(self, cli) -> None:
        data(classes="4", names="tree.names")
        write_text("labels/p_1.txt", f"2 {BOX}\n")
        write_text("labels/p_2.txt", f"0 {BOX}\n")
        result = cli("detector", "map", "v.data", *TREE)
        assert result.code == 0
        # Every image is said to hold a cat: right for the first, more than is known for the second.
        assert "along the tree: AP 100.00%, exact 100.00%" in result.out

    @pytest.fixture
    def _tree(self, cli) -> None:
        """A cat and an animal, in both of which the network sees a cat, and a dog that it takes for one."""
        data(classes="4", names="tree.names", train="valid.list")
        for i, label in enumerate((2, 0, 3), 1):
            write_text(f"labels/p_{i}.txt", f"{label} {BOX}\n")

    @pytest.mark.usefixtures("_tree")
    def test_measures_along_a_tree(self, cli) -> None:
        out = cli("detector", "map", "v.data", *TREE, "--json", "t.json").out
        (group,) = json.loads(Path("t.json").read_text())["groups"]
        assert group == {
            "name": "all", "classes": 3, "objects": 3, "mean_ap": pytest.approx(1 / 3),
            # animal 1; cat 1, where what is said of the animal can't be evaluated; dog 0
            "expanded_ap": pytest.approx(2 / 3), "ap_by_depth": [1, 0.5], "found": 1,
            **{
                f"{which}hierarchical_{key}": pytest.approx(value)
                for which in ("", "overall_")
                for key, value in (("precision", 4 / 6), ("recall", 4 / 5), ("f", 8 / 11))
            },
        }  # fmt: skip
        assert "\nmean AP at depth 2               0.5000\n" in out

    @pytest.mark.usefixtures("_tree")
    @pytest.mark.parametrize("how", [("--unboxed", "never.list"), (), ("--by-boxes",)])
    def test_classes_that_never_had_a_box(self, cli, how: tuple[str, ...]) -> None:
        write_text("never.list", "dog\nthing\n")
        if not how:
            data(classes="4", names="tree.names", unboxed="never.list")
        if how == ("--by-boxes",):
            write_picture(Path("images/t.jpg"))
            write_text("labels/t.txt", f"2 {BOX}\n3 0 0 0 0\n")
            write_text("train.list", "images/t.jpg\n")
            data(classes="4", names="tree.names", train="train.list")
        result = cli("detector", "map", "v.data", *TREE, "--json", "t.json", *how)
        assert result.code == 0
        groups = json.loads(Path("t.json").read_text())["groups"]
        assert [(each["name"], each["objects"], each["expanded_ap"]) for each in groups[1:]] == [
            ("boxed", 2, 1),
            ("never boxed", 1, 0),
        ]

    def test_flat_classes_that_never_had_a_box(self, cli) -> None:
        write_text("never.list", "dog\n")
        out = cli("detector", "map", "v.data", *NETWORK, "--unboxed", "never.list").out
        assert out.splitlines()[-1].split() == ["mean", "AP", "0.7500", "1.0000", "0.5000"]

    def test_mapped_classes_that_never_had_a_box(self, cli) -> None:
        """As the paper reports them: by each class's own probability, not by the walk."""
        write_text("toy.map", "3\n2\n")
        write_text("never.list", "cat\n")
        data(map="toy.map", names="tree.names")
        out = cli("detector", "map", "v.data", *TREE, "--unboxed", "never.list").out
        assert "name = dog, ap = 100.00%" in out  # of p_1
        assert out.splitlines()[-1].split()[-1] == "0.5000"

    @pytest.mark.usefixtures("_tree")
    def test_each_node_by_its_own_probability(self, cli) -> None:
        """With a map of every node to itself: dog is the second guess in every image, and right in one of three."""
        write_text("every.map", "0\n1\n2\n3\n")
        write_text("never.list", "dog\n")
        data(classes="4", names="tree.names", map="every.map")
        out = cli("detector", "map", "v.data", *TREE, "--unboxed", "never.list").out
        assert "name = dog, ap = 33.33%" in out
        assert out.splitlines()[-1].split()[-1] == "0.3333"

    @pytest.mark.usefixtures("_tree")
    def test_a_map_of_training_alone_is_said(self, cli) -> None:
        write_text("two.map", "2\n3\n")
        write_text("mapped.cfg", Path("tree.cfg").read_text() + "map=two.map\n")
        result = cli("detector", "map", "v.data", "mapped.cfg", "tree.weights")
        assert result.code == 0
        assert "v.data: labels are taken for nodes of the tree" in result.err

    @pytest.mark.parametrize(("text", "hint"), [("fish\n", "no class is called 'fish'"), ("", "expected")])
    def test_wrong_list_of_those(self, cli, text: str, hint: str) -> None:
        write_text("never.list", text)
        result = cli("detector", "map", "v.data", *NETWORK, "--unboxed", "never.list")
        assert result.code == 2
        assert hint in result.err

    def test_unreadable_picture_does_not_count(self, cli) -> None:
        break_picture()
        result = cli("detector", "map", "v.data", *NETWORK)
        assert result.code == 1
        assert "FN = 0" in result.out

    def test_bad_labels_before_anything_runs(self, cli) -> None:
        write_text("labels/p_2.txt", "7 .5 .5 .1 .1")
        result = cli("detector", "map", "v.data", *NETWORK)
        assert result.code == 2
        assert "p_2.txt:1: " in result.err

    @pytest.mark.parametrize("command", ["map", "recall"])
    def test_a_picture_without_a_label_file_shows_nothing(self, cli, command: str) -> None:
        """But if none has one, they are somewhere else."""
        whole = cli("detector", command, "v.data", *NETWORK)
        Path("labels/p_3.txt").unlink()
        result = cli("detector", command, "v.data", *NETWORK)
        assert (result.code, result.out) == (0, whole.out)
        assert "1 of 3 images have no label file: they show nothing; the first: images/p_3.jpg" in result.err
        for path in Path("labels").iterdir():
            path.unlink()
        result = cli("detector", command, "v.data", *NETWORK)
        assert result.code == 2
        assert "none of its images has a label file; expected labels/p_1.txt" in result.err
