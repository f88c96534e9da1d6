"""What the mutated files are given to. A target may raise DarknetError and nothing else."""

from __future__ import annotations

import os
import tempfile
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pydarknet.datasets import read_coco, write
from pydarknet.datasets.voc import read_annotation
from pydarknet.errors import CfgError, DataError, DeviceError, ImageError, ImageWarning, WeightsError
from pydarknet.evaluate.readers import read_coco_results
from pydarknet.formats.cfg import Section, dump, parse_cfg, parse_cfg_text
from pydarknet.formats.data import read_data, read_list, read_map, read_names
from pydarknet.formats.data import read_labels as read_class_labels
from pydarknet.formats.labels import check_labels, read_labels
from pydarknet.formats.layouts import Record
from pydarknet.formats.mapped import release
from pydarknet.formats.tree import Mode, read_tree
from pydarknet.formats.weights import load_weights, read_header, save_weights
from pydarknet.graph.graph import Graph
from pydarknet.images.image import load_image
from pydarknet.images.size import image_size
from pydarknet.network import Network

WEIGHTED = Path(__file__).parent / "corpus" / "cfg" / "weighted.cfg"
SMALL = 1_000_000
MODES: tuple[Mode, ...] = ("darknet", "paper")


def parse(path: Path) -> None:
    """The parser, every getter on every key, the warnings, and the way back to text."""
    cfg = parse_cfg(path)
    for section in [cfg.net, *cfg.sections]:
        read_everything(section)
        assert all(isinstance(text, str) for text in section.unused())
    again = parse_cfg_text(dump(cfg))
    assert [s.options for s in again.sections] == [s.options for s in cfg.sections]


def read_everything(section: Section) -> None:
    for key in [*section.options, "batch", "clip"]:
        for getter in (section.int_, section.float_, section.str_, section.bool_, section.ints, section.floats):
            with suppress(CfgError):
                getter(key)


@dataclass
class FakeLayer:
    index: int
    type: str
    records: list[Record]
    parameters: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    dontload = dontsave = dontloadscales = flipped = False
    numload = 0

    @property
    def transposable(self) -> bool:
        return self.type == "connected"

    @property
    def layouts(self) -> list[list[Record]]:
        return [self.records]

    def take_layout(self, index: int) -> None:
        assert index == 0


def fake_layers() -> list[FakeLayer]:
    """As many numbers as the weights of weighted.cfg, so that both targets share their seeds."""
    norm = [Record(name, (4,)) for name in ("scales", "rolling_mean", "rolling_variance")]
    return [
        FakeLayer(0, "convolutional", [Record("biases", (4,)), *norm, Record("weights", (4, 3, 3, 3))]),
        FakeLayer(1, "maxpool", []),
        FakeLayer(2, "convolutional", [Record("biases", (6,)), Record("weights", (6, 4, 1, 1))]),
        FakeLayer(3, "connected", [Record("biases", (5,)), Record("weights", (5, 96))]),
    ]


def load(path: Path) -> None:
    """Header and records, with and without cutoff and NaN; what loads must be the same after a round trip."""
    read_header(path)
    for cutoff in (0, 1, 3):
        with suppress(WeightsError):
            load_weights(path, fake_layers(), cutoff, allow_nan=True)
    layers = fake_layers()
    result = load_weights(path, layers)
    header = result.header
    again = path.with_suffix(".again")
    save_weights(again, layers, header.seen, (header.major, header.minor, header.revision))
    data, copy = path.read_bytes(), again.read_bytes()
    size = read_header(again).size  # the usual one of the version, where the file may have another
    assert copy[size:] == data[header.size : len(data) - result.trailing_bytes]
    assert header.size != size or copy[:size] == data[:size]
    for layer in layers:
        for array in layer.parameters.values():
            release(array)
            assert np.isfinite(array).all()


def text(path: Path) -> None:
    """The small files around a network; each reader gets every file."""
    for read in (read_names, read_class_labels, read_map, read_list):
        with suppress(DataError):
            read(path)
    with suppress(DataError):
        data = read_data(path)
        for key in data.options:
            with suppress(DataError):
                data.int_(key, 0)
            with suppress(DataError):
                data.path(key)
    tree = read_tree(path)
    uniform = 1 / tree.group_size[tree.group].astype(np.float32)
    for mode in MODES:
        node, probability = tree.descend(uniform, 0.1, mode)
        assert probability == float(tree.absolute(uniform)[node])


