"""pjreddie/darknet at d2dece3d, January 2017: the code of the YOLO9000 paper."""

from __future__ import annotations

from .base import Adam, BatchNorm, Dialect, RegionLoss, TruthRules, WeightFiles, Window, YoloLoss

DIALECT = Dialect(
    name="paper2017",
    marks=(),
    norm=BatchNorm(epsilon=1e-6, inside=False, backward_inside=False, rolling=0.9),
    norm_biases=False,
    region=RegionLoss(
        class_only="pull", weigh_small=False, slope_in_loss=True, skip_large_labels=False, multi_label=False
    ),
    yolo=YoloLoss(),
    raw_classes=True,
    binary_border=0.0,
    classfix=False,
    usual_boxes=0,
    softmax_loss=False,
    power=1.0,
    dropout=0.5,
    burn_in_always=False,
    freezes=False,
    stop_ends=False,
    mixing=False,
    holding=False,
    any_onlyforward=False,
    uniform=frozenset({"convolutional", "connected", "local"}),
    adam=Adam(
        layers=frozenset({"convolutional"}),
        records=frozenset({"weights"}),
        epsilon=1e-6,
        corrected=False,
        by_batch=True,
        ahead=1,
    ),
    generation="crop",
    fit="stretch",
    detect_fit="letterbox",
    window=Window(held=True, edge=True),
    truth=TruthRules(least=0.005, holes=True),
    files=WeightFiles(backup=".backup", every=10000, early=100),
    jump=10,
)
