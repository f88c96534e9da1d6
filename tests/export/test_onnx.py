"""ONNX models against our own forward pass, by onnxruntime and by OpenCV."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest

from pydarknet.detection.options import DetectOptions
from pydarknet.errors import ExportError
from pydarknet.export import export, format_of
from pydarknet.export.onnx import build
from pydarknet.layers import Layer
from pydarknet.plan.activations import ACROSS_CHANNELS, ACTIVATIONS
from tests.lib.decoding import candidates

from .networks import CFG, TREE, assert_close, images, network, run, slim

NET = "[net]\nheight=12\nwidth=10\nchannels=3\n"
CONV = "[convolutional]\nfilters={}\nsize=3\npad=1\nactivation={}\n"

FOUR = NET + CONV.format(4, "linear")
FOUR_RELU = NET + CONV.format(4, "relu")
SKEW = "[net]\nheight=13\nwidth=14\nchannels=3\n"  # not a multiple of the smaller map

# Everything a cfg can contain, in small; the name says what is looked at.
LAYERS = {
    "conv_batch_norm": NET + CONV.format(5, "leaky") + "batch_normalize=1\n",
    "conv_stride_groups": NET + CONV.format(6, "relu") + "[conv]\nfilters=4\nsize=3\nstride=2\npadding=2\ngroups=2\n",
    "conv_strides": FOUR + "[conv]\nfilters=4\nsize=3\nstride_x=2\npad=1\n",
    "conv_dilation": FOUR + "[conv]\nfilters=6\nsize=3\ndilation=3\nstride=2\npad=1\ngroups=2\nbatch_normalize=1\n",
    "conv_binary": FOUR + "batch_normalize=1\nbinary=1\n",
    "connected": NET + "[connected]\noutput=7\nactivation=tanh\n[dropout]\n"
    "[connected]\noutput=3\nbatch_normalize=1\n",
    "connected_flat_input": "[net]\ninputs=20\n[connected]\noutput=4\nactivation=relu\n[softmax]\n[cost]\n",
    "local": FOUR + "[local]\nfilters=3\nsize=3\nstride=1\nactivation=leaky\n",
    "local_pad_stride": NET + "[local]\nfilters=2\nsize=3\nstride=2\npad=1\nactivation=linear\n",
    "maxpool_same": FOUR + "[maxpool]\nsize=2\nstride=1\n",
    "maxpool_odd": FOUR + "[maxpool]\nsize=3\nstride=2\n[maxpool]\nsize=2\nstride=2\n",
    "maxpool_wide_padding": FOUR + "[maxpool]\nsize=2\nstride=2\npadding=5\n",
    "maxpool_strides": FOUR + "[maxpool]\nsize=3\nstride_x=2\nstride_y=3\n",
    "maxpool_wide_padding_moved": FOUR + "[maxpool]\nsize=1\nstride=2\npadding=3\n[maxpool]\nsize=2\nstride=2\n"
    "[route]\nlayers=-1,-1\n[reorg]\nstride=1\n",
    "maxpool_no_padding": NET + "[maxpool]\nsize=3\nstride=2\npadding=0\n",
    "avgpool": FOUR + "[avgpool]\n",
    "conv_xnor": FOUR + CONV.format(5, "leaky") + "xnor=1\nbatch_normalize=1\n",
    "conv_antialiasing": FOUR + CONV.format(5, "mish") + "batch_normalize=1\nstride=2\nantialiasing=1\n",
    "conv_antialiasing_2": FOUR + CONV.format(5, "relu") + "stride_x=3\nantialiasing=2\n",
    "conv_share_index": FOUR + CONV.format(4, "relu") + "batch_normalize=1\n" + CONV.format(4, "leaky")
    + "batch_normalize=1\nshare_index=-1\ndilation=2\n",
    **{f"conv_{name}": FOUR + CONV.format(5, name) for name in ACROSS_CHANNELS},
    "deconvolutional": FOUR + "[deconvolutional]\nfilters=5\nsize=3\nstride=2\npadding=1\nactivation=leaky\n",
    "deconvolutional_batch_norm": FOUR + "[deconvolutional]\nfilters=5\nsize=2\nstride=3\nbatch_normalize=1\n",
    "empty": FOUR + "[empty]\n[silence]\n[route]\nlayers=-1,-2\n",
    "implicit": FOUR + "[implicit]\nfilters=4\n[scale_channels]\nfrom=0\n",
    "coordconv": FOUR + "coordconv=1\n[convolutional]\nfilters=2\nactivation=leaky\ncoordconv=1\n",
    "maxpool_zero_nonmax": FOUR + "[maxpool]\nsize=3\nmaxpool_zero_nonmax=1\n",
    "channels": FOUR + "[implicit_add]\nfilters=4\n[implicit_mul]\nfilters=4\n[route]\nlayers=0\n"
    "[shift_channels]\nfrom=1\n[control_channels]\nfrom=2\n",
    "implicit_atoms": NET + "[implicit]\nfilters=4\natoms=3\n",
    "maxpool_antialiasing": FOUR + "[maxpool]\nsize=3\nstride=2\nantialiasing=1\n",
    "maxpool_depth": NET + CONV.format(7, "linear") + "[maxpool]\nmaxpool_depth=1\nout_channels=3\n",
    "shortcut_of_several": FOUR_RELU + CONV.format(4, "leaky") * 2 + "[shortcut]\nfrom=0,1\nactivation=relu\n",
    **{
        f"shortcut_{kind}_{by}": FOUR_RELU + CONV.format(3, "relu") + CONV.format(6, "relu") + CONV.format(4, "leaky")
        + f"[shortcut]\nfrom=0,1,2\nweights_type={kind}\nweights_normalization={by}\nactivation=leaky\n"
        for kind, by in (("per_feature", "none"), ("per_feature", "relu"), ("per_channel", "softmax"))
    },
    "local_avgpool": FOUR + "[local_avgpool]\nsize=3\nstride_x=2\nstride_y=3\n",
    "local_avgpool_padding": FOUR + "[local_avgpool]\nsize=5\nstride=3\npadding=7\n",
    "reorg3d": FOUR + "[reorg3d]\nstride=2\n",
    "reorg3d_reverse": NET + CONV.format(32, "linear") + "[reorg3d]\nstride=2\nreverse=1\n",
    "sam": FOUR_RELU + CONV.format(4, "logistic") + "[sam]\nfrom=0\nactivation=tanh\n",
    "scale_channels": FOUR + "[avgpool]\n[conv]\nfilters=4\n[scale_channels]\nfrom=0\n",
    "scale_channels_pixels": FOUR + CONV.format(1, "linear") + "[scale_channels]\nfrom=0\nscale_wh=1\n",
    "upsample": NET + "[upsample]\nstride=3\nscale=.5\n",
    "upsample_negative": NET + "[upsample]\nstride=-2\nscale=.5\n",
    "batchnorm": FOUR + "[batchnorm]\n[activation]\nactivation=leaky\n",
    "logistic": FOUR + "[logistic]\n",
    "route_concat": FOUR_RELU + CONV.format(6, "leaky") + "[route]\nlayers=-1,0\n",
    "route_groups": FOUR_RELU + CONV.format(6, "leaky") + "[route]\nlayers=-1,0\ngroups=2\ngroup_id=1\n",
    "shortcut": FOUR_RELU + CONV.format(4, "leaky") + "[shortcut]\nfrom=0\nactivation=relu\n",
    "shortcut_alpha": FOUR_RELU + CONV.format(4, "linear") + "[shortcut]\nfrom=0\nalpha=.7\nbeta=2\n",
    "shortcut_fewer": FOUR_RELU + CONV.format(6, "linear") + "[shortcut]\nfrom=0\nalpha=.7\n",
    "shortcut_more": NET + CONV.format(6, "relu") + CONV.format(4, "linear") + "[shortcut]\nfrom=0\nbeta=.3\n",
    "shortcut_larger": FOUR_RELU + CONV.format(4, "linear") + "stride=2\n[shortcut]\nfrom=0\n",
    "shortcut_smaller": SKEW + FOUR_RELU.removeprefix(NET) + CONV.format(4, "linear")
    + "stride=4\n[route]\nlayers=0\n[shortcut]\nfrom=1\nalpha=.5\n",
    "reorg": NET + CONV.format(8, "linear") + "[reorg]\nstride=2\n",
    "reorg_reverse": NET + CONV.format(8, "linear") + "[reorg]\nstride=2\nreverse=1\n",
    "reorg_flatten": NET + CONV.format(8, "linear") + "[reorg]\nstride=1\nflatten=1\n",
    "reorg_flatten_reverse": NET + CONV.format(8, "linear") + "[reorg]\nstride=1\nflatten=1\nreverse=1\n",
    "reorg_extra": NET + CONV.format(8, "linear") + "[reorg]\nstride=1\nextra=5\n",
    "softmax_groups": FOUR + "[softmax]\ngroups=5\ntemperature=2\n",
    "softmax_spatial": FOUR + "[softmax]\ngroups=2\nspatial=1\n",
    "softmax_tree": NET + CONV.format(8, "linear") + "[softmax]\ntree=small.tree\n",
    "crop": NET + "[crop]\ncrop_height=7\ncrop_width=6\n",
    "crop_noadjust": NET + "[crop]\ncrop_height=7\ncrop_width=7\nnoadjust=1\n",
    "l2norm": FOUR + "[l2norm]\n",
    "normalization": NET + CONV.format(9, "relu") + "[normalization]\nsize=5\nalpha=.5\n",
    "normalization_even": NET + CONV.format(9, "relu") + "[normalization]\nsize=4\nalpha=.3\nbeta=.6\nkappa=3\n",
    "normalization_few_channels": NET + CONV.format(2, "relu") + "[normalization]\nsize=5\nalpha=.5\n",
}  # fmt: skip

HEAD = "[convolutional]\nfilters={}\nsize=1\nactivation=linear\n"
SMALL = "[net]\nheight=32\nwidth=48\nchannels=3\n" + CONV.format(8, "leaky") + "stride=8\n"
REGION = "classes={}\ncoords={}\nnum=2\nanchors=1,2,3.5,1.5\n"
HEADS = {
    "region_softmax": SMALL + HEAD.format(16) + "[region]\nsoftmax=1\n" + REGION.format(3, 4),
    "region_logistic": SMALL + HEAD.format(16) + "[region]\n" + REGION.format(3, 4),
    "region_mask": SMALL + HEAD.format(20) + "[region]\nsoftmax=1\n" + REGION.format(3, 6),
    "region_background": SMALL + HEAD.format(16) + "[region]\nsoftmax=1\nbackground=1\n" + REGION.format(3, 4),
    "region_tree": SMALL + HEAD.format(26) + "[region]\ntree=small.tree\n" + REGION.format(8, 4),
    "yolo": SMALL + HEAD.format(16) + "[yolo]\nclasses=3\nnum=3\nmask=0,2\nanchors=10,14, 23,27, 37,58\n",
    "yolo_scaled": SMALL + HEAD.format(8) + "[yolo]\nclasses=3\nnum=1\nanchors=10,14\nscale_x_y=1.2\n",
    "yolo_new_coords": SMALL + HEAD.format(8).replace("linear", "logistic") + "[yolo]\nclasses=3\nnum=1\n"
    "anchors=10,14\nscale_x_y=2\nnew_coords=1\n",
    "yolo_gaussian": SMALL + HEAD.format(24) + "[Gaussian_yolo]\nclasses=3\nnum=3\nmask=0,2\nscale_x_y=1.1\n"
    "anchors=10,14, 23,27, 37,58\n",
    "detection": SMALL + "[connected]\noutput=52\nactivation=linear\n"
    "[detection]\nclasses=3\ncoords=4\nnum=2\nside=2\nsoftmax=1\nsqrt=1\n",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small.tree").write_text(TREE)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("keep_bn", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str, keep_bn: bool) -> None:
    net = network(LAYERS[name])
    x = images(net)
    (found,) = run(build(net, boxes=False, keep_bn=keep_bn), x).values()
    assert_close(found, net.forward(x), 2e-5)


@pytest.mark.parametrize(
    "behind",
    ["conv]\nsize=1", "shortcut]\nfrom=-1", "avgpool]", "activation]", "upsample]\nscale=2", "sam]\nfrom=-1"],
)
def test_sums_of_the_lowest_number_are_refused(behind: str) -> None:
    """A window wholly in the padding gives it, and sums of it are other numbers in each program."""
    net = network(FOUR + "[maxpool]\nsize=1\nstride=2\npadding=3\n[route]\nlayers=-1\n[" + behind + "\n")
    with pytest.raises(ExportError, match=r"layer 1 \[maxpool\] has windows .* layer 3 \[.*\] computes"):
        build(net)


def test_blurred_sums_of_the_lowest_number_are_refused() -> None:
    net = network(FOUR + "[maxpool]\nsize=1\nstride=1\npadding=3\nantialiasing=1\n")
    with pytest.raises(ExportError, match=r"layer 1 \[maxpool\] has windows"):
        build(net)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation(activation: str) -> None:
    net = network(f"[net]\nheight=1\nwidth=241\nchannels=1\n[activation]\nactivation={activation}\n")
    x = np.linspace(-6, 6, 241, dtype=np.float32).reshape(1, 1, 1, 241)
    (found,) = run(build(net), x).values()
    assert_close(found, net.forward(x), 2e-6)


@pytest.mark.parametrize("name", HEADS)
def test_head_output(name: str) -> None:
    net = network(HEADS[name])
    x = images(net, 2)
    outputs = run(build(net, boxes=False, batch=2), x)
    assert list(outputs) == [f"{net.layers[-1].type}_{net.layers[-1].index}"]
    assert_close(*outputs.values(), net.forward(x), 1e-5)


@pytest.mark.parametrize("name", HEADS)
def test_boxes(name: str) -> None:
    """All boxes, and their scores, as our own decoding gives them with a threshold of 0."""
    net = network(HEADS[name])
    x = images(net)
    outputs = run(build(net), x)
    boxes, scores = outputs["boxes"][0], outputs["scores"][0]
    head: Any = net.layers[-1]
    output = net.forward(x)[0]
    tree = getattr(head, "tree", None)
    options = DetectOptions(thresh=0.0, map=None if tree is None else np.arange(len(tree)))
    wanted = candidates(head, output, net.inputs, options)
    order = _by_anchor(head.out, len(head.anchors)) if name.startswith("yolo") else np.arange(len(boxes))
    assert_close(boxes[order], wanted.boxes, 1e-5)
    assert_close(np.maximum(scores[order], 0), wanted.dense(head.classes), 1e-5)  # ours lack what is below 0


def _by_anchor(out: tuple[int, int, int], anchors: int) -> np.ndarray:
    """Our boxes of a [yolo] go cell by cell, the model's anchor by anchor."""
    return np.arange(anchors * out[1] * out[2]).reshape(anchors, -1).T.reshape(-1)


