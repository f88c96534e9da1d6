"""Whose way of training is followed where nobody names one."""

from __future__ import annotations

from pathlib import Path

from ..dialects.table import DEFAULT, DIALECTS, Dialect
from ..formats.cfg import Cfg
from ..graph.graph import choose_dialect
from .state import dialect_of

# What only AlexeyAB's Darknet reads, or writes into each of its cfgs.
_YOLO = """beta_nms cls_normalizer counters_per_class delta_normalizer focal_loss iou_loss iou_normalizer
    iou_thresh iou_thresh_kind label_smooth_eps max_delta new_coords nms_kind obj_normalizer objectness_smooth
    resize scale_x_y"""
_NET = """blur cutmix dynamic_minibatch ema_alpha gaussian_noise label_smooth_eps letter_box mixup mosaic mosaic_bound
    optimized_memory resize_step sgdr_cycle sgdr_mult try_fix_nan workspace_size_limit_MB"""
_LAYER = "antialiasing dilation share_index stride_x stride_y maxpool_depth group_id"
ACTIVATIONS = ("mish", "hard_mish", "swish")


def training_dialect(cfg: Cfg, name: str | None, backup: Path | None) -> Dialect:
    """The dialect `name`, else that of [net], else that of the run whose weights are `backup`, which is resumed;
    else by the head, since [yolo] was unknown in 2017: AlexeyAB's if the cfg has keys of his. DataError, CfgError."""
    if name is not None or cfg.net.has("dialect"):
        return choose_dialect(cfg, name)
    resumed = dialect_of(backup) if backup is not None else None
    return DIALECTS[resumed or _by_head(cfg)]


def _by_head(cfg: Cfg) -> str:
    heads = [section for section in cfg.sections if section.type == "yolo"]
    if not heads:
        return DEFAULT
    known = ((heads, _YOLO), ([cfg.net], _NET), (cfg.sections, _LAYER))
    keys = any(
        not section.options.keys().isdisjoint(names.split()) for sections, names in known for section in sections
    )
    activations = any(section.options.get("activation") in ACTIVATIONS for section in cfg.sections)
    return "alexeyab" if keys or activations else "darknet2018"
