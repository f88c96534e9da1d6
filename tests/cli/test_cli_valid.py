"""`detector valid`, `recall`, `classifier valid`: answers known by hand, from networks blind to images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet import Network
from pydarknet.errors import CfgError
from pydarknet.evaluate import Truth
from pydarknet.evaluate.readers import read_coco_results, read_imagenet_results, read_truth, read_voc_results
from pydarknet.evaluate.run import Seen, evaluate_network
from tests.cli.valid_set import CAT, DOG, NETWORK, break_picture, data, images, write_set, write_text
from tests.lib.cli_nets import CLASSIFIER, NET, write_net, write_picture


@pytest.fixture
def cli(cli):
    """Calls the command line in a folder with images and their .data file, too."""
    write_set()
    return cli


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
        assert cli("detector", "valid", "v.data", "tree.cfg", "tree.weights").code == 0
        found = read_imagenet_results("results/imagenet-detection.txt")
        first = dict(zip(found.class_id[:2].tolist(), found.score[:2].tolist(), strict=True))
        assert first == pytest.approx({0: 0.9525741 * 0.8807971 * 0.1192029, 1: 0.9525741 * 0.8807971**2}, abs=1e-6)

    def test_what_is_reported(self, cli) -> None:
        """With a map its classes are those of the nodes that are asked for."""
        write_text("toy.map", "3\n2\n")
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
        # Stretched, the box is half of the image each way: IoU .25 / .3333 with the labels.
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
