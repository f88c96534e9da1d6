"""`detector valid`, `map`, `recall`, `classifier valid`: answers known by hand, from networks blind to pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.errors import CfgError
from pydarknet.evaluate import Truth
from pydarknet.evaluate.readers import read_coco_results, read_imagenet_results, read_truth, read_voc_results
from pydarknet.evaluate.run import Seen, evaluate_network
from tests.lib.cli_nets import CLASSIFIER, NET, call, write_files, write_net, write_picture

NETWORK = ("net.cfg", "net.weights")
# The box that `net` finds in every picture of 40 x 30: 20 x 20 pixels in the middle; cat .839, dog .114.
BOX = "0.5 0.5 0.5 0.66666667"
CAT, DOG = 0.9525741 * 0.8807971, 0.9525741 * 0.1192029


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Calls the command line in a folder with pictures of a cat, a dog, and nothing, and their .data file."""
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    for stem, label in (("p_1", f"0 {BOX}\n"), ("p_2", f"1 {BOX}\n"), ("p_3", "")):
        write_picture(Path("images", f"{stem}.jpg"))
        write_text(f"labels/{stem}.txt", label)
    write_text("valid.list", "".join(f"images/p_{i}.jpg\n" for i in (1, 2, 3)))
    data()
    return lambda *words: call(capsys, *words)


def write_text(path: str, text: str) -> None:
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(text)


def data(**keys: str) -> None:
    """v.data with these keys besides the usual ones."""
    lines = {"classes": "2", "valid": "valid.list", "names": "toy.names", **keys}
    write_text("v.data", "".join(f"{key}={value}\n" for key, value in lines.items()))


def break_picture(stem: str = "p_2") -> None:
    Path("images", f"{stem}.jpg").write_bytes(b"no image")


def images() -> list[str]:
    return Path("valid.list").read_text().split()