FAMILIES = [("yolov2.cfg", 64), ("yolov2-tiny.cfg", 64), ("yolov3-tiny.cfg", 64), ("darknet19.cfg", 64)]


@pytest.mark.parametrize(("cfg", "size"), FAMILIES)
def test_published_networks(cfg: str, size: int) -> None:
    """onnxruntime and OpenCV, heads as they are and decoded."""
    net = network(slim(CFG / cfg), size=size)
    x = images(net)
    net.forward(x)
    shown: list[Layer] = [*net.heads()] or [net.layers[net.output_index]]
    data = build(net, boxes=False).SerializeToString()
    theirs = run(data, x)
    opencv = _opencv(data, x)
    for layer, found in zip(shown, theirs.values(), strict=True):
        assert_close(found, layer.output)
    for layer, name in zip(shown, theirs, strict=True):
        assert_close(opencv[name].reshape(theirs[name].shape), layer.output)
    if net.heads():
        decoded = build(net).SerializeToString()
        boxes = run(decoded, x)
        for name, found in _opencv(decoded, x).items():
            assert_close(found, boxes[name])


def _opencv(data: bytes, x: np.ndarray) -> dict[str, np.ndarray]:
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(x, "images")
    names = net.getUnconnectedOutLayersNames()
    return dict(zip(names, net.forward(names), strict=True))


