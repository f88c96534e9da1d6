"""Wrong files given to `Network`: the right error, with file and line or the layer in it, and nothing changed."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pydarknet import CfgError, DarknetError, DataError, ImageError, Network, WeightsError
from pydarknet.errors import DeviceError
from tests.lib import nets

CONV = "[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=leaky\n"
REGION = "[convolutional]\nfilters={filters}\nactivation=linear\n[region]\nclasses=3\nnum=2\nanchors=1,1,2,2\n"

# Layers behind the four lines of [net] (16 x 16 x 3), the line of the error, and what its message must say.
WRONG_LAYERS = {
    "unknown section": ("[convolutionl]\nfilters=4", 5, ["unknown section", "convolutional"]),
    "no layers": ("", 1, ["no layers"]),
    "filters 0": ("[convolutional]\nfilters=0", 6, ["filters=0", "at least 1"]),
    "filters negative": ("[convolutional]\nsize=1\nfilters=-4", 7, ["filters=-4"]),
    "size 0": ("[convolutional]\nsize=0", 6, ["size=0"]),
    "stride 0": ("[convolutional]\nstride=0", 6, ["stride=0"]),
    "window too large": ("[convolutional]\nsize=19", 6, ["size=19", "16 x 16"]),
    "groups": ("[convolutional]\nfilters=4\ngroups=2", 7, ["groups=2", "3 input channels"]),
    "activation": ("[convolutional]\nactivation=laeky", 6, ["laeky", "leaky"]),
    "xnor": ("[convolutional]\nxnor=1\ngroups=3\nfilters=3", 6, ["xnor"]),
    "share_index of none": (CONV + "[convolutional]\nshare_index=1", 11, ["share_index=1", "earlier"]),
    "share_index of another size": (CONV * 2 + "[convolutional]\nsize=3\nshare_index=0", 17, ["layer 0", "size"]),
    "share_index of no convolution": (CONV + "[avgpool]\n[conv]\nshare_index=1", 12, ["layer 1 [avgpool]"]),
    "antialiasing of a pixel": ("[avgpool]\n[conv]\nantialiasing=2", 7, ["antialiasing", "1 x 1", "2 x 2"]),
    "channels of maxpool": ("[maxpool]\nmaxpool_depth=1\nout_channels=4", 7, ["out_channels=4", "1 to 3"]),
    "implicit": ("[implicit]\nfilters=0", 6, ["filters=0"]),
    "implicit atoms": (f"[implicit]\nfilters=65536\natoms={1 << 20}", 5, ["elements"]),
    "deconvolutional": ("[deconvolutional]\nsize=1\npadding=9", 5, ["empty output"]),
    "activation across channels": ("[activation]\nactivation=normalize_channels", 6, ["no Darknet", "normalize_"]),
    "shortcut of sizes": (
        CONV + "[maxpool]\nstride=2\n[route]\nlayers=0\n[shortcut]\nfrom=0,1",
        15,
        ["layer 1 gives 8 x 8", "one size"],
    ),
    "shortcut of weights": (
        CONV * 2 + "[shortcut]\nfrom=0\nweights_type=per_pixel",
        17,
        ["per_pixel", "per_channel"],
    ),
    "shortcut of shares": (
        CONV * 2 + "[shortcut]\nfrom=0\nweights_type=per_layer\nweights_normalization=sum",
        18,
        ["sum", "softmax"],
    ),
    "shortcut of two factors": (CONV * 2 + "[shortcut]\nfrom=0,1\nalpha=2", 17, ["alpha=2"]),
    "dropblock": ("[dropout]\ndropblock_size_rel=2", 6, ["dropblock_size_rel=2"]),
    "huge filters": (f"[convolutional]\nfilters={2**31 - 1}", 5, ["elements"]),
    "huge connected": (f"[connected]\noutput={2**31 - 1}", 5, ["elements"]),
    "huge stride": (f"[upsample]\nstride={2**31 - 1}", 6, ["stride"]),
    "maxpool 0": ("[maxpool]\nsize=2\nstride=0", 7, ["stride=0"]),
    "reorg": (CONV + "[reorg]\nstride=3", 11, ["stride=3", "9 channels"]),
    "reorg size": (CONV + "[crop]\ncrop_height=15\ncrop_width=15\n[reorg]\nstride=2", 14, ["15 x 15"]),
    "reorg in two ways": (CONV + "[reorg]\nflatten=1\nextra=3", 12, ["flatten=1", "extra"]),
    "dilation": ("[convolutional]\nsize=3\ndilation=2", 7, ["dilation=2", "pad=1"]),
    "stride_x 0": ("[maxpool]\nsize=2\nstride_x=0", 7, ["stride_x=0"]),
    "crop": ("[crop]\ncrop_height=17\ncrop_width=16", 5, ["16 x 17", "16 x 16"]),
    "local": ("[local]\nsize=17", 6, ["size=17"]),
    "dropout": ("[dropout]\nprobability=2", 6, ["probability=2"]),
    "cost": (CONV + "[cost]\ntype=sss", 11, ["sss", "sse"]),
    "softmax groups": (CONV + "[softmax]\ngroups=7", 11, ["groups=7"]),
    "softmax temperature": (CONV + "[softmax]\ntemperature=0", 11, ["temperature"]),
    "route missing": (CONV + "[route]\n", 10, ["layers", "missing"]),
    "route itself": (CONV + "[route]\nlayers=1", 11, ["layers=1", "layer 1"]),
    "route later": (CONV + "[route]\nlayers=5\n" + CONV * 5, 11, ["layers=5", "earlier"]),
    "route before the first": (CONV + "[route]\nlayers=-2", 11, ["layers=-2"]),
    "route sizes": (CONV + "[maxpool]\nsize=2\nstride=2\n[route]\nlayers=-1,0", 14, ["8 x 8", "16 x 16"]),
    "route words": (CONV + "[route]\nlayers=-1,x", 11, ["item 2", "'x'"]),
    "shortcut missing": (CONV + "[shortcut]\nactivation=linear", 10, ["from", "missing"]),
    "shortcut later": (CONV + "[shortcut]\nfrom=1", 11, ["from=1"]),
    "shortcut before the first": (CONV + "[shortcut]\nfrom=-2", 11, ["from=-2"]),
    "filters for region": (REGION.format(filters=15), 8, ["16", "15", "filters=16"]),
    "anchors short": (REGION.format(filters=16).replace("1,1,2,2", "1,1,2"), 11, ["anchors", "4", "3"]),
    "anchors words": (REGION.format(filters=16).replace("1,1,2,2", "1,1,2,b"), 11, ["anchors", "'b'"]),
    "num": (REGION.format(filters=16).replace("num=2", "num=0"), 10, ["num=0"]),
    "num huge": (REGION.format(filters=16).replace("num=2", f"num={2**31 - 1}"), 10, ["num="]),
    "coords": (REGION.format(filters=16) + "coords=3", 12, ["coords=3"]),
    "filters for yolo": (CONV + "[yolo]\nclasses=80\nnum=3", 10, ["255", "4", "filters=255"]),
    "yolo mask": (CONV + "[yolo]\nclasses=1\nnum=3\nmask=1,3", 13, ["mask", "3"]),
    "detection": (CONV + "[detection]\nclasses=1\ncoords=4\nside=7\nnum=2", 10, ["539", "1024"]),
}

WRONG_INPUTS = {
    "width missing": ("height=16\nchannels=3", ["width"]),
    "width 0": ("width=0\nheight=16\nchannels=3", ["0 x 16 x 3"]),
    "height negative": ("width=16\nheight=-16\nchannels=3", ["height=-16"]),
    "channels negative": ("width=16\nheight=16\nchannels=-3", ["channels=-3"]),
    "not numbers": ("width=big\nheight=16\nchannels=3", ["width"]),
    "too many elements": ("width=65536\nheight=65536\nchannels=3", ["elements"]),
}


@pytest.mark.parametrize("case", WRONG_LAYERS)
def test_layers_that_can_not_be(case: str, tmp_path: Path) -> None:
    layers, line, words = WRONG_LAYERS[case]
    path = tmp_path / "wrong.cfg"
    path.write_text(nets.net_text(layers + "\n"))
    with pytest.raises(CfgError) as caught:
        Network(path)
    assert str(caught.value).startswith(f"{path}:{line}: [")
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("case", WRONG_INPUTS)
def test_inputs_that_can_not_be(case: str, tmp_path: Path) -> None:
    options, words = WRONG_INPUTS[case]
    path = tmp_path / "wrong.cfg"
    path.write_text(f"[net]\nbatch=4\nbtach=4\n{options}\nsubdivisions=2\n{CONV}")
    with pytest.raises(CfgError) as caught:
        Network(path)
    assert re.match(rf"{re.escape(str(path))}:\d+: \[net\]", str(caught.value))
    assert [text for text in caught.value.warnings if "unknown key" in text] == [
        f"{path}:3: [net] unknown key 'btach' is ignored; did you mean 'batch'?"
    ]
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("content", "place", "word"),
    [
        (b"", "", "empty"),
        (b"# only a comment\n\n", "", "empty"),
        (b"\n[convolutional]\nfilters=1\n", ":2", "[net]"),
        (b"width=3\n[net]\n", ":1", "[net]"),
        (bytes(range(256)) * 20, "", ""),
        (struct.pack("<4i", 0, 2, 0, 0) + np.ones(999, "<f4").tobytes(), "", ""),
        (b"\x7fELF\x02\x01\x01" + bytes(500), "", ""),
    ],
)
def test_files_that_are_no_cfg(content: bytes, place: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "no.cfg"
    path.write_bytes(content)
    with pytest.raises(CfgError) as caught:
        Network(path)
    assert str(caught.value).startswith(f"{path}{place}:")
    assert word in str(caught.value)


def test_a_cfg_that_is_missing_or_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.cfg", tmp_path):
        with pytest.raises(CfgError, match=re.escape(str(path))):
            Network(path)


def test_crlf_is_as_good_as_lf(tmp_path: Path) -> None:
    cfg, weights = nets.write(tmp_path)
    before = Network(cfg, weights)
    cfg.write_bytes(cfg.read_bytes().replace(b"\n", b"\r\n"))
    after = Network(cfg, weights)
    assert after.warnings == before.warnings
    np.testing.assert_array_equal(after.forward(nets.batch(after)), before.forward(nets.batch(before)))


# What a file merely claims is not allocated: half a gigabyte of address space is all there is.

CLAIMS = {
    "input": "[net]\nwidth=26000\nheight=26000\nchannels=3\n" + CONV,
    "filters": nets.net_text("[convolutional]\nfilters=500000000\nsize=1\n"),
    "connected": nets.net_text("[connected]\noutput=2000000\n"),
    "upsample": nets.net_text("[upsample]\nstride=1600\n"),
    "classes": nets.net_text(CONV + "[region]\nclasses=2000000000\nnum=1\n"),
    "anchors": nets.net_text(CONV + "[region]\nclasses=1\nnum=2000000000\n"),
    "yolo": nets.net_text(CONV + "[yolo]\nclasses=1\nnum=2000000000\n"),
}
LIMITED = """
import resource, sys
import numpy, pydarknet.network
from pydarknet.backends.base import cpu_backend
from pydarknet.errors import DarknetError
from pydarknet.graph.graph import Graph
from pydarknet.network import Network
cpu_backend()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (512 << 20),) * 2)
try:
    Graph(sys.argv[1])
    Network(sys.argv[1], sys.argv[2], threads=1)
