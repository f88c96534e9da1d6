"""AlexeyAB/darknet."""

from __future__ import annotations

from .base import Adam, BatchNorm, Dialect, Mark, RegionLoss, TruthRules, WeightFiles, Window, YoloLoss

# Sections that only this Darknet has, or those who go on from it.
_SECTIONS: Mark = dict.fromkeys(
    (
        "scale_channels",
        "sam",
        "local_avgpool",
        "local_avg",
        "reorg3d",
        "Gaussian_yolo",
        "implicit",
        "implicit_add",
        "implicit_mul",
        "shift_channels",
        "control_channels",
        "empty",
        "silence",
        "conv_lstm",
        "history",
    ),
    frozenset(),
)

# What only this Darknet reads, or writes into each of its cfgs.
_KEYS: Mark = {
    **_SECTIONS,
    "yolo": frozenset(
        [
            "beta_nms",
            "cls_normalizer",
            "counters_per_class",
            "delta_normalizer",
            "focal_loss",
            "iou_loss",
            "iou_normalizer",
            "iou_thresh",
            "iou_thresh_kind",
            "label_smooth_eps",
            "max_delta",
            "new_coords",
            "nms_kind",
            "obj_normalizer",
            "objectness_smooth",
            "resize",
            "scale_x_y",
        ]
    ),
    "net": frozenset(
        [
            "blur",
            "cutmix",
            "dynamic_minibatch",
            "augment_speed",
            "ema_alpha",
            "gaussian_noise",
            "label_smooth_eps",
            "letter_box",
            "mixup",
            "mosaic",
            "mosaic_bound",
            "optimized_memory",
            "resize_step",
            "seq_scales",
            "sequential_subdivisions",
            "sgdr_cycle",
            "sgdr_mult",
            "track",
            "try_fix_nan",
            "workspace_size_limit_MB",
        ]
    ),
    "*": frozenset(
        [
            "antialiasing",
            "dilation",
            "share_index",
            "stride_x",
            "stride_y",
            "dropblock",
            "maxpool_depth",
            "weights_type",
            "group_id",
            "activation=mish",
            "activation=hard_mish",
            "activation=swish",
        ]
    ),
}

DIALECT = Dialect(
    name="alexeyab",
    marks=({"yolo": frozenset(), **_SECTIONS}, _KEYS),
    norm=BatchNorm(epsilon=1e-5, inside=True, backward_inside=False, rolling=0.9),
    norm_biases=True,
    region=RegionLoss(
        class_only="ignore", weigh_small=False, slope_in_loss=True, skip_large_labels=True, multi_label=False
    ),
    yolo=YoloLoss(adds=True, least_class=0.25, skip_large_labels=True, iou_normalizer=0.75),
    raw_classes=True,
    binary_border=-1.0,
    classfix=True,
    usual_boxes=200,
    softmax_loss=False,
    power=4.0,
    dropout=0.2,
    burn_in_always=True,
    freezes=True,
    stop_ends=True,
    mixing=True,
    holding=True,
    any_onlyforward=True,
    uniform=frozenset({"convolutional", "connected", "local"}),
    adam=Adam(
        layers=frozenset({"convolutional"}),
        records=frozenset({"weights", "biases", "scales"}),
        epsilon=1e-6,
        corrected=True,
        by_batch=False,
        ahead=0,
    ),
    generation="crop",
    fit="stretch",
    detect_fit="stretch",
    window=Window(held=True),
    truth=TruthRules(least="pixel", places_only=True),
    files=WeightFiles(backup="_last.weights", every=1000),
    jump=10,
)