@pytest.mark.slow
def test_two_heads_share_outputs() -> None:
    net = network(CFG / "yolov3-tiny.cfg", size=64)
    x = images(net)
    outputs = run(build(net), x)
    assert outputs["boxes"].shape == (1, 3 * (4 + 16), 4)
    assert outputs["scores"].shape == (1, 3 * (4 + 16), 80)
    net.forward(x)
    for layer, part in zip(net.heads(), np.split(outputs["scores"][0], [12]), strict=True):
        cells = layer.output[0].reshape(3, 85, -1)
        wanted = (cells[:, 4:5] * cells[:, 5:]).transpose(0, 2, 1).reshape(-1, 80)
        assert_close(part, wanted)


@pytest.mark.parametrize("boxes", [True, False])
@pytest.mark.parametrize("name", [*HEADS, "shortcut_smaller", "local", "softmax_groups", "reorg"])
def test_dynamic_batch(name: str, boxes: bool) -> None:
    net = network({**HEADS, **LAYERS}[name])
    model = build(net, batch=None, boxes=boxes)
    x = images(net, 3)
    whole = run(model, x)
    for i in range(3):
        for key, found in run(model, x[i : i + 1]).items():
            assert_close(whole[key][i : i + 1], found, 1e-6)


@pytest.mark.parametrize("opset", [13, onnx.defs.onnx_opset_version()])
@pytest.mark.parametrize("name", ["region_tree", "l2norm", "upsample", "shortcut_smaller", "maxpool_wide_padding"])
def test_oldest_and_newest_opset(name: str, opset: int) -> None:
    model = build(network({**HEADS, **LAYERS}[name]), opset=opset)
    assert model.opset_import[0].version == opset


