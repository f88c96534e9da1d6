"""Every key that the programs of pjreddie, AlexeyAB and hank-ai read is of the class that its layer says.

By behaviour: changing it changes what comes out or how training goes, or it is refused, warned about when training,
or idle.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet import CfgError, Network
from pydarknet.detection.options import DetectOptions
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.engine import Engine
from pydarknet.graph.graph import MISSING, Graph
from pydarknet.layers import REGISTRY
from pydarknet.train.step import Stepper
from tests.lib.decoding import candidates, suppression

NET = "[net]\nwidth=12\nheight=12\nchannels=4\nbatch=2\nsubdivisions=1\ndialect=alexeyab\n"
CONV = "[convolutional]\nfilters={}\nsize=1\nactivation=linear\n"
SQUEEZED = "[connected]\noutput=2\nactivation=tanh\n"
LOSS = "[cost]\n"

# Section: what stands before its keys, what follows, and keys with a value that isn't harmless, by class.
# read: the output is another; trained: so are the weights after an update; loss: so is what is printed of it;
# file: so is what is loaded.
SECTIONS: dict[str, tuple[str, str, dict[str, str]]] = {
    "any": (NET + "[convolutional]\nbatch_normalize=1\nfilters=2\n", LOSS, {
        "trained": "learning_rate=.5 onlyforward=1 clip=.1 dont_update=9 train_only_bn=1",
        "warned": "truth=1 smooth=.1",
        "file": "dontload=1 dontloadscales=1 numload=1 flipped=1",
    }),
    "any, burning in": (NET + "burn_in=5\n[convolutional]\nfilters=2\n", LOSS, {"trained": "burnin_update=1"}),
    "any, after another": (NET + CONV.format(2) + "[convolutional]\nfilters=2\n", LOSS, {
        "trained": "stopbackward=1",
    }),
    "convolutional": (NET + "[convolutional]\nfilters=2\nsize=3\nactivation=linear\n", LOSS, {
        "read": "filters=4 size=5 stride=2 pad=1 padding=2 groups=2 activation=tanh batch_normalize=1 binary=1 cbn=1 "
                "xnor=1 antialiasing=1 coordconv=1",
        "warned": "dot=1 assisted_excitation=1 sway=1 rotate=1 stretch=1 stretch_sway=1 grad_centr=1 reverse=1",
        "refused": "share_index=0",
        "idle": "stream=1 wait_stream=1 angle=3",
    }),
    "convolutional, padded": (NET + "[convolutional]\nfilters=2\nsize=3\npad=1\nactivation=linear\n", LOSS, {
        "read": "dilation=2 stride_x=2 stride_y=2",
    }),
    "convolutional, after its like": (NET + CONV.format(4) + "[convolutional]\nfilters=4\nsize=1\n", LOSS, {
        "read": "share_index=-1 share_index=0", "refused": "share_index=1 share_index=-2",
    }),
    "convolutional, 1 x 1": (NET + CONV.format(2), LOSS, {"idle": "dilation=2"}),
    "connected": (NET + "[connected]\noutput=3\nactivation=linear\n", LOSS, {
        "read": "output=4 activation=tanh batch_normalize=1",
    }),
    "local": (NET + "[local]\nfilters=2\nsize=3\n", LOSS, {
        "read": "filters=3 size=5 stride=3 pad=1 activation=tanh",
    }),
    "maxpool": (NET + "[maxpool]\nstride=2\nsize=3\n", "", {
        "read": "stride=3 size=5 padding=0 stride_x=3 stride_y=3 maxpool_depth=1 antialiasing=1 antialiasing=2",
        "refused": "maxpool_zero_nonmax=1",
        "idle": "out_channels=2",
    }),
    "maxpool, same size": (NET + "[maxpool]\nsize=3\n", "", {"read": "maxpool_zero_nonmax=1"}),
    "maxpool, depth": (NET + "[maxpool]\nmaxpool_depth=1\n", "", {
        "read": "out_channels=2", "refused": "out_channels=5 out_channels=0 antialiasing=1",
        "idle": "size=3 stride=2 padding=1 maxpool_zero_nonmax=1",
    }),
    "implicit": (NET + "[implicit]\nfilters=4\n", LOSS, {
        "read": "filters=5 atoms=2", "refused": "filters=0 atoms=0", "idle": "mean=1 std=.1",  # of what isn't loaded
    }),
    "implicit_add": (NET + "[implicit_add]\nfilters=4\n", LOSS, {"read": "filters=5", "refused": "filters=0"}),
    "implicit_mul": (NET + "[implicit_mul]\nfilters=4\n", LOSS, {"read": "filters=5", "refused": "filters=0"}),
    "deconvolutional": (NET + "[deconvolutional]\nfilters=4\nsize=3\n", LOSS, {
        "read": "filters=3 size=2 stride=2 pad=1 padding=1 activation=tanh batch_normalize=1",
        "refused": "size=0 stride=0 padding=9",
    }),
    "local_avgpool": (NET + "[local_avgpool]\nstride=2\nsize=3\n", "", {
        "read": "stride=3 size=5 padding=0 stride_x=3 stride_y=3", "refused": "padding=99",
    }),
    "reorg3d": (NET + CONV.format(16) + "[reorg3d]\nstride=2\n", "", {
        "read": "stride=1 reverse=1", "refused": "stride=5",
    }),
    "scale_channels": (NET + CONV.format(4) + "[avgpool]\n" + CONV.format(4) + "[scale_channels]\nfrom=0\n", "", {
        "read": "activation=tanh from=1", "refused": "from=3 scale_wh=1",
    }),
    "sam": (NET + CONV.format(4) * 3 + "[sam]\nfrom=0\n", "", {"read": "from=1 activation=tanh"}),
    "reorg": (NET + "[reorg]\nstride=2\n", "", {"read": "stride=1 reverse=1 flatten=1 extra=5"}),
    "route": (NET + CONV.format(4) * 2 + "[route]\nlayers=-1\n", "", {
        "read": "layers=0 groups=2", "idle": "stream=1 wait_stream=1",
    }),
    "route, halved": (NET + CONV.format(4) + "[route]\nlayers=-1\ngroups=2\n", "", {"read": "group_id=1"}),
    "shortcut": (NET + CONV.format(4) * 2 + "[shortcut]\nfrom=0\n", "", {
        "read": "activation=tanh alpha=2 beta=2 from=0,1 weights_type=per_feature weights_type=per_channel",
        "refused": "weights_type=per_pixel weights_normalization=max from=2",
        "idle": "weights_normalization=softmax",
    }),
    "shortcut, weighted": (NET + CONV.format(4) * 2 + "[shortcut]\nfrom=0\nweights_type=per_channel\n", "", {
        "read": "weights_normalization=relu weights_normalization=avg_relu weights_normalization=softmax from=0,1",
        "refused": "alpha=2 beta=.5",
    }),
    "upsample": (NET + "[upsample]\n", "", {"read": "stride=3 scale=2"}),
    "softmax": (NET.replace("alexeyab", "darknet2018") + CONV.format(4) + "[softmax]\n", LOSS, {
        "read": "groups=2 temperature=2 spatial=1", "trained": "noloss=1",
    }),
    "cost": (NET + CONV.format(2) + "[cost]\n", "", {
        "trained": "type=L1 scale=2 thresh=200 smooth=.1", "warned": "ratio=.5", "refused": "type=no",
    }),
    "cost, seg": (NET + CONV.format(2) + "[cost]\ntype=seg\n", "", {"trained": "noobj=.5"}),
    "crop": (NET + "[crop]\ncrop_height=5\ncrop_width=5\n", "", {
        "read": "crop_height=4 crop_width=4 noadjust=1",
        "warned": "angle=7 saturation=2 exposure=2 shift=1",
    }),
    "dropout": (NET + CONV.format(2) + "[dropout]\n", LOSS, {
        "trained": "probability=.9 dropblock=1", "idle": "dropblock_size_rel=.5 dropblock_size_abs=3",
    }),
    "dropout, blocks": (NET + CONV.format(2) + "[dropout]\nprobability=.9\ndropblock=1\n", LOSS, {
        "trained": "dropblock_size_rel=.2 dropblock_size_abs=3",
    }),
    "normalization": (NET + "[normalization]\n", "", {"read": "alpha=1 beta=.5 kappa=2 size=3"}),
    "activation": (NET + "[activation]\n", "", {"read": "activation=tanh"}),
    "region": (NET + CONV.format(14) + "[region]\nclasses=2\nnum=2\nanchors=1,1,2,2\nmax=2\n", "", {
        "read": "softmax=1 background=1 anchors=3,3,4,4",
        "trained": "max=1 bias_match=1 rescore=1 thresh=.1 coord_scale=3 object_scale=3 "
                   "noobject_scale=3 class_scale=3 classfix=-1",
        "refused": "classes=3 num=3 coords=5 class_only_box=largest class_only_objectness=assume",
        "idle": "log=1 sqrt=1 absolute=1",
    }),
    "region, masks": (NET + CONV.format(16) + "[region]\nclasses=2\nnum=2\ncoords=5\nmax=2\n", "", {
        "trained": "mask_scale=3",
    }),
    "yolo": (NET + CONV.format(14) + "[yolo]\nclasses=2\nnum=2\nanchors=4,4,8,8\nmax=2\n", "", {
        "read": "mask=1,0 anchors=3,3,4,4 scale_x_y=1.2 new_coords=1 nms_kind=greedynms",
        "trained": "max=1 ignore_thresh=.01 truth_thresh=.1 label_smooth_eps=.1 objectness_smooth=1 focal_loss=1 "
                   "iou_normalizer=.07 iou_loss=ciou obj_normalizer=2 delta_normalizer=2 iou_thresh=.2 "
                   "counters_per_class=1,2",
        "refused": "classes=3 num=3 embedding_layer=0",
        "idle": "track_history_size=1 sim_thresh=.5 dets_for_track=2 dets_for_show=2 "
                "track_ciou_norm=.1",
    }),
    "yolo, diounms": (NET + CONV.format(14) + "[yolo]\nclasses=2\nnum=2\nanchors=4,4,8,8\nnms_kind=diounms\n", "", {
        "read": "beta_nms=.1",
    }),
    "yolo, giou": (NET + CONV.format(14) + "[yolo]\nclasses=2\nnum=2\nanchors=3,9,9,3\nmax=2\niou_loss=giou\n"
                   "iou_thresh=.2\ncounters_per_class=1,2\n", "", {
        "trained": "max_delta=.01 cls_normalizer=2 iou_thresh_kind=giou",
        "loss": "show_details=0",
    }),
    "Gaussian_yolo": (NET + CONV.format(22) + "[Gaussian_yolo]\nclasses=2\nnum=2\nanchors=4,4,8,8\nmax=2\n", "", {
        "read": "mask=1,0 anchors=3,3,4,4 scale_x_y=1.2 yolo_point=left_top nms_kind=greedynms",
        "trained": "max=1 ignore_thresh=.01 truth_thresh=.1 max_delta=.01 label_smooth_eps=.1 iou_normalizer=.07 "
                   "iou_loss=ciou obj_normalizer=2 iou_thresh=.2 counters_per_class=1,2 "
                   "uc_normalizer=2",
        "refused": "classes=3 num=3 yolo_point=middle new_coords=1",
        "idle": "delta_normalizer=2",
    }),
    "Gaussian_yolo, weighted": (NET + CONV.format(22) + "[Gaussian_yolo]\nclasses=2\nnum=2\nanchors=3,9,9,3\nmax=2\n"
                                "iou_thresh=.2\nignore_thresh=.01\ncounters_per_class=1,2\n", "", {
        "trained": "cls_normalizer=2 iou_thresh_kind=giou objectness_smooth=1",
    }),
    "rnn": (NET + "[rnn]\noutput=3\n", LOSS, {
        "read": "output=4 hidden=5 activation=tanh batch_normalize=1 logistic=2", "refused": "logistic=3",
    }),
    "gru": (NET + SQUEEZED + "[gru]\noutput=3\n", LOSS, {"read": "output=4 tanh=1 batch_normalize=1"}),
    "lstm": (NET + SQUEEZED + "[lstm]\noutput=3\n", LOSS, {"read": "output=4 batch_normalize=1"}),
    "crnn": (NET + "[crnn]\noutput=3\nhidden=2\npad=1\n", LOSS, {
        "read": "output=4 hidden=4 activation=tanh batch_normalize=1 xnor=1 dilation=2",
        "refused": "size=4 stride=2 pad=0 groups=3 output_filters=2",
    }),
    "crnn, 1 x 1": (NET + "[crnn]\noutput=2\nhidden=2\nsize=1\n", LOSS, {"read": "groups=2"}),
    "conv_lstm": (NET + "[conv_lstm]\noutput=4\npad=1\n", LOSS, {
        "read": "output=3 activation=tanh batch_normalize=1 xnor=1 dilation=2 peephole=1 lstm_activation=logistic",
        "warned": "time_normalizer=.5",
        "refused": "size=4 stride=2 pad=0 groups=3",
    }),
    "conv_lstm, 1 x 1": (NET + "[conv_lstm]\noutput=4\nsize=1\n", LOSS, {"read": "groups=2 bottleneck=1"}),
    "conv_lstm, bottleneck": (NET + "[conv_lstm]\noutput=4\nsize=1\nbottleneck=1\n", LOSS, {
        "read": "shortcut=1", "refused": "output=3",
    }),
    "history": (NET + "[history]\n", LOSS, {"read": "history_size=2"}),
    "crnn of pjreddie": (NET + "[crnn]\noutput_filters=3\nhidden_filters=2\n", LOSS, {
        "read": "output_filters=4 hidden_filters=4",
    }),
    "detection": (NET + "[connected]\noutput=48\nactivation=linear\n"
                  "[detection]\nclasses=2\ncoords=4\nnum=2\nside=2\n", "", {
        "read": "softmax=1 sqrt=1",
        "trained": "rescore=1 forced=1 coord_scale=3 object_scale=3 noobject_scale=3 class_scale=3",
        "refused": "classes=3 num=3 side=3 coords=5",
        "idle": "reorg=1",
    }),
}  # fmt: skip

ROWS = [
    (section, kind, *pair.split("="))
    for section, (_, _, classes) in SECTIONS.items()
    for kind, pairs in classes.items()
    for pair in pairs.split()
]


def text_of(section: str, key: str, value: str) -> str:
    """The section's cfg with this key in it, in place of its own."""
    before, after, _ = SECTIONS[section]
    head, bracket, own = before.rpartition("[")
    lines = [line for line in own.splitlines() if line.partition("=")[0] != key]
    return "\n".join([head + bracket + lines[0], *lines[1:], f"{key}={value}", after])


