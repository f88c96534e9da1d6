"""Which kind of network a cfg is of, and whether the data is of the same."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ...datasets.dataset import LOOKED_AT, DataSet, class_rule, has_label_files
from ...errors import DataError
from ...formats.cfg import Cfg
from ...layers import REGISTRY, Head
from ..precheck import check_boxes


def is_classifier(cfg: Cfg) -> bool:
    """Whether a network says the class of a whole image: it ends in a softmax or its cost, and has no boxes."""
    kinds = {section.type for section in cfg.sections}
    heads = any(kind in REGISTRY and issubclass(REGISTRY[kind], Head) for kind in kinds)
    return not heads and bool(kinds & {"softmax", "soft", "cost"})


def check_kind(cfg: Cfg, data: DataSet) -> None:
    """DataError for a detector and images that have a class alone, or a classifier and images with boxes."""
    boxes = has_label_files(images := data.list_("train").images)
    if is_classifier(cfg):
        if boxes and not data.classifies and not _tell_classes(images, data.file):
            raise DataError(
                f"{data.file}: has images with boxes, but {cfg.file} is a classifier, which learns from images in a "
                "folder for each class; take a detector, as `pydarknet init DATA --from yolov2-tiny` does, or make "
                "a classifier's data by `pydarknet data classes FOLDER`"
            )
    else:
        check_boxes(data.file, cfg.file, images, data.classifies)


def _tell_classes(images: Sequence[str], file: str) -> bool:
    """Whether a path holds the name of a class, as a classifier needs it."""
    with suppress(DataError):
        rule = class_rule(file)
        return any(rule(image) for image in images[:LOOKED_AT])
    return False
