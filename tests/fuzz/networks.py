"""Random networks that a reader must take: every type of layer and key, in sizes that run in milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from math import gcd
from random import Random

from pydarknet.errors import DarknetError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.graph import Graph
from pydarknet.layers.cost import TYPES
from pydarknet.plan.activations import ACROSS_CHANNELS, ACTIVATIONS
from pydarknet.plan.shapes import Shape

SMALL = 60_000  # numbers of one array
FLOPS = 3_000_000
Maker = Callable[[Random, Graph], str]


def network(rng: Random) -> str:
    """The text of a cfg: [net], up to ten layers that fit, and what the last of them is for."""
    text = net_section(rng)
    for _ in range(rng.choice([1, 2, 3, 4, 6, 10])):
        text = extended(rng, text, rng.choices(list(LAYERS), list(LAYERS.values()))[0])
    text = extended(rng, text, rng.choice(ENDS))
    return text if text.count("[") > 1 else text + "[dropout]\n"  # where nothing has fitted


def extended(rng: Random, text: str, make: Maker) -> str:
    """The text with sections of this kind behind it, if the network takes them and stays small."""
    try:
        graph = Graph(parse_cfg_text(text + "[dropout]\n"))  # no network is without layers
        longer = text + make(rng, graph)
        return longer if is_small(Graph(parse_cfg_text(longer))) else text
    except DarknetError:
        return text


def is_small(graph: Graph) -> bool:
    arrays = [graph.inputs.size, *(layer.out.size for layer in graph.layers)]
    arrays += [record.size for layer in graph.layers for record in layer.records]
    return max(arrays) < SMALL and graph.flops < FLOPS


def section(name: str, **options: object) -> str:
    lines = [f"{key.rstrip('_')}={value}" for key, value in options.items() if value is not None]
    return "\n".join([f"[{name}]", *lines, ""])


def rarely(rng: Random, *values: object, chance: float = 0.2) -> object | None:
    """One of the values, mostly none."""
    return rng.choice(values) if rng.random() < chance else None


def net_section(rng: Random) -> str:
    shape = {key: rng.choice([1, 2, 5, 8, 13, 16, 20, 32, 33, 47]) for key in ("width", "height")}
    shape["channels"] = rng.choice([1, 2, 3, 3, 3, 3, 4, 5, 8, 17])
    if rng.random() < 0.05:
        shape = {"inputs": rng.randint(1, 60)}
    batch, subdivisions = rng.choice([(1, 1), (2, 1), (4, 2), (6, 2), (3, 3)])
    policy = rng.choice(["constant", "step", "exp", "poly", "sigmoid", "random", "steps", "sgdr"])
    steps = {"steps": "1,2", "scales": ".5,.1"} if policy == "steps" else {}
    return section(
        "net", **shape, batch=batch, subdivisions=subdivisions, learning_rate=rng.choice(["1e-4", ".01"]),
        policy=policy, max_batches=10, **steps, step=rarely(rng, 1, 3), gamma=rarely(rng, ".9", 0, -1),
        power=rarely(rng, 1, 4, 0, -1), burn_in=rarely(rng, 2, 1000), adam=rarely(rng, 1), decay=rarely(rng, 0, ".1"),
        momentum=rarely(rng, 0, ".99"), time_steps=rarely(rng, 2, 3),
    )  # fmt: skip


def shared(rng: Random, graph: Graph) -> str:
    """A convolution, and others with its weights."""
    filters, one = graph.layers[-1].out.c, {"size": rng.choice([1, 3]), "pad": 1}
    norm = rarely(rng, 1, chance=0.5)
    first = section("convolutional", filters=filters, **one, batch_normalize=norm, activation=activation(rng))
    more = {**windows(rng), **one}
    return first + section(
        "convolutional", filters=filters, **more, batch_normalize=norm, activation=activation(rng), share_index=-1,
        dilation=rarely(rng, 2),
    )  # fmt: skip


def activation(rng: Random) -> str:
    return rng.choice(["linear", "leaky", *ACTIVATIONS])


def windows(rng: Random) -> dict[str, object]:
    """Size and strides of a window."""
    return {
        "size": rng.choice([1, 1, 2, 3, 3, 3, 4, 5, 7]), "stride": rng.choice([1, 1, 1, 2, 2, 3, 5]),
        "stride_x": rarely(rng, 1, 2, 3, chance=0.1), "stride_y": rarely(rng, 1, 2, 4, chance=0.1),
    }  # fmt: skip


def convolutional(rng: Random, graph: Graph) -> str:
    filters, channels = rng.choice([1, 2, 3, 4, 6, 8, 12, 15, 16, 17, 24, 32, 33, 48]), graph.layers[-1].out.c
    groups = rng.choice([n for n in range(1, 50) if gcd(channels, filters) % n == 0])
    if rng.random() < 0.1:
        groups = filters = channels
    return section(
        "convolutional", filters=filters, **windows(rng), pad=rarely(rng, 0, 1, 1, 1, chance=0.8),
        padding=rarely(rng, 0, 1, 2, 3, 6), groups=rarely(rng, groups), dilation=rarely(rng, 1, 2, 3, chance=0.1),
        batch_normalize=rarely(rng, 1, chance=0.5), binary=rarely(rng, 1, chance=0.03),
        antialiasing=rarely(rng, 0, 1, 2, chance=0.1),
        activation=rng.choice(list(ACROSS_CHANNELS)) if rng.random() < 0.05 else activation(rng),
    )  # fmt: skip


def maxpool(rng: Random, graph: Graph) -> str:
    if rng.random() < 0.1:
        return section("maxpool", maxpool_depth=1, out_channels=rarely(rng, 1, 2, 3, chance=0.7))
    return section(
        "maxpool", **windows(rng), padding=rarely(rng, 0, 1, 2, 5), antialiasing=rarely(rng, 1, 2, chance=0.1)
    )


def implicit(rng: Random, graph: Graph) -> str:
    factors = section("implicit", filters=graph.layers[-1].out.c, atoms=rarely(rng, 1))
    return factors + section("scale_channels", from_=-2, activation=activation(rng))


def yolor(rng: Random, graph: Graph) -> str:
    """[shift_channels] or [control_channels], by what an [implicit_add] or [implicit_mul] knows of each channel."""
    kind = rng.choice(["add", "mul"])
    factors = section(f"implicit_{kind}", filters=graph.layers[-1].out.c) + section("route", layers=-2)
    return factors + section("shift_channels" if kind == "add" else "control_channels", from_=-2)


def deconvolutional(rng: Random, graph: Graph) -> str:
    return section(
        "deconvolutional", filters=rng.choice([1, 3, 8, 17]), size=rng.choice([1, 2, 3, 4]),
        stride=rng.choice([1, 1, 2, 3]), pad=rarely(rng, 1), padding=rarely(rng, 0, 1, 2),
        batch_normalize=rarely(rng, 1), activation=activation(rng),
    )  # fmt: skip


def connected(rng: Random, graph: Graph) -> str:
    output = rng.choice([1, 3, 10, 16, 31])
    return section("connected", output=output, batch_normalize=rarely(rng, 1), activation=activation(rng))


def local(rng: Random, graph: Graph) -> str:
    window = {key: value for key, value in windows(rng).items() if key in ("size", "stride")}
    return section("local", filters=rng.randint(1, 9), **window, pad=rng.choice([0, 1]), activation=activation(rng))


def route(rng: Random, graph: Graph) -> str:
    alike = [layer.index for layer in graph.layers[:-1] if layer.out[1:] == graph.layers[-1].out[1:]] or [-1]
    layers = [rng.choice([-1, rng.randrange(-3, 0), *alike]) for _ in range(rng.choice([1, 1, 2, 2, 3, 4]))]
    groups = rarely(rng, 2, 3)
    part = None if groups is None else rng.randrange(int(str(groups)))
    return section("route", layers=",".join(map(str, layers)), groups=groups, group_id=part)


def shortcut(rng: Random, graph: Graph) -> str:
    if rng.random() < 0.3:
        alike = [layer.index for layer in graph.layers if layer.out[1:] == graph.layers[-1].out[1:]]
        sources = ",".join(str(rng.choice(alike)) for _ in range(rng.randint(1, 3)))
        return section(
            "shortcut", from_=sources, activation=activation(rng),
            weights_type=rarely(rng, "none", "per_feature", "per_channel", chance=0.7),
            weights_normalization=rarely(rng, "none", "relu", "softmax", chance=0.7),
        )  # fmt: skip
    return section(
        "shortcut", from_=rng.choice([-1, -2, -3, -4, 0, 1]), activation=activation(rng),
        alpha=rarely(rng, 0, ".5", -1), beta=rarely(rng, 0, 2),
    )  # fmt: skip


def reorg(rng: Random, graph: Graph) -> str:
    options = {key: rarely(rng, 1) for key in ("reverse", "flatten", "extra")}
    return section("reorg", stride=rng.choice([1, 2, 2, 3]), **options)


def local_avgpool(rng: Random, graph: Graph) -> str:
    return section("local_avgpool", **windows(rng), padding=rarely(rng, 0, 1, 2))


def reorg3d(rng: Random, graph: Graph) -> str:
    return section("reorg3d", stride=rng.choice([1, 2, 2, 3]), reverse=rarely(rng, 1))


def product(rng: Random, graph: Graph) -> str:
    """[sam], [scale_channels] by channel or by pixel, whose factors come from a convolution of their own."""
    (c, _, _), act, factors = graph.layers[-1].out, activation(rng), section("convolutional", filters=1)
    kind = rng.choice(["sam", "channel", "pixel"])
    if kind == "pixel":
        return factors + section("scale_channels", from_=-2, scale_wh=1, activation=act)
    factors = section("convolutional", filters=c, activation="logistic")
    if kind == "sam":
        return factors + section("sam", from_=-2, activation=act)
    return section("avgpool") + factors + section("scale_channels", from_=-3, activation=act)


def softmax(rng: Random, graph: Graph) -> str:
    temperature = rarely(rng, ".1", 3, "1e30")
    return section("softmax", groups=rarely(rng, 2, 3), temperature=temperature, spatial=rarely(rng, 1))


def normalization(rng: Random, graph: Graph) -> str:
    return section(
        "normalization", size=rng.choice([1, 2, 3, 5, 8]), alpha=rarely(rng, ".5", -1, "1e30"),
        beta=rarely(rng, 0, 2, -1), kappa=rarely(rng, 0, 3),
    )  # fmt: skip


def crop(rng: Random, graph: Graph) -> str:
    _, h, w = graph.layers[-1].out
    sides = {"crop_height": rng.randint(1, h), "crop_width": rng.randint(1, w)}
    return section("crop", **sides, flip=rarely(rng, 1), noadjust=rarely(rng, 1), angle=rarely(rng, 7))


def upsample(rng: Random, graph: Graph) -> str:
    return section("upsample", stride=rng.choice([1, 2, 2, 3, -1, -2]), scale=rarely(rng, ".5", 0, -2))


def dropout(rng: Random, graph: Graph) -> str:
    return section(
        "dropout", probability=rng.choice([0, ".3", ".5", 1]), dropblock=rarely(rng, 1),
        dropblock_size_abs=rarely(rng, 2, 99), dropblock_size_rel=rarely(rng, ".3", 1),
    )  # fmt: skip


def recurrent(rng: Random, graph: Graph) -> str:
    kind, filters = rng.choice(["rnn", "gru", "lstm", "crnn", "conv_lstm", "history"]), graph.layers[-1].out.c
    if kind == "history":
        return section(kind, history_size=rng.choice([1, 2, 4]))
    norm = rarely(rng, 1)
    if kind in ("rnn", "gru", "lstm"):
        options = {"rnn": {"hidden": rarely(rng, 4), "activation": activation(rng), "logistic": rarely(rng, 1, 2)},
                   "gru": {"tanh": rarely(rng, 1)}, "lstm": {}}[kind]  # fmt: skip
        return section(kind, output=rng.choice([1, 3, 8, 17]), batch_normalize=norm, **options)
    window = rng.choice([{"size": 1}, {"size": 3, "pad": 1}, {"size": 3, "pad": 1, "dilation": 2}])
    options = {"hidden": rng.choice([1, 4, 9]), "shortcut": rarely(rng, 1)}
    if kind == "conv_lstm":
        bottleneck = rarely(rng, 1)
        options = {"peephole": rarely(rng, 1), "bottleneck": bottleneck, "shortcut": bottleneck,
                   "lstm_activation": rarely(rng, activation(rng)), "state_constrain": rarely(rng, 0, 1)}  # fmt: skip
    output = filters if kind == "conv_lstm" else rng.choice([1, 5, 16])
    return section(kind, output=output, **window, batch_normalize=norm, activation=activation(rng), **options)


def plain(name: str) -> Maker:
    return lambda rng, graph: section(name)


# How often each comes.
LAYERS: dict[Maker, int] = {
    convolutional: 12, maxpool: 4, connected: 1, local: 1, route: 3, shortcut: 3, reorg: 1, softmax: 1,
    local_avgpool: 1, reorg3d: 1, recurrent: 3, product: 2, shared: 1, implicit: 1, yolor: 1,
    deconvolutional: 1,
    normalization: 1, crop: 1, upsample: 2, dropout: 1, plain("avgpool"): 1, plain("empty"): 1, plain("batchnorm"): 1,
    lambda rng, graph: section("activation", activation=activation(rng)): 2, plain("logistic"): 1, plain("l2norm"): 1,
}  # fmt: skip


def flags(rng: Random, *keys: str) -> dict[str, object]:
    return {key: rarely(rng, 1) for key in keys}


def anchors(rng: Random, count: int, largest: float) -> str:
    return ",".join(f"{rng.uniform(0.1, largest):.2f}" for _ in range(2 * count))


def filters_of(rng: Random, count: int) -> str:
    return section("convolutional", filters=count, activation=rng.choice(["linear", "linear", "logistic", "mish"]))


def region(rng: Random, graph: Graph) -> str:
    num, classes = rng.randint(1, 3), rng.choice([0, 1, 2, 5])
    return filters_of(rng, num * (5 + classes)) + section(
        "region", num=num, classes=classes, anchors=anchors(rng, num, 4), thresh=rarely(rng, 0, ".9"),
        max=rarely(rng, 1, 7), coord_scale=rarely(rng, 0, 5),
        **flags(rng, "softmax", "background", "bias_match", "rescore", "focal_loss", "random"),
    )  # fmt: skip


def yolo(rng: Random, graph: Graph) -> str:
    num, classes = rng.randint(1, 4), rng.choice([0, 1, 2, 5])
    mask = sorted(rng.sample(range(num), rng.randint(1, num)))
    return filters_of(rng, len(mask) * (5 + classes)) + section(
        "yolo", num=num, classes=classes, anchors=anchors(rng, num, 40), mask=",".join(map(str, mask)),
        ignore_thresh=rarely(rng, 0, ".9"), truth_thresh=rarely(rng, ".7"), max=rarely(rng, 1, 7),
        scale_x_y=rarely(rng, "1.05", 2), **flags(rng, "new_coords", "random"),
    )  # fmt: skip


def gaussian_yolo(rng: Random, graph: Graph) -> str:
    num, classes = rng.randint(1, 3), rng.choice([0, 1, 2, 5])
    return filters_of(rng, num * (9 + classes)) + section(
        "Gaussian_yolo", num=num, classes=classes, anchors=anchors(rng, num, 40), scale_x_y=rarely(rng, "1.05", 2),
        yolo_point=rarely(rng, "left_top", "right_bottom"),
    )  # fmt: skip


def two_yolos(rng: Random, graph: Graph) -> str:
    return yolo(rng, graph) + section("route", layers=-3) + convolutional(rng, graph) + yolo(rng, graph)


def detection(rng: Random, graph: Graph) -> str:
    side, num, classes = rng.randint(1, 3), rng.randint(1, 2), rng.choice([1, 2, 5])
    output = section("connected", output=side * side * (num * 5 + classes), activation="linear")
    return output + section(
        "detection", side=side, num=num, classes=classes, coords=4,
        **flags(rng, "softmax", "sqrt", "rescore", "forced", "random"),
    )  # fmt: skip


def cost(rng: Random, graph: Graph) -> str:
    return section("cost", type=rng.choice(sorted(TYPES)), scale=rarely(rng, 0, 2), **flags(rng, "smooth", "thresh"))


def classifier(rng: Random, graph: Graph) -> str:
    classes = rng.choice([1, 2, 5])
    head = section("connected", output=classes, activation="linear") if rng.random() < 0.5 else (
        section("convolutional", filters=classes, activation="linear") + section("avgpool")
    )  # fmt: skip
    return head + section("softmax", groups=1) + rng.choice(["", section("cost")])


ENDS: list[Maker] = [
    region,
    yolo,
    yolo,
    gaussian_yolo,
    two_yolos,
    detection,
    cost,
    cost,
    classifier,
    plain("logistic"),
]


def larger(rng: Random, shape: Shape) -> tuple[int, int]:
    """Another width and height."""
    return shape.w + rng.choice([-4, -1, 1, 8, 16]), shape.h + rng.choice([-4, -1, 2, 8, 32])
