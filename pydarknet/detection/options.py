"""How outputs become detections: built once, from a command line or keywords, and passed on whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypedDict, get_args

import numpy as np
import numpy.typing as npt

from ..formats.text import did_you_mean
from ..formats.tree import Mode
from ..system.arguments import check_choice, check_flag, check_number, check_share
from .boxes import Fit
from .nms import GREEDY_BETA, Kind

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.integer[Any]]
Rule = Literal["objectness", "class"]

MIN_TILE = 32  # pixels
MAX_OVERLAP = 0.9  # of a tile's side, shared with the next one


@dataclass(frozen=True)
class DetectOptions:
    """How to turn outputs into detections.

    `thresh`: least objectness and probability. `hier_thresh`, `hier_mode`: how far down a tree to go, with
    Darknet's double product or the paper's probabilities. `nms`: greatest overlap two boxes may have (0: any), by
    `nms_kind` and `beta_nms` (of "diounms"), None: as the last head says, per class ("sort"), over all ("obj"), or
    per class with the distance of centres ("greedynms", "diounms"). `fit`: how images are brought to the
    network's size. `map`: tree node of each reported class. `region_rule`: what boxes of [region] are sure by;
    "class" is AlexeyAB's: they have no objectness, and in a tree the node's own probability. `lazy`: let a head with
    a tree compute only those classes that the walk looks at, where it can (`Graph.is_lazy`); the detections are the
    same.

    What is reported of what was found, after the walk and the suppression, neither of which they change: `classes`,
    names or numbers, each of which stands for all below it (settled: which classes, (classes,)); `leaf_only`, where
    the walk went down to a leaf; `min_size`, the least width and height in pixels of the image; then, `depth`, no
    class below that level of the tree (1: the roots).

    `tile`: look at the image whole, and once more in square tiles of so many pixels that overlap by the share
    `tile_overlap`; for small objects in large images (0: no tiles).
    """

    thresh: float = 0.5
    hier_thresh: float = 0.5
    nms: float = 0.45
    nms_kind: Kind | None = None
    beta_nms: float | None = None
    fit: Fit = "letterbox"
    hier_mode: Mode = "darknet"
    map: Ints | Sequence[int] | None = None
    region_rule: Rule = "objectness"
    lazy: bool = True
    classes: Sequence[str | int] | Bools | int | None = None
    leaf_only: bool = False
    depth: int | None = None
    min_size: float = 0.0
    tile: int = 0
    tile_overlap: float = 0.2

    def __post_init__(self) -> None:
        """ValueError for numbers out of range and unknown words. `classes` may be a number, or a text with commas."""
        for name in ("thresh", "hier_thresh", "nms"):
            check_share(name, getattr(self, name))
        if self.nms_kind is not None:
            check_choice("nms_kind", self.nms_kind, get_args(Kind))
        check_choice("fit", self.fit, get_args(Fit))
        check_choice("hier_mode", self.hier_mode, get_args(Mode))
        check_choice("region_rule", self.region_rule, get_args(Rule))
        if self.depth is not None and not _is_level(self.depth):
            raise ValueError(f"depth={self.depth!r}: expected a level of the tree, a whole number from 1 (the roots)")
        check_number("min_size", self.min_size, "a number of pixels, from 0", 0)
        if self.beta_nms is not None:
            check_number("beta_nms", self.beta_nms, "a number from 0", 0)
        for name in ("leaf_only", "lazy"):
            check_flag(name, getattr(self, name))
        if self.tile != 0:
            _check_tile(self.tile)
        check_number("tile_overlap", self.tile_overlap, f"a share from 0 to {MAX_OVERLAP}", 0, MAX_OVERLAP)
        if isinstance(self.classes, (int, np.integer)):
            object.__setattr__(self, "classes", (int(self.classes),))
        if isinstance(self.classes, str):
            object.__setattr__(self, "classes", tuple(name.strip() for name in self.classes.split(",")))

    def but(self, **given: Any) -> DetectOptions:
        """With other values, of which None leaves things as they are. TypeError for what is no option."""
        if unknown := next((key for key in given if key not in FIELDS), None):
            raise TypeError(f"{unknown!r} is no option of detection{_hint(unknown)}")
        return replace(self, **{key: value for key, value in given.items() if value is not None})

    @property
    def reports_all(self) -> bool:
        """Whether everything that is found is reported, as it is."""
        return self.classes is None and self.depth is None and not (self.leaf_only or self.min_size)

    @property
    def within(self) -> Bools | None:
        """`classes` once they are settled."""
        given = self.classes
        return given if isinstance(given, np.ndarray) and given.dtype == np.bool_ else None

    def with_suppression(self, kind: Kind, beta: float = GREEDY_BETA) -> DetectOptions:
        """With kind and exponent of suppression where they are left open."""
        if self.nms_kind is not None and self.beta_nms is not None:
            return self
        return replace(
            self, nms_kind=self.nms_kind or kind, beta_nms=beta if self.beta_nms is None else self.beta_nms
        )


def chosen(options: DetectOptions, **given: Any) -> DetectOptions:
    """What a caller hands in as options, with what is given beside them (`DetectOptions.but`). ValueError."""
    if not isinstance(options, DetectOptions):
        raise ValueError(f"options: expected DetectOptions, found {type(options).__name__}; a dict goes in as **dict")
    return options.but(**given)


def _is_level(depth: object) -> bool:
    return isinstance(depth, (int, np.integer)) and not isinstance(depth, bool) and bool(depth >= 1)


def _check_tile(side: object) -> None:
    if not isinstance(side, (int, np.integer)) or side < MIN_TILE:
        raise ValueError(f"tile={side!r}: expected a whole number of pixels, at least {MIN_TILE}, or 0 for none")


def _hint(word: str) -> str:
    """What an unknown option may stand for."""
    if word in _SIZES:
        return "; the network's size is set by resize(width, height)"
    return f"; here it is {_OF_OTHERS[word]!r}" if word in _OF_OTHERS else did_you_mean(word, FIELDS)


DEFAULTS = DetectOptions()
FIELDS = frozenset(each.name for each in fields(DetectOptions))

_SIZES = ("imgsz", "size", "width", "height")
_OF_OTHERS = {"conf": "thresh", "confidence": "thresh", "threshold": "thresh", "iou": "nms", "hier": "hier_thresh"}


class MoreOptions(TypedDict, total=False):
    """The fields of `DetectOptions` that `Network.detect` takes by keyword alone, for editors and type checkers."""

    nms_kind: Kind | None
    beta_nms: float | None
    fit: Fit | None
    hier_mode: Mode | None
    map: Ints | Sequence[int] | None
    region_rule: Rule | None
    lazy: bool | None
    classes: Sequence[str | int] | int | None
    leaf_only: bool | None
    depth: int | None
    min_size: float | None
    tile: int | None
    tile_overlap: float | None
