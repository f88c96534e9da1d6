"""pjreddie/darknet of 2018, his last."""

from __future__ import annotations

from .base import Adam, BatchNorm, Dialect, RegionLoss, TruthRules, WeightFiles, Window, YoloLoss

DIALECT = Dialect(
    name="darknet2018",
    marks=({"yolo": frozenset()},),  # unknown in 2017
    norm=BatchNorm(epsilon=1e-6, inside=False, backward_inside=True, rolling=0.99),
    norm_biases=False,
    region=RegionLoss(
        class_only="spare", weigh_small=True, slope_in_loss=False, skip_large_labels=False, multi_label=True
    ),
    yolo=YoloLoss(),
    raw_classes=False,
    binary_border=0.0,
    classfix=False,
    usual_boxes=0,
    softmax_loss=True,
    power=4.0,
    dropout=0.5,
    burn_in_always=True,
    freezes=False,
    stop_ends=False,
    mixing=False,
    holding=False,
    any_onlyforward=False,
    uniform=frozenset({"connected", "local"}),
    adam=Adam(
        layers=frozenset({"convolutional", "connected"}),
        records=frozenset({"weights", "biases", "scales"}),
        epsilon=1e-7,
        corrected=True,
        by_batch=False,
        ahead=None,
    ),
    generation="canvas",
    fit="letterbox",
    detect_fit="letterbox",
    window=Window(),
    truth=TruthRules(least=0.001),
    files=WeightFiles(backup=".backup", every=10000, early=100),
    jump=64,
)