def filled(engine: Engine) -> Engine:
    """The engine with random parameters."""
    for layer in engine.layers:
        for record in layer.records:
            rng = np.random.default_rng(len(record.name) + 100 * layer.index)
            layer.parameters[record.name] = rng.uniform(0.2, 1, record.shape).astype(np.float32) - 0.1
    engine.parameters_changed()
    return engine


def result(text: str) -> list[np.ndarray]:
    """The network's output, and its boxes before and after suppression."""
    net = filled(Network(parse_cfg_text(text, "a.cfg")))
    output = net.forward(np.random.default_rng(1).random((1, *net.inputs), dtype=np.float32))[0]
    if not net.heads():
        return [output]
    found = candidates(net.heads()[-1], output, net.inputs, DetectOptions(thresh=0.1))
    kind, beta = suppression(net)
    return [output, found.boxes, found.suppressed(0.3, kind, beta=beta).index]


def learnt(text: str) -> list[np.ndarray]:
    """The parameters after an update on random truths, with the deltas that are left in the optimiser."""
    engine = filled(Engine(parse_cfg_text(text, "a.cfg")))
    stepper = Stepper(engine, engine.dialect, seed=3)
    rng = np.random.default_rng(2)
    shape = stepper._plan().truth.shape
    truth = rng.uniform(0.2, 0.8, shape).astype(np.float32)
    if engine.heads() and engine.heads()[-1].type != "detection":
        truth[..., -1] = 0
    else:
        truth[:, ::7] = bool(engine.heads())
    for _ in range(2):
        stepper.mini(rng.random((2, *engine.inputs), dtype=np.float32), truth)
        stepper.update()
    return [stepper.parameters.values.copy()]


