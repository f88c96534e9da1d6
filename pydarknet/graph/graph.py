"""A cfg as a graph of layers with shapes: no parameters, no backend, no memory to speak of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike

from ..detection.boxes import Fit
from ..detection.options import DetectOptions
from ..dialects import DEFAULT, Dialect
from ..dialects import dialect as dialect_of
from ..errors import CfgError, DataError, carrying
from ..formats.cfg import Cfg, Section, parse_cfg
from ..formats.cfg_keys import Keys
from ..formats.resources import find_cfg
from ..formats.text import closest
from ..formats.tree import Tree
from ..layers import REGISTRY, Head, Layer
from ..layers.common.recurrent import Recurrent
from ..layers.convolutional import Convolution
from ..plan.shapes import Shape

# Sections of the other Darknets that are refused, by whose they are and what they do.
MISSING = {
    "contrastive": "AlexeyAB's Darknet is not supported: it teaches features that tell objects apart from frame to "
    "frame; `pydarknet track` follows objects without them",
    "iseg": "pjreddie's Darknet is not supported: it teaches an object's mask, where heads here give boxes",
}  # fmt: skip

# What a network that is not trained doesn't read; where no value is as good as none, as with sizes of crops, it's 0.
NET_KEYS = Keys(
    training={
        "learning_rate": 0.001, "learning_rate_min": 1e-5, "momentum": 0.9, "decay": 0.0001, "max_batches": 0,
        "policy": "constant", "burn_in": 0, "power": 1.0, "step": 1, "scale": 1.0, "steps": (), "scales": (),
        "seq_scales": (), "gamma": 1.0, "sgdr_cycle": 0, "sgdr_mult": 2, "adam": 0, "B1": 0.9, "B2": 0.999,
        "eps": 1e-6, "time_steps": 1,
        "max_crop": 0, "min_crop": 0, "max_ratio": 0.0, "min_ratio": 0.0, "center": 0, "angle": 0.0, "aspect": 1.0,
        "saturation": 1.0, "exposure": 1.0, "hue": 0.0, "flip": 1, "random": 0.0, "resize_step": 32, "min_size": 0,
        "max_size": 0, "notruth": 0, "letter_box": 0, "blur": 0, "gaussian_noise": 0, "mixup": 0, "cutmix": 0,
        "mosaic": 0, "mosaic_bound": 0, "label_smooth_eps": 0.0, "attention": 0, "adversarial_lr": 0.0,
        "contrastive": 0, "contrastive_jit_flip": 0, "contrastive_color": 0, "unsupervised": 0, "track": 0,
        "dynamic_minibatch": 0, "loss_scale": 1.0, "try_fix_nan": 0, "weights_reject_freq": 0,
        "equidistant_point": 0, "badlabels_rejection_percentage": 0.0, "num_sigmas_reject_badlabels": 0.0,
        "ema_alpha": 0.0,
    },
    idle="""optimized_memory workspace_size_limit_MB use_cuda_graph max_chart_loss show_receptive_field
        augment_speed sequential_subdivisions seen""",  # of track, of track, of writing.cfg, which no program reads
)  # fmt: skip


class Graph:
    """The layers of a cfg with their shapes; no parameters, no backend, no memory to speak of.

    `dialect`: a name, in place of [net]'s. `inputs` is the shape of one input image, `outputs` that of the last layer
    that is no [cost] (what Darknet's `network_predict` returns), `warnings` what the user should know about the cfg.
    CfgError if it can't be built.
    """

    def __init__(self, cfg: str | PathLike[str] | Cfg, dialect: str | None = None) -> None:
        self.cfg = cfg if isinstance(cfg, Cfg) else parse_cfg(find_cfg(cfg))
        self.cfg.net.declare(NET_KEYS)
        self.layers: list[Layer] = []
        with carrying(lambda: [*self._warnings(), *self._misspelt()]):
            self._build(dialect)
        self.warnings = self._warnings()

    def _build(self, dialect: str | None) -> None:
        net = self.cfg.net
        for key in ("dialect", "height", "width", "channels", "inputs", "batch", "subdivisions"):
            net.has(key)  # none of them is unknown, whichever is wrong
        self.dialect = choose_dialect(self.cfg, dialect)
        self.dialect_given = dialect is not None or net.has("dialect")
        self.inputs = input_shape(self.cfg)
        self.batch = net.int_("batch", 1)
        self.subdivisions = net.int_("subdivisions", 1)
        if not self.cfg.sections:
            raise net.error("no layers follow")
        shape = self.inputs
        for index, section in enumerate(self.cfg.sections):
            layer = layer_class(section)(section, index, shape, self.layers)
            layer.adopt(self.dialect)
            check_signs(self.layers, layer)
            self.layers.append(layer)
            shape = layer.out
        self._heads = [layer for layer in self.layers if isinstance(layer, Head)]
        self.lazy_layers = lazy_layers(self.layers)
        # Index of the layer whose output is the network's. Found once: after a pass, whose weights have filled the
        # caches, looking at all layers takes 30 microseconds.
        shown = (layer.index for layer in self.layers if layer.type != "cost")
        self.output_index = max(shown, default=len(self.layers) - 1)

    def _warnings(self) -> list[str]:
        """Warnings about the cfg, up to the last layer that is built."""
        read = [self.cfg.net, *self.cfg.sections[: len(self.layers)]]
        return [*self.cfg.warnings, *(text for section in read for text in section.unused())]

    def _misspelt(self) -> list[str]:
        """Warnings about the section that can't be built."""
        return [text for each in self.cfg.sections[len(self.layers) :][:1] for text in each.misspelt()]

    def adopt(self, dialect: Dialect) -> None:
        """Take another dialect, the one that it has been trained in. CfgError if a layer can't."""
        self.dialect = dialect
        for layer in self.layers:
            layer.adopt(dialect)

    def unfollowed(self) -> list[str]:
        """Warnings about keys of training that nothing has read, one for each key of a type of section, to be asked
        for when a training is set up."""
        sections = [self.cfg.net, *self.cfg.sections]
        read: dict[str, set[str]] = {}
        for section in sections:
            read.setdefault(section.type, set()).update(section.used)
        first: dict[tuple[str, str], str] = {}
        for section in sections:
            for key, text in section.unfollowed(read[section.type]).items():
                first.setdefault((section.type, key), text)
        return list(first.values())

    @property
    def outputs(self) -> Shape:
        return self.layers[self.output_index].out

    @property
    def width(self) -> int:
        return self.inputs.w

    @property
    def height(self) -> int:
        return self.inputs.h

    @property
    def flops(self) -> int:
        """Floating-point operations of one image's forward pass, counted as Darknet's `ops` counts them."""
        return sum(layer.flops for layer in self.layers)

    def usual_fit(self) -> Fit:
        """How the network's own program brings images to its size: the dialect's detectors in their way, unless [net]
        has letter_box=1."""
        fit = self.dialect.detect_fit
        if fit == "letterbox" or not self.heads() or self.cfg.net.bool_("letter_box", False):
            return "letterbox"
        return fit

    @property
    def remembers(self) -> bool:
        """Whether it has recurrent layers, so that what it gives depends on what it was given before."""
        return any(isinstance(layer, Recurrent) for layer in self.layers)

    @property
    def sees_films(self) -> bool:
        """Whether it remembers, and its lists of images are frames one after the other: `track=1` in [net]."""
        return self.remembers and self.cfg.net.bool_("track", False)

    def heads(self) -> list[Head]:
        """The layers whose outputs hold detections."""
        return list(self._heads)

    def need_heads(self) -> list[Head]:
        """The heads of a detector; CfgError for a network without any."""
        if heads := self.heads():
            return heads
        raise CfgError(self.cfg.file, None, "has no [region], [yolo] or [detection] layer; use classify()")

    @property
    def is_lazy(self) -> bool:
        """Whether detection can leave classes out of the pass, and compute those it looks at afterwards."""
        return self.lazy_layers is not None

    @property
    def classes(self) -> int:
        """How many classes the heads tell apart; of a network without heads, how many outputs it has."""
        return max((head.classes for head in self.heads()), default=self.outputs.size)

    def class_tree(self) -> Tree | None:
        """The WordTree of the classes of a detector's heads, or of a classifier's outputs; None if they form none."""
        layers: Sequence[Layer] = self.heads() or self.layers
        return next((layer.tree for layer in layers if layer.tree is not None), None)

    def settle(self, options: DetectOptions) -> DetectOptions:
        """The options with what they leave to the last head (AlexeyAB's nms_kind, beta_nms). CfgError without heads;
        DataError for a map to nodes that they don't have; either for what only a tree has."""
        heads = self.need_heads()
        if options.map is not None and self.class_tree() is None:
            raise DataError("map: its classes are flat, and a map leads to the nodes of a tree (it has no tree=)")
        wrong = next((int(node) for node in _nodes(options) if not 0 <= node < self.classes), None)
        if wrong is not None:
            raise DataError(
                f"map: expected nodes from 0 to {self.classes - 1}, found {wrong}; is it for another tree?"
            )
        self._check_levels(options)
        if options.nms_kind is not None and options.beta_nms is not None:
            return options
        return options.with_suppression(heads[-1].nms_kind, heads[-1].beta_nms)

    def need_levels(self, told: str) -> Tree:
        """The tree of the classes. CfgError if they form none, as what is `told` needs."""
        if (tree := self.class_tree()) is None:
            last = (self.heads() or self.layers)[-1].section
            raise CfgError(
                self.cfg.file, last.line, f"{told}: its classes are flat, without levels (it has no tree=)"
            )
        return tree

    def _check_levels(self, options: DetectOptions) -> None:
        """CfgError or DataError for levels of a tree where classes form none."""
        told = "leaf_only" if options.leaf_only else f"depth={options.depth}"
        if not options.leaf_only and options.depth is None:
            return
        self.need_levels(told)
        if options.map is not None:
            raise DataError(f"{told}: with a map detections are of the data set's classes, which have no levels")

    def reshape(self, width: int, height: int) -> None:
        """Compute all shapes for another input size. CfgError, and nothing has changed, if a layer can't."""
        before = self.inputs
        try:
            self._reshape(Shape(before.c, height, width))
        except CfgError:
            self._reshape(before)
            raise

    def _reshape(self, shape: Shape) -> None:
        if min(shape) < 1:
            raise self.cfg.net.error(f"can't take the input size {shape.w} x {shape.h}: expected positive numbers")
        self.inputs = shape
        for layer in self.layers:
            layer.reshape(shape, self.layers[: layer.index])
            shape = layer.out
        self.lazy_layers = lazy_layers(self.layers)


def lazy_layers(layers: Sequence[Layer]) -> tuple[Convolution, Head] | None:
    """The layers of which not all need be computed in detection, if there are any: the last two, so that nobody else
    reads what is left out."""
    heads = [layer for layer in layers if isinstance(layer, Head)]
    before, last = layers[-2:] if len(heads) == 1 and len(layers) > 1 else (None, None)
    if isinstance(before, Convolution) and isinstance(last, Head) and last.can_be_lazy(before):
        return before, last
    return None


def _nodes(options: DetectOptions) -> Iterable[int]:
    return () if options.map is None else options.map


def choose_dialect(cfg: Cfg, name: str | None) -> Dialect:
    """The dialect of that name, else that of [net], else the default. DataError, CfgError if there is none such."""
    if name is not None:
        return dialect_of(name)
    try:
        return dialect_of(cfg.net.str_("dialect", DEFAULT))
    except DataError as error:
        raise cfg.net.error(str(error), "dialect") from error


def input_shape(cfg: Cfg) -> Shape:
    """The input of one image from [net]; `inputs=` alone is a flat vector. CfgError if there is none."""
    net = cfg.net
    h, w, c = (net.int_(key, 0, low=0) for key in ("height", "width", "channels"))
    inputs = net.int_("inputs", h * w * c, low=0)
    if h and w and c:
        shape = Shape(c, h, w)
    elif inputs:
        shape = Shape(inputs, 1, 1)
    else:
        raise net.error(f"expected width, height and channels, found {w} x {h} x {c}; add them to [net]")
    if shape.size > 2**31 - 1:
        raise net.error(f"the input {shape} has more elements than Darknet can count (2^31 - 1)")
    return shape


def layer_class(section: Section) -> type[Layer]:
    """The class for a section. CfgError for a type that is unknown or not supported."""
    if section.type in REGISTRY:
        return REGISTRY[section.type]
    if section.type in MISSING:
        raise section.error(f"this section of {MISSING[section.type]}")
    close = closest(section.type, REGISTRY)
    hint = f"; did you mean [{close}]?" if close else ""
    raise section.error(f"unknown section{hint}; known: {', '.join(sorted(REGISTRY))}")


def check_signs(before: Sequence[Layer], layer: Layer) -> None:
    """CfgError if a layer needs more than the signs that `bin_output=1` leaves of the output before it.

    Layers that read several outputs switch `bin_output` off in AlexeyAB's program.
    """
    through = (each for each in reversed(before) if each.type not in ("maxpool", "max"))
    source = next(through, None)
    free = layer.reads_signs or layer.type in ("maxpool", "max", "route", "shortcut", "scale_channels", "sam")
    if source is not None and source.gives_signs and not free:
        raise source.section.error(
            f"bin_output=1: layer {layer.index} [{layer.type}] needs more than the signs of its input; expected one "
            "with xnor=1 there, or bin_output=0 here",
            "bin_output",
        )