def test_big_tree_stays_small() -> None:
    """The 1,846 groups of yolo9000 make no model of thousands of nodes, nor of padded tables."""
    text = "[net]\nheight=32\nwidth=32\nchannels=1\n" + HEAD.format(9423)
    net = network(text + "[region]\nclasses=9418\nnum=1\ntree=data/9k.tree\nanchors=1,1\n", size=2)
    model = build(net)
    assert len(model.graph.node) < 400
    assert model.ByteSize() < 2_000_000
    x = images(net)
    scores = run(model, x)["scores"][0]
    head: Any = net.layers[-1]
    output = net.forward(x)[0]
    wanted = candidates(head, output, net.inputs, DetectOptions(thresh=0.0, map=np.arange(9418)))
    assert_close(scores, wanted.dense(9418), 1e-6)
    assert_close(run(build(net, boxes=False), x)["region_1"][0], output, 1e-6)


def test_keep_bn_has_normalisation_of_its_own() -> None:
    net = network(LAYERS["conv_batch_norm"])
    kinds = [node.op_type for node in build(net, keep_bn=True).graph.node]
    assert kinds == ["Conv", "BatchNormalization", "LeakyRelu"]
    assert [node.op_type for node in build(net).graph.node] == ["Conv", "LeakyRelu"]