def lost(text: str) -> list[np.ndarray]:
    """The printed loss of a mini-batch."""
    engine = filled(Engine(parse_cfg_text(text, "a.cfg")))
    stepper = Stepper(engine, engine.dialect)
    truth = np.full(stepper._plan().truth.shape, 0.4, np.float32)
    truth[..., -1] = 0
    return [np.array(stepper.mini(np.ones((2, *engine.inputs), np.float32), truth).cost)]


def loaded(text: str, base: str, folder: Path) -> list[np.ndarray]:
    """What is loaded from the weights of another cfg."""
    filled(Engine(parse_cfg_text(base))).save_weights(folder / "base.weights")
    engine = Engine(parse_cfg_text(text), folder / "base.weights")
    return [values for layer in engine.layers for values in layer.parameters.values()]


def differs(one: list[np.ndarray], two: list[np.ndarray]) -> bool:
    return any(a.shape != b.shape or not np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def base_text(section: str) -> str:
    before, after, _ = SECTIONS[section]
    return before + after


def asked(text: str) -> Graph:
    """The graph of which a training has asked what it follows."""
    engine = Engine(parse_cfg_text(text, "a.cfg"))
    for head in engine.heads():
        head.check_training(engine.dialect)
    Stepper(engine, engine.dialect)
    return engine


@pytest.mark.parametrize(("section", "kind", "key", "value"), ROWS)
def test_class_of_a_key(section: str, kind: str, key: str, value: str, tmp_path: Path) -> None:
    text, base = text_of(section, key, value), base_text(section)
    if kind == "refused":
        with pytest.raises(CfgError, match=r"a\.cfg:\d+: "):
            Graph(parse_cfg_text(text, "a.cfg"))
        return
    graph = Graph(parse_cfg_text(text, "a.cfg"))
    assert graph.warnings == []
    if kind in ("trained", "loss"):
        graph = asked(text)
    warned = [warning for warning in graph.unfollowed() if f"] {key}={value} is not followed" in warning]
    assert len(warned) == (kind == "warned")
    if kind == "file":
        assert differs(loaded(text, base, tmp_path), loaded(base, base, tmp_path))
    elif kind == "loss":
        assert differs(lost(text), lost(base))
        assert not differs(learnt(text), learnt(base))
    elif kind == "trained":
        assert not differs(result(text), result(base))
        assert differs(learnt(text), learnt(base))
    else:
        assert differs(result(text), result(base)) == (kind == "read")


def test_dontsave_leaves_a_layer_out_of_the_file(tmp_path: Path) -> None:
    sizes = []
    for text in (text_of("any", "dontsave", "1"), base_text("any")):
        filled(Engine(parse_cfg_text(text))).save_weights(tmp_path / "a.weights")
        sizes.append((tmp_path / "a.weights").stat().st_size)
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("section", ["region", "yolo"])
def test_files_that_heads_name(section: str, tmp_path: Path) -> None:
    tree, classes = tmp_path / "a.tree", tmp_path / "a.map"
    tree.write_text("one -1\ntwo -1\n")
    classes.write_text("1\n0\n")
    base, mapped = base_text(section), text_of(section, "map", str(classes))
    assert not differs(result(mapped), result(base))
    assert differs(learnt(mapped), learnt(base))
    if section == "region":
        assert differs(result(text_of(section, "tree", str(tree))), result(base))


def test_harmless_values_of_refused_keys_pass() -> None:
    for name, layer in REGISTRY.items():
        for key, refusal in layer.keys.refused.items():
            section = {"conv": "convolutional", "max": "maxpool"}.get(name, name)
            for value in refusal.harmless:
                assert not differs(result(text_of(section, key, str(value))), result(base_text(section)))


SECTIONS_OF_OTHERS = """convolutional conv deconvolutional deconv connected conn local maxpool max
    avgpool avg local_avgpool local_avg reorg reorg3d route shortcut upsample softmax soft cost crop
    dropout normalization lrn batchnorm activation logistic l2norm iseg region yolo Gaussian_yolo
    detection rnn crnn gru lstm conv_lstm history scale_channels sam implicit contrastive empty
    silence"""


@pytest.mark.parametrize("name", SECTIONS_OF_OTHERS.split())
def test_every_section_is_there_or_missed_by_name(name: str) -> None:
    if name in REGISTRY:
        return
    with pytest.raises(CfgError, match=rf"a\.cfg:8: \[{name}\] .*'s Darknet is not supported: it "):
        Graph(parse_cfg_text(f"{NET}[{name}]\n", "a.cfg"))
    assert name in MISSING
