"""Where the Darknets differ in training, in one table. `docs/training.md` says what each line means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import DataError
from ..formats.text import did_you_mean

ClassOnly = Literal["pull", "spare", "ignore"]


@dataclass(frozen=True)
class Adam:
    """How a Darknet's GPU build follows `adam=1`; what it leaves out, and all of a CPU build, is SGD.

    layers, records: the types of layers, and their parameters, that it updates
    epsilon: eps, if [net] has none
    corrected: eps is added to the root of the second moment after the correction by t, not before
    by_batch: the rate is divided by batch, as that of SGD is
    ahead: t is the iteration plus so much; None: t counts the updates since the program was started
    """

    layers: frozenset[str]
    records: frozenset[str]
    epsilon: float
    corrected: bool
    by_batch: bool
    ahead: int | None


@dataclass(frozen=True)
class Dialect:
    """One Darknet's way of training.

    norm_epsilon, norm_inside: batch norm divides by sqrt(variance) + epsilon, or by sqrt(variance + epsilon)
    norm_back_inside: so on the way back, with 1e-5, for the direct term of the gradient
    rolling: what a rolling statistic keeps of itself at each mini-batch
    area_scale: coordinates weigh 2 - w * h of the truth
    class_only: what a picture with a class but no box does to the objectness: the chosen box is pulled up to .3 and
        the others down ("pull"), the others are pulled down ("spare"), or nothing ("ignore")
    slope_in_loss: the printed loss is of deltas that hold the logistic's slope already
    skip_classes: a label outside the classes is left out before a map is applied
    burn_in_always: burn_in counts under every policy, not only poly
    softmax_loss: [softmax] has a loss of its own, on top of what a [cost] after it gives
    multi_label: without softmax a second truth of one box adds its class to the first one's
    raw_classes: [region] with neither softmax nor tree leaves its classes as they are, else they are logistic
    classfix: the keys classfix and focal_loss count
    power: what it is where [net] has none
    freezes: layers before one with stopbackward=1 stay as they are; else they decay
    stop_ends: stopbackward=N above 1 is for N iterations; else for ever
    any_onlyforward: any layer with onlyforward=1 has no way back; else only heads know the key
    uniform: layers whose weights start evenly distributed, the others' are normal
    adam: what adam=1 does
    """

    name: str
    norm_epsilon: float
    norm_inside: bool
    norm_back_inside: bool
    rolling: float
    area_scale: bool
    class_only: ClassOnly
    slope_in_loss: bool
    skip_classes: bool
    burn_in_always: bool
    softmax_loss: bool
    multi_label: bool
    raw_classes: bool
    classfix: bool
    power: float
    freezes: bool
    stop_ends: bool
    any_onlyforward: bool
    uniform: frozenset[str]
    adam: Adam


_CONV, _DENSE = frozenset({"convolutional"}), frozenset({"connected", "local"})
_ALL = frozenset({"weights", "biases", "scales"})
_ADAM_2017 = Adam(_CONV, frozenset({"weights"}), 1e-6, False, True, 1)
_ADAM_2018 = Adam(_CONV | {"connected"}, _ALL, 1e-7, True, False, None)
_ADAM_ALEXEYAB = Adam(_CONV, _ALL, 1e-6, True, False, 0)

# fmt: off
DIALECTS = {
    d.name: d
    for d in (
        # pjreddie/darknet at d2dece3d, January 2017: the code of the YOLO9000 paper
        Dialect("paper2017", 1e-6, False, False, 0.9, False, "pull", True, False, False, False, False, True, False,
                1.0, False, False, False, _CONV | _DENSE, _ADAM_2017),
        # pjreddie/darknet of 2018, his last
        Dialect("darknet2018", 1e-6, False, True, 0.99, True, "spare", False, False, True, True, True, False, False,
                4.0, False, False, False, _DENSE, _ADAM_2018),
        # AlexeyAB/darknet
        Dialect("alexeyab", 1e-5, True, False, 0.9, False, "ignore", True, True, True, False, False, True, True,
                4.0, True, True, True, _CONV | _DENSE, _ADAM_ALEXEYAB),
    )
}
# fmt: on
DEFAULT = "paper2017"


def dialect(name: str) -> Dialect:
    """The dialect of that name. DataError if there is none."""
    if name not in DIALECTS:
        raise DataError(f"unknown dialect {name!r}{did_you_mean(name, DIALECTS)}; known: {', '.join(DIALECTS)}")
    return DIALECTS[name]