def test_only_what_the_outputs_need() -> None:
    """A convolution whose result nobody uses isn't in the model."""
    net = network(NET + CONV.format(4, "relu") + CONV.format(9, "relu") + "[route]\nlayers=0\n")
    model = build(net)
    assert [node.op_type for node in model.graph.node] == ["Conv", "Relu"]
    assert [c.name for c in model.graph.initializer] == ["layer_0_weight", "layer_0_bias"]
    assert [o.name for o in model.graph.output] == ["route_2"]


def test_input_as_output() -> None:
    net = network(NET + "[dropout]\n")
    x = images(net)
    np.testing.assert_array_equal(run(build(net), x)["dropout_0"], x)


def test_deterministic_file(tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        export(network(HEADS["region_tree"]), tmp_path / name)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_metadata() -> None:
    net = network(HEADS["yolo"])
    net.names = ["a", "b", "ü"]
    properties = {p.key: p.value for p in build(net).metadata_props}
    assert properties["source"] == "small.cfg"
    assert json.loads(properties["names"]) == ["a", "b", "ü"]
    assert json.loads(properties["anchors"]) == {"yolo_2": {"anchors": [[10, 14], [37, 58]], "unit": "pixels"}}


def test_unwritable_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"absent.out\.onnx: can't write the model: No such file"):
        export(network(LAYERS["conv_batch_norm"]), tmp_path / "absent" / "out.onnx")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opset": 12}, "opset 12: expected 13 to"),
        ({"opset": 999}, "opset 999: expected 13 to"),
        ({"batch": 0}, "batch 0: expected a positive number"),
    ],
)
def test_wrong_options(options: dict[str, int], message: str) -> None:
    with pytest.raises(ExportError, match=message):
        build(network(LAYERS["avgpool"]), **options)


def test_background_with_tree_is_refused() -> None:
    text = HEADS["region_tree"].replace("[region]", "[region]\nbackground=1")
    with pytest.raises(ExportError, match=r"small.cfg:\d+: layer 2 \[region\] background=1 can be exported with"):
        build(network(text))


def test_boxes_of_corners_are_refused() -> None:
    net = network(HEADS["yolo_gaussian"] + "yolo_point=left_top\n")
    with pytest.raises(ExportError, match=r"layer 2 \[Gaussian_yolo\] boxes with a yolo_point"):
        build(net)


def test_boxes_without_classes_are_refused() -> None:
    net = network(SMALL + HEAD.format(10) + "[region]\n" + REGION.format(0, 4))
    with pytest.raises(ExportError, match=r"layer 2 \[region\] has no classes"):
        build(net)
    x = images(net)
    assert_close(run(build(net, boxes=False), x)["region_2"], net.forward(x), 1e-5)


def test_onnx_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExportError, match=r"pip install 'pydarknet\[onnx\]'"):
        build(network(LAYERS["avgpool"]))


def test_unknown_suffix_and_format(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"net.xyz: expected a name that ends in \.onnx, \.npz, \.pt, \.pth"):
        format_of("net.xyz")
    with pytest.raises(ExportError, match="unknown format 'tflite'; expected one of onnx, npz, torch"):
        export(network(LAYERS["avgpool"]), tmp_path / "out.onnx", "tflite")