except DarknetError as error:
    print(error)
"""


@pytest.mark.parametrize("case", CLAIMS)
def test_nothing_is_allocated_for_a_claim(case: str, tmp_path: Path) -> None:
    (tmp_path / "claim.cfg").write_text(CLAIMS[case])
    (tmp_path / "short.weights").write_bytes(struct.pack("<3iQ", 0, 2, 0, 0) + bytes(400))
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "claim.cfg"), str(tmp_path / "short.weights")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    if case not in ("input", "upsample"):  # these are real networks with hardly any weights
        assert "claim.cfg:" in done.stdout or "short.weights: ends in layer 0" in done.stdout


def test_activations_beyond_the_machine_are_refused() -> None:
    net = nets.from_text("[net]\nwidth=16\nheight=16\nchannels=3\n[upsample]\nstride=800\n")
    with pytest.raises(DeviceError, match="GiB"):
        net.forward(np.zeros((1000, 3, 16, 16), np.float32))


# Weights


def test_weights_that_are_missing_a_folder_or_empty(tmp_path: Path) -> None:
    cfg, _ = nets.write(tmp_path)
    (tmp_path / "empty.weights").touch()
    for path in (tmp_path / "missing.weights", tmp_path, tmp_path / "empty.weights"):
        with pytest.raises(WeightsError, match=re.escape(str(path))):
            Network(cfg, path)


def damage(weights: Path, how: str) -> str:
    """Spoil the file; what the message must say."""
    data = bytearray(weights.read_bytes())
    if how == "short":
        weights.write_bytes(data[:-1])
        return r"ends in layer 4 \(convolutional\), weights"
    if how == "of another network":
        nets.network(nets.DETECTOR.replace("filters=24", "filters=23")).save_weights(weights)
        return "ends in layer"
    position, text = (20 + 4 * 3, "layer 0 .*biases") if how == "nan" else (len(data) - 4, "layer 4 .*weights")
    struct.pack_into("<f", data, position, float("nan" if how == "nan" else "inf"))
    weights.write_bytes(data)
    return f"{text}.*NaN or infinite"


@pytest.mark.parametrize("how", ["short", "of another network", "nan", "infinite"])
def test_damaged_weights_change_nothing(how: str, tmp_path: Path) -> None:
    cfg, weights = nets.write(tmp_path)
    expected = damage(weights, how)
    with pytest.raises(WeightsError, match=expected) as caught:
        Network(cfg, weights)
    assert str(caught.value).startswith(f"{weights}: ")
    net = Network(cfg, seed=3)
    x = nets.batch(net)
    before, parameters = net.forward(x), [dict(layer.parameters) for layer in net.layers]
    with pytest.raises(WeightsError):
        net.load_weights(weights)
    assert [{k: id(v) for k, v in layer.parameters.items()} for layer in net.layers] == [
        {k: id(v) for k, v in each.items()} for each in parameters
    ]
    np.testing.assert_array_equal(net.forward(x), before)


def test_a_backbone_needs_its_cutoff(tmp_path: Path) -> None:
    cfg, weights = nets.write(tmp_path)
    net = Network(cfg)
    net.save_weights(weights, cutoff=4)
    with pytest.raises(WeightsError, match="cutoff=4"):
        Network(cfg, weights)
    np.testing.assert_array_equal(
        Network(cfg, weights, cutoff=4).layers[2].parameters["weights"], net.layers[2].parameters["weights"]
    )


def test_trailing_bytes_are_a_warning(tmp_path: Path) -> None:
    cfg, weights = nets.write(tmp_path)
    weights.write_bytes(weights.read_bytes() + bytes(8))
    assert any("8 bytes" in warning for warning in Network(cfg, weights).warnings)


def test_an_old_file_stays_when_the_new_one_can_not_be_written(tmp_path: Path) -> None:
    net = nets.network()
    with pytest.raises(WeightsError, match=re.escape(str(tmp_path))):
        net.save_weights(tmp_path)
    with pytest.raises(WeightsError, match="nowhere"):
        net.save_weights(tmp_path / "nowhere" / "a.weights")
    assert list(tmp_path.iterdir()) == []


# Names, trees, maps


def test_names(tmp_path: Path) -> None:
    cfg, weights = nets.write(tmp_path)
    names = tmp_path / "two.names"
    names.write_text("cat\ndog\n")
    with pytest.raises(DataError, match=rf"{re.escape(str(names))}.*3 names.*2"):
        Network(cfg, weights, names=names)
    with pytest.raises(DataError, match="3 names"):
        Network(cfg, weights, names=["cat", "dog"])
    with pytest.raises(DataError, match="missing"):
        Network(cfg, weights, names=tmp_path / "missing.names")
    names.write_text("cat\ndog\nowl\nfox\n")  # more are no harm
    assert {d.name for d in Network(cfg, names=names).detect(nets.picture(), thresh=0)} <= {"cat", "dog", "owl"}


@pytest.mark.parametrize(
    ("tree", "line", "word"),
    [
        ("a -1\nb 2\nc 1\n", 2, "cycle"),
        ("a -1\nb 2\nc -1\n", 2, "before its parent"),
        ("a -1\nb 7\nc 0\n", 2, "parent"),
        ("a -1\nb x\nc 0\n", 2, "name parent"),
        ("", None, "empty"),
    ],
)
@pytest.mark.parametrize("head", ["region", "softmax"])
def test_trees(tree: str, line: int | None, word: str, head: str, tmp_path: Path) -> None:
    (tmp_path / "bad.tree").write_text(tree)
    cfg = tmp_path / "tree.cfg"
    end = REGION.format(filters=16) if head == "region" else "[convolutional]\nfilters=3\n[avgpool]\n[softmax]\n"
    cfg.write_text(nets.net_text(end + "tree=bad.tree\n"))
    with pytest.raises(DataError, match=word) as caught:
        Network(cfg)
    place = "bad.tree" if line is None else f"bad.tree:{line}"
    assert f"{place}: " in str(caught.value)


def test_a_tree_of_another_size(tmp_path: Path) -> None:
    (tmp_path / "small.tree").write_text("a -1\nb -1\n")
    cfg = tmp_path / "tree.cfg"
    cfg.write_text(nets.net_text(REGION.format(filters=16) + "tree=small.tree\n"))
    with pytest.raises(CfgError, match=r"tree.cfg:12: .*2 nodes.*classes=3"):
        Network(cfg)


def test_a_tree_or_map_that_is_missing(tmp_path: Path) -> None:
    for key in ("tree", "map"):
        cfg = tmp_path / "missing.cfg"
        cfg.write_text(nets.net_text(REGION.format(filters=16) + f"{key}=nowhere.txt\n"))
        with pytest.raises(DarknetError, match=r"nowhere.txt.*tried"):
            Network(cfg)


def tree_network(folder: Path) -> Network:
    (folder / "toy.tree").write_text("a -1\nb 0\nc 0\n")
    cfg = folder / "toy.cfg"
    cfg.write_text(nets.net_text(REGION.format(filters=16) + "softmax=1\ntree=toy.tree\n"))
    return Network(cfg)


@pytest.mark.parametrize("nodes", [[3], [0, 1, 99], [-1], [2**31]])
def test_a_map_to_nodes_that_are_not_there(nodes: list[int], tmp_path: Path) -> None:
    net = tree_network(tmp_path)
    with pytest.raises(DataError, match=str(nodes[-1])):
        net.detect(nets.picture(), thresh=0, map=nodes)


def test_a_map_to_classes_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "toy.map").write_text("0\n2\n3\n")
    (tmp_path / "toy.cfg").write_text(nets.net_text(REGION.format(filters=16) + "map=toy.map\n"))
    with pytest.raises(DataError, match=r"toy\.map:3: expected a number from 0 to 2, found 3"):
        Network(tmp_path / "toy.cfg")


# Sizes


def test_a_size_that_a_layer_can_not_take_changes_nothing() -> None:
    net = nets.network(CONV + "[maxpool]\nsize=2\nstride=2\n[reorg]\nstride=2\n")
    x = nets.batch(net)
    before, shapes = net.forward(x), [layer.out for layer in net.layers]
    for size in ((18, 18), (0, 16), (-16, 16), (1, 1), (2**20, 2**20)):
        with pytest.raises(CfgError, match=r"small\.cfg:"):
            net.resize(*size)
        assert [layer.out for layer in net.layers] == shapes
        np.testing.assert_array_equal(net.forward(x), before)


def test_weights_of_one_size_only() -> None:
    net = nets.network(CONV + "[connected]\noutput=4\n")
    with pytest.raises(CfgError, match=r"small.cfg:10: .*one size"):
        net.resize(32, 32)
    assert net.forward(nets.batch(net)).shape == (1, 4, 1, 1)


# Calls


def test_detect_without_a_head() -> None:
    with pytest.raises(CfgError, match="classify"):
        nets.network(CONV).detect(nets.picture())


def test_pictures_for_a_network_that_takes_none() -> None:
    with pytest.raises(ImageError, match="takes 5 channels"):
        nets.network(channels=5).detect(nets.picture())