def network(path: Path) -> None:
    """The layers' shapes; and a network that is small enough to be quick also runs."""
    if is_small(Graph(path)):
        use(path, None)


def is_small(graph: Graph) -> bool:
    arrays = [graph.inputs.size, *(layer.out.size for layer in graph.layers)]
    arrays += [record.size for layer in graph.layers for record in layer.records]
    return max(arrays) < SMALL and graph.flops < 10 * SMALL


def network_weights(path: Path) -> None:
    """A small network takes the file for its weights and runs with them."""
    use(WEIGHTED, path)


def use(cfg: Path, weights: Path | None) -> None:
    """A batch, an image, and the same again at another size if the network can take one."""
    try:
        net = Network(cfg, weights, threads=1)
        run(net)
        with suppress(CfgError):
            net.resize(net.width + 32, net.height + 16)
        if is_small(net):
            run(net)
    except DeviceError as error:
        raise RuntimeError("no backend, or one that failed") from error


def run(net: Network) -> None:
    output = net.forward(np.linspace(0, 1, 2 * net.inputs.size, dtype=np.float32).reshape(2, *net.inputs))
    assert output.shape == (2, *net.outputs)
    if net.inputs.c == 3:
        picture = np.arange(7 * 9 * 3, dtype=np.uint8).reshape(7, 9, 3)
        with suppress(CfgError):  # trees of different heads, for instance
            net.detect(picture, thresh=0.05) if net.heads() else net.classify(picture)


def picture(path: Path) -> None:
    """Size and pixels, which agree; what has no size has no pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImageWarning)
        try:
            width, height = image_size(path)
        except ImageError:
            with suppress(ImageError):
                load_image(path)
                raise RuntimeError("pixels without a size") from None
            raise
        image = load_image(path)
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8


def instances(path: Path) -> None:
    """COCO's: what is read can be written, all of it below the folder, and read again."""
    images = path.parent / "images"
    data = read_coco({"train": (path, images)})
    with tempfile.TemporaryDirectory() as folder, suppress(DataError):  # two images of one name, for instance
        write(data, folder)
        assert read_names(Path(folder) / f"{Path(folder).name}.names", len(data.names))
    for sample in data.sets["train"]:
        assert os.path.normpath(sample.image).startswith(f"{images}{os.sep}")
        assert np.isfinite(np.array(sample.labels, float)).all()


def results(path: Path) -> None:
    found = read_coco_results(path, 80)
    assert np.isfinite(found.box).all()
    assert np.isfinite(found.score).all()


def annotation(path: Path) -> None:
    """VOC's."""
    found = read_annotation(path)
    numbers = [number for each in found.objects for number in each[2:]]
    assert np.isfinite(np.array([found.width, found.height, *numbers], float)).all()


def label(path: Path) -> None:
    """What training reads is what the check finds nothing wrong in, and numbers that fit the image."""
    for classes in (None, 2):
        _, problems = check_labels(path, classes)
        try:
            labels = read_labels(path, classes)
        except DataError:
            assert any(each.error for each in problems)
            if classes is not None:
                raise
            continue
        assert not any(each.error for each in problems)
        assert np.isfinite(labels).all()
        assert ((labels[:, 1:] >= 0) & (labels[:, 1:] <= 1)).all()


def raises(path: Path) -> None:
    raise RuntimeError(path.name)


def crashes(_: Path) -> None:
    os.abort()


CFG_TARGETS = {"parse": parse, "network": network}
WEIGHTS_TARGETS = {"load": load, "network": network_weights}
TEXT_TARGETS = {"read": text}
PICTURE_TARGETS = {"load": picture}
JSON_TARGETS = {"instances": instances, "results": results}
LABEL_TARGETS = {"read": label}
XML_TARGETS = {"annotation": annotation}
SELF_TEST_TARGETS = {"raises": raises, "crashes": crashes}  # broken readers that the run itself must find