class TestDetectorValid:
    def test_voc(self, cli) -> None:
        result = cli("detector", "valid", "v.data", *NETWORK)
        assert result.code == 0
        assert "results are in results" in result.err
        assert sorted(path.name for path in Path("results").iterdir()) == [
            "comp4_det_test_cat.txt",
            "comp4_det_test_dog.txt",
        ]
        found = read_voc_results("results", ["cat", "dog"], images())
        assert sorted(zip(found.image.tolist(), found.class_id.tolist(), strict=True)) == [
            (i, c) for i in range(3) for c in range(2)
        ]
        np.testing.assert_allclose(found.box, [[10, 5, 20, 20]] * 6, atol=1e-5)
        np.testing.assert_allclose(found.score, [CAT] * 3 + [DOG] * 3, atol=1e-6)

    def test_coco(self, cli) -> None:
        data(eval="coco", results="out")
        assert cli("detector", "valid", "v.data", *NETWORK, "--batch", 2).code == 0
        found = read_coco_results("out/coco_results.json", 2, {1: 0, 2: 1, 3: 2})
        assert len(found) == 6

    def test_imagenet(self, cli) -> None:
        data(eval="imagenet")
        assert cli("detector", "valid", "v.data", *NETWORK).code == 0
        found = read_imagenet_results("results/imagenet-detection.txt")
        assert found.image.tolist() == [0, 0, 1, 1, 2, 2]

    @pytest.mark.parametrize(
        ("kind", "file"), [("voc", "mine_cat.txt"), ("coco", "mine_.json"), ("imagenet", "mine_.txt")]
    )
    def test_out(self, cli, kind: str, file: str) -> None:
        data(eval=kind)
        assert cli("detector", "valid", "v.data", *NETWORK, "-out", "mine_").code == 0
        assert Path("results", file).is_file()

    def test_thresh(self, cli) -> None:
        assert cli("detector", "valid", "v.data", *NETWORK, "-thresh", ".5").code == 0
        assert Path("results/comp4_det_test_dog.txt").read_text() == ""

    def test_map_of_a_tree(self, cli) -> None:
        # Class 0 is node 3 (dog), class 1 node 2 (cat): absolute probabilities .105 and .776 times objectness.
        write_text("toy.map", "3\n2\n")
        data(eval="imagenet", map="toy.map", names="tree.names")
        write_text("tree.names", "animal\nthing\ncat\ndog\n")
        assert cli("detector", "valid", "v.data", "tree.cfg", "tree.weights").code == 0
        found = read_imagenet_results("results/imagenet-detection.txt")
        first = dict(zip(found.class_id[:2].tolist(), found.score[:2].tolist(), strict=True))
        assert first == pytest.approx({0: 0.9525741 * 0.8807971 * 0.1192029, 1: 0.9525741 * 0.8807971**2}, abs=1e-6)

    def test_what_is_reported(self, cli) -> None:
        """With a map its classes are those of the nodes that are asked for."""
        write_text("toy.map", "3\n2\n")
        write_text("tree.names", "animal\nthing\ncat\ndog\n")
        data(eval="imagenet", map="toy.map", names="tree.names")
        result = cli("detector", "valid", "v.data", "tree.cfg", "tree.weights", "--classes", "dog", "-hier", ".5")
        assert set(read_imagenet_results("results/imagenet-detection.txt").class_id) == {0}
        assert "-hier: changes nothing, since map= reports each class by itself" in result.err
        result = cli("detector", "valid", "v.data", "tree.cfg", "tree.weights", "--depth", "1")
        assert result.code == 2
        assert "depth=1: with a map" in result.err

    def test_unreadable_picture_keeps_its_number(self, cli) -> None:
        break_picture()
        data(eval="imagenet")
        result = cli("detector", "valid", "v.data", *NETWORK)
        assert result.code == 1
        assert "error: images/p_2.jpg: is not an image" in result.err
        assert set(read_imagenet_results("results/imagenet-detection.txt").image) == {0, 2}

    @pytest.mark.parametrize(
        ("keys", "hint"),
        [
            ({"eval": "kitti"}, "v.data:4: eval: expected one of voc, coco, imagenet, found 'kitti'"),
            ({"valid": "none.list"}, "can't find 'none.list'"),
            ({"map": "toy.map"}, "has no tree"),
        ],
    )
    def test_wrong_data_file(self, cli, keys: dict[str, str], hint: str) -> None:
        data(**keys)
        result = cli("detector", "valid", "v.data", *NETWORK)
        assert result.code == 2
        assert hint in result.err
        assert not Path("results").exists()

    def test_classifier(self, cli) -> None:
        result = cli("detector", "valid", "v.data", "classes.cfg", "classes.weights")
        assert result.code == 2
        assert "use pydarknet classifier valid" in result.err


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

    def test_difficult(self, cli) -> None:
        write_text("labels/p_3_hard.txt", f"0 {BOX}\n")
        write_text("difficult.list", "images/none_1.jpg\nimages/none_2.jpg\nimages/p_3_hard.jpg\n")
        for stem in ("none_1", "none_2"):
            write_text(f"labels/{stem}.txt", "")
        data(difficult="difficult.list")
        assert "name = cat, ap = 100.00%   \t (TP = 1, FP = 1)" in cli("detector", "map", "v.data", *NETWORK).out

    def test_tree(self, cli) -> None:
        data(classes="4", names="tree.names")
        write_text("tree.names", "animal\nthing\ncat\ndog\n")
        write_text("labels/p_1.txt", f"2 {BOX}\n")
        write_text("labels/p_2.txt", f"0 {BOX}\n")
        result = cli("detector", "map", "v.data", "tree.cfg", "tree.weights")
        assert result.code == 0
        # Every picture is said to hold a cat: right for the first, more than is known for the second.
        assert "along the tree: AP 100.00%, exact 100.00%" in result.out

    @pytest.fixture
    def _tree(self, cli) -> None:
        """A cat and an animal, in both of which the network sees a cat, and a dog that it takes for one."""
        data(classes="4", names="tree.names", train="valid.list")
        write_text("tree.names", "animal\nthing\ncat\ndog\n")
        for i, label in enumerate((2, 0, 3), 1):
            write_text(f"labels/p_{i}.txt", f"{label} {BOX}\n")

    @pytest.mark.usefixtures("_tree")
    def test_measures_along_a_tree(self, cli) -> None:
        out = cli("detector", "map", "v.data", "tree.cfg", "tree.weights", "--json", "t.json").out
        (group,) = json.loads(Path("t.json").read_text())["groups"]
        assert group == {
            "name": "all", "classes": 3, "objects": 3, "mean_ap": pytest.approx(1 / 3),
            # animal 1; cat 1, where what is said of the animal can't be judged; dog 0
            "expanded_ap": pytest.approx(2 / 3), "ap_by_depth": [1, 0.5], "found": 1,
            "hprecision": pytest.approx(4 / 6), "hrecall": pytest.approx(4 / 5), "hf": pytest.approx(8 / 11),
            "overall_hprecision": pytest.approx(4 / 6), "overall_hrecall": pytest.approx(4 / 5),
            "overall_hf": pytest.approx(8 / 11),
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
        result = cli("detector", "map", "v.data", "tree.cfg", "tree.weights", "--json", "t.json", *how)
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
        write_text("tree.names", "animal\nthing\ncat\ndog\n")
        write_text("never.list", "cat\n")
        data(map="toy.map", names="tree.names")
        out = cli("detector", "map", "v.data", "tree.cfg", "tree.weights", "--unboxed", "never.list").out
        assert "name = dog, ap = 100.00%" in out  # of p_1
        assert out.splitlines()[-1].split()[-1] == "0.5000"

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


class TestEvaluateNetwork:
    def test_report(self, cli) -> None:
        seen: list[Seen] = []
        truth = read_truth(images(), 2)
        result = evaluate_network(Network(*NETWORK), images(), truth, batch=2, seen=seen.append)
        assert (result.ap, [row.name for row in result.rows]) == (0.75, ["0", "1"])
        assert [each.index for each in seen] == [0, 1, 2]
        assert all(each.size == (40, 30) for each in seen)

    def test_no_picture_can_be_read(self, cli) -> None:
        for i in (1, 2, 3):
            break_picture(f"p_{i}")
        truth = Truth.of([0, 1], [0, 1], [[10, 5, 20, 20]] * 2)
        result = evaluate_network(Network(*NETWORK), images(), truth, names=["cat", "dog"])
        assert (result.ap, result.counts.fn) == (None, 0)

    def test_a_classifier_has_no_boxes(self, cli) -> None:
        with pytest.raises(CfgError, match="use classify"):
            evaluate_network(Network("classes.cfg"), images(), Truth.of([], [], []))


class TestRecall:
    def test_lines(self, cli) -> None:
        result = cli("detector", "recall", "v.data", *NETWORK)
        assert result.code == 0
        # Stretched, the box is half of the picture each way: IoU .25 / .3333 with the labels.
        assert result.out.splitlines() == [
            "    0     1     1\tRPs/Img: 1.00\tIOU: 75.00%\tRecall:100.00%",
            "    1     2     2\tRPs/Img: 1.00\tIOU: 75.00%\tRecall:100.00%",
            "    2     2     2\tRPs/Img: 1.00\tIOU: 75.00%\tRecall:100.00%",
        ]

    def test_iou_thresh(self, cli) -> None:
        assert cli("detector", "recall", "v.data", *NETWORK, "-iou_thresh", ".8").out.endswith("Recall:0.00%\n")

    def test_objectness_alone_decides(self, cli) -> None:
        # Both classes are below .9 and the objectness is above it.
        assert "RPs/Img: 1.00" in cli("detector", "recall", "v.data", *NETWORK, "-thresh", ".9").out

    def test_unreadable_picture(self, cli) -> None:
        break_picture()
        result = cli("detector", "recall", "v.data", *NETWORK)
        assert (result.code, len(result.out.splitlines())) == (1, 2)


class TestClassifierValid:
    """The network always says cat: .88 cat, .12 dog."""

    @pytest.fixture(autouse=True)
    def _pictures(self, cli) -> None:
        paths = ["in/cat_1.jpg", "in/dog_2.jpg", "in/cat_3.jpg", "in/cow_4.jpg"]
        for path in paths:
            write_picture(Path(path))
        write_text("valid.list", "\n".join(paths))
        write_text("toy.labels", "cat\ndog\n")
        data(labels="toy.labels", top="2")

    def test_lines(self, cli) -> None:
        result = cli("classifier", "valid", "v.data", "classes.cfg", "classes.weights")
        assert result.code == 0
        assert result.out.splitlines() == [
            "in/cat_1.jpg, 0, 0.880797, 0.119203, ",
            "0: top 1: 1.000000, top 2: 1.000000",
            "in/dog_2.jpg, 1, 0.880797, 0.119203, ",
            "1: top 1: 0.500000, top 2: 1.000000",
            "in/cat_3.jpg, 0, 0.880797, 0.119203, ",
            "2: top 1: 0.666667, top 2: 1.000000",
            "in/cow_4.jpg, -1, 0.880797, 0.119203, ",
            "3: top 1: 0.500000, top 2: 0.750000",
        ]
        assert "1 of 4 paths hold no label" in result.err

    def test_quiet_and_top(self, cli) -> None:
        words = ("-quiet", "-topk", 1, "--batch", 3)
        result = cli("classifier", "valid", "v.data", "classes.cfg", "classes.weights", *words)
        assert result.out == "3: top 1: 0.500000, top 1: 0.500000\n"

    def test_unreadable_picture(self, cli) -> None:
        Path("in/dog_2.jpg").write_bytes(b"")
        result = cli("classifier", "valid", "v.data", "classes.cfg", "classes.weights", "--batch", 3)
        assert result.code == 1
        assert result.out.endswith("2: top 1: 0.666667, top 2: 0.666667\n")

    @pytest.mark.parametrize(
        ("leaves", "right", "along"),
        [
            # cat .64, dog .24, thing .12; animal, .88, is no leaf. Of cow nothing is known.
            (None, "0.500000", "top 1: 0.666667, top 1: 0.666667; at depth 1: 1.000000, 2: 0.666667"),
            ("thing\ndog\n", "0.250000", "top 1: 0.333333, top 1: 0.333333; at depth 1: 1.000000, 2: 0.333333"),
        ],
    )
    def test_tree(self, cli, leaves: str | None, right: str, along: str) -> None:
        cfg = CLASSIFIER.replace("filters=2", "filters=4") + "tree=toy.tree\n"
        assert cfg.startswith(NET)
        write_net(Path.cwd(), "treed", cfg, (2, 0, 1, 0))
        write_text("tree.labels", "animal\nthing\ncat\ndog\n")
        keys = {} if leaves is None else {"leaves": "some.list"}
        write_text("some.list", leaves or "")
        data(classes="4", labels="tree.labels", names="tree.labels", **keys)
        result = cli("classifier", "valid", "v.data", "treed.cfg", "treed.weights", "-quiet")
        assert result.out == f"3: top 1: {right}, top 1: {right}\nalong the tree: {along}\n"

    def test_inner_nodes_are_right_from_above(self, cli) -> None:
        """An image of an animal: any animal is right, none is as deep as Darknet's count asks for."""
        write_net(Path.cwd(), "treed", CLASSIFIER.replace("filters=2", "filters=4") + "tree=toy.tree\n", (2, 0, 1, 0))
        write_text("tree.labels", "animal\nthing\ncat\ndog\n")
        for path in ("in/animal_1.jpg", "in/thing_2.jpg"):
            write_picture(Path(path))
        write_text("valid.list", "in/animal_1.jpg\nin/thing_2.jpg\n")
        data(classes="4", labels="tree.labels", names="tree.labels", top="3")
        result = cli("classifier", "valid", "v.data", "treed.cfg", "treed.weights", "-quiet")
        assert result.out.splitlines() == [
            "1: top 1: 0.000000, top 3: 0.500000",
            "along the tree: top 1: 0.500000, top 3: 1.000000; at depth 1: 0.500000",
        ]

    @pytest.mark.parametrize(("labels", "hint"), [("cat\n", "expected at least 2 names, found 1"), ("", "expected")])
    def test_wrong_labels(self, cli, labels: str, hint: str) -> None:
        write_text("toy.labels", labels)
        result = cli("classifier", "valid", "v.data", "classes.cfg", "classes.weights")
        assert result.code == 2
        assert hint in result.err
