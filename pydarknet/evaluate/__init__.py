"""How good detections are: average precision by VOC's and COCO's rules, along a tree, and Darknet's recall.

All take the truth and the detections of a set of images as arrays, and give numbers that are the same as the
original tools'. Where there is nothing to divide by, the answer is None (a `-` in tables), never NaN.
"""

from .coco import CocoResult, coco
from .expanded import expanded
from .groups import Group, groups
from .hierarchical import HierarchicalResult, hierarchical
from .mistakes import Mistakes, mistakes
from .naming import Naming, naming
from .objects import Detections, Truth
from .recall import Recall, recall, running_recall
from .report import Report, report
from .voc import Curve, average_precision, curves, voc

__all__ = [
    "CocoResult",
    "Curve",
    "Detections",
    "Group",
    "HierarchicalResult",
    "Mistakes",
    "Naming",
    "Recall",
    "Report",
    "Truth",
    "average_precision",
    "coco",
    "curves",
    "expanded",
    "groups",
    "hierarchical",
    "mistakes",
    "naming",
    "recall",
    "report",
    "running_recall",
    "voc",
]
