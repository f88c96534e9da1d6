"""Data sets for training: from PASCAL VOC and COCO to Darknet's label files, and checked, counted, split, shown."""

from .aside import set_aside, without_missing
from .check import Finding, check
from .class_folders import read_classes
from .coco import coco_files, read_coco
from .convert import Conversion, Sample, write
from .dataset import DataSet, ImageList, read_dataset
from .show import show
from .split import split
from .stats import Stats, stats
from .voc import read_voc
from .yolo import read_yolo

__all__ = [
    "Conversion",
    "DataSet",
    "Finding",
    "ImageList",
    "Sample",
    "Stats",
    "check",
    "coco_files",
    "read_classes",
    "read_coco",
    "read_dataset",
    "read_voc",
    "read_yolo",
    "set_aside",
    "show",
    "split",
    "stats",
    "without_missing",
    "write",
]
