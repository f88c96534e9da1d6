"""What a Darknet's way of training is made of. `docs/training.md` says what each line means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..detection.boxes import Fit

ClassOnly = Literal["pull", "spare", "assume", "ignore"]
Generation = Literal["canvas", "crop"]
# One of these in a cfg: a section of that type ("*": of any) with one of those keys, written KEY or KEY=VALUE;
# without keys the section alone.
Mark: TypeAlias = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class BatchNorm:
    """The constants of batch norm, by the names of the ops' arguments.

    epsilon, inside: divides by sqrt(variance) + epsilon, or by sqrt(variance + epsilon)
    backward_inside: so on the way back, with 1e-5, for the direct term of the gradient
    rolling: what a rolling statistic keeps of itself at each mini-batch
    """

    epsilon: float
    inside: bool
    backward_inside: bool
    rolling: float

    @property
    def deviation(self) -> tuple[float, bool]:
        """What counts in detection, too."""
        return self.epsilon, self.inside


@dataclass(frozen=True)
class RegionLoss:
    """How [region] learns, by the names of the op's arguments.

    class_only: what an image with a class but no box does to the objectness: the chosen box is pulled up to .3 and
        the others down ("pull"), the others are pulled down ("spare"), the chosen box is pulled up alone ("assume"),
        or nothing ("ignore")
    weigh_small: coordinates weigh 2 - w * h of the truth
    slope_in_loss: the printed loss is of deltas that hold the logistic's slope already
    skip_large_labels: a label outside the classes is left out before a map is applied
    multi_label: without softmax a second truth of one box adds its class to the first one's
    """

    class_only: ClassOnly
    weigh_small: bool
    slope_in_loss: bool
    skip_large_labels: bool
    multi_label: bool


@dataclass(frozen=True)
class YoloLoss:
    """How [yolo] learns, by the names of the op's arguments.

    adds: the deltas that several truths give one box add up, and a second one adds its class if the box hasn't learnt
        it; else the last truth counts, and a second class is added where the box has learnt the first one of all
    least_class: a box that overlaps a truth is called empty unless one of its classes is more probable than so
    skip_large_labels: a label outside the classes is left out before a map is applied
    iou_normalizer: what it is where the section has none; None: the keys that weigh and choose the loss are unknown
    """

    adds: bool = False
    least_class: float = -1.0
    skip_large_labels: bool = False
    iou_normalizer: float | None = None


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
class TruthRules:
    """Which boxes stay. `least`: the smallest side, a part of the image, or one pixel of the network.

    `holes`: a box that falls out leaves a row of zeros, where the head stops reading: those after it are lost.
    `places_only`: objects without a place are dropped, and boxes whose centre is on or over the left or upper edge.
    """

    least: float | Literal["pixel"]
    holes: bool = False
    places_only: bool = False


@dataclass(frozen=True)
class Window:
    """A classifier's window on an image: whether it is `held` in the middle of one that is smaller than itself, and
    whether the image's `edge` is repeated outside."""

    held: bool = False
    edge: bool = False


@dataclass(frozen=True)
class WeightFiles:
    """What is saved. `backup`: the ending of the newest weights. Numbered ones come `every` so many iterations;
    of the first 1000 also those that `early` divides."""

    backup: str
    every: int
    early: int | None = None


@dataclass(frozen=True)
class Dialect:
    """One Darknet's way of training.

    marks: what a cfg has that is written for this Darknet; of the dialects all of whose marks it has, that with the
        most is followed where none is named
    norm_biases: [batchnorm] has biases, and weights files have them
    raw_classes: [region] with neither softmax nor tree leaves its classes as they are, else they are logistic
    binary_border: what lies around the binary input of xnor=1: 0, or -1, as a bit that isn't set
    classfix: the keys classfix and focal_loss count
    usual_boxes: how many truths of an image count in a head without `max`; 0: as many as the head says
    softmax_loss: [softmax] has a loss of its own, on top of what a [cost] after it gives
    power: what it is where [net] has none
    dropout: the probability of a [dropout] that has none
    burn_in_always: burn_in counts under every policy, not only poly
    freezes: layers before one with stopbackward=1 stay as they are; else they decay
    stop_ends: stopbackward=N above 1 is for N iterations; else for ever
    mixing: the keys of [net] that mix and disturb images count, label_smooth_eps of classifiers, dynamic_minibatch,
        track and ema_alpha
    holding: the keys of layers that keep them from being updated, or their weights small, count
    any_onlyforward: any layer with onlyforward=1 has no way back; else only heads know the key
    uniform: layers whose weights start evenly distributed, the others' are normal
    adam: what adam=1 does
    generation: how images with boxes are varied: placed on a grey canvas, or a part of them stretched
    fit: how images are brought to the network's size where they aren't varied
    detect_fit: so in detection, where [net] has no letter_box=1
    window: how images with a class are varied
    jump: a stream of text goes on elsewhere once in so many mini-batches
    """

    name: str
    marks: tuple[Mark, ...]
    norm: BatchNorm
    norm_biases: bool
    region: RegionLoss
    yolo: YoloLoss
    raw_classes: bool
    binary_border: float
    classfix: bool
    usual_boxes: int
    softmax_loss: bool
    power: float
    dropout: float
    burn_in_always: bool
    freezes: bool
    stop_ends: bool
    mixing: bool
    holding: bool
    any_onlyforward: bool
    uniform: frozenset[str]
    adam: Adam
    generation: Generation
    fit: Fit
    detect_fit: Fit
    window: Window
    truth: TruthRules
    files: WeightFiles
    jump: int

    @property
    def layout(self) -> int:
        """Which of a layer's layouts its weights files have: pjreddie's (0), or AlexeyAB's (1)."""
        return int(self.norm_biases)
