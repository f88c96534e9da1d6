"""The keys that the Darknets (pjreddie's and AlexeyAB's) know in each section, used here or not.

A key in this table never draws a warning; any other key that nobody asked for does.
"""

from __future__ import annotations

from functools import cache

ALIASES = {
    "network": "net",
    "conv": "convolutional",
    "deconv": "deconvolutional",
    "conn": "connected",
    "max": "maxpool",
    "avg": "avgpool",
    "soft": "softmax",
    "lrn": "normalization",
    "Gaussian_yolo": "gaussian_yolo",
}

_ANY_LAYER = """truth onlyforward stopbackward dontsave dontload numload dontloadscales learning_rate
    smooth clip dont_update burnin_update train_only_bn"""

_AUGMENTATION = "jitter random resize"
_ANCHORS = "anchors num classes max map track_history_size show_details counters_per_class"

_KEYS = {
    "net": """batch subdivisions time_steps learning_rate learning_rate_min momentum decay policy burn_in
        power step scale steps scales seq_scales gamma max_batches adam B1 B2 eps height width channels
        inputs max_crop min_crop max_ratio min_ratio center clip angle aspect saturation exposure hue
        random notruth flip blur gaussian_noise mixup cutmix mosaic mosaic_bound letter_box
        label_smooth_eps attention adversarial_lr contrastive contrastive_jit_flip contrastive_color
        unsupervised resize_step dynamic_minibatch optimized_memory workspace_size_limit_MB
        use_cuda_graph loss_scale max_chart_loss show_receptive_field try_fix_nan weights_reject_freq
        equidistant_point badlabels_rejection_percentage num_sigmas_reject_badlabels ema_alpha track
        augment_speed sequential_subdivisions sgdr_cycle sgdr_mult cutmix_prob seen dialect
        min_size max_size""",
    "convolutional": """filters size stride pad padding groups activation batch_normalize binary xnor
        flipped dot stride_x stride_y dilation antialiasing share_index cbn bin_output sway rotate
        stretch stretch_sway angle grad_centr reverse coordconv stream wait_stream assisted_excitation""",
    "deconvolutional": "filters size stride pad padding activation batch_normalize",
    "connected": "output activation batch_normalize flipped",
    "local": "filters size stride pad activation",
    "maxpool": """size stride padding stride_x stride_y maxpool_depth out_channels antialiasing
        maxpool_zero_nonmax""",
    "local_avgpool": "size stride padding stride_x stride_y",
    "avgpool": "",
    "reorg": "stride reverse flatten extra",
    "reorg3d": "stride reverse",
    "route": "layers groups group_id stream",
    "shortcut": "from activation alpha beta weights_type weights_normalization",
    "upsample": "stride scale",
    "softmax": "groups temperature tree spatial noloss",
    "cost": "type scale ratio noobj thresh",
    "crop": "crop_height crop_width flip angle saturation exposure noadjust shift",
    "dropout": "probability dropblock dropblock_size_rel dropblock_size_abs",
    "normalization": "alpha beta kappa size",
    "batchnorm": "",
    "activation": "activation",
    "logistic": "",
    "l2norm": "",
    "iseg": "classes ids",
    "region": f"""{_ANCHORS} {_AUGMENTATION} coords softmax background tree bias_match rescore thresh
        coord_scale object_scale noobject_scale class_scale mask_scale log sqrt absolute classfix
        focal_loss dialect""",
    "yolo": f"""{_ANCHORS} {_AUGMENTATION} mask ignore_thresh truth_thresh max_delta label_smooth_eps
        scale_x_y objectness_smooth new_coords iou_normalizer obj_normalizer cls_normalizer
        delta_normalizer iou_loss iou_thresh_kind beta_nms nms_kind focal_loss iou_thresh sim_thresh
        dets_for_track dets_for_show track_ciou_norm embedding_layer""",
    "gaussian_yolo": f"""{_ANCHORS} {_AUGMENTATION} mask ignore_thresh truth_thresh max_delta
        label_smooth_eps scale_x_y objectness_smooth iou_normalizer obj_normalizer cls_normalizer
        delta_normalizer uc_normalizer iou_loss iou_thresh_kind beta_nms nms_kind iou_thresh yolo_point""",
    "detection": f"""{_AUGMENTATION} coords classes rescore num side softmax sqrt max coord_scale forced
        object_scale noobject_scale class_scale reorg""",
    "rnn": "output hidden activation batch_normalize shortcut logistic",
    "crnn": """output_filters hidden_filters output hidden activation batch_normalize shortcut size
        stride dilation pad groups xnor""",
    "gru": "output batch_normalize tanh",
    "lstm": "output batch_normalize",
    "conv_lstm": """output hidden batch_normalize activation size stride dilation pad groups peephole
        bottleneck xnor state_constrain shortcut lstm_activation time_normalizer""",
    "history": "history_size",
    "scale_channels": "from scale_wh activation",
    "sam": "from activation",
    "implicit": "mean std filters atoms",
    "contrastive": "classes temperature yolo_layer steps max_delta cls_normalizer",
    "empty": "",
    "silence": "",
}


def canonical(section_type: str) -> str:
    """The long name of a section type: `conv` is `convolutional`."""
    return ALIASES.get(section_type, section_type)


@cache
def known_keys(section_type: str) -> frozenset[str]:
    """Every key that some Darknet reads in a section of this type; empty for an unknown type."""
    name = canonical(section_type)
    if name not in _KEYS:
        return frozenset()
    return frozenset(_KEYS[name].split() + ([] if name == "net" else _ANY_LAYER.split()))


def section_types() -> list[str]:
    """Every name that some Darknet accepts between brackets."""
    return sorted({*_KEYS, *ALIASES})
