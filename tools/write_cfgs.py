"""Writes cfg/yolov4.cfg, yolov4-tiny.cfg, yolov7.cfg and yolov7-tiny.cfg from what these networks are made of.

    python tools/write_cfgs.py [FOLDER]

Each is layer by layer what AlexeyAB's Darknet trained the published weights of that name with
(tests/formats/test_cfg_files.py compares digests).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

# Weights are those of COCO: 80 classes, 3 anchors a head.
CLASSES = 80
HEAD = 3 * (5 + CLASSES)

Value = int | float | str


class Cfg:
    """Sections in their order; layers are named by their number, and written relative to the one that names them."""

    def __init__(self, about: str, net: dict[str, Value]) -> None:
        self.lines = [f"# {line}".rstrip() for line in about.strip().splitlines()]
        self.last = -1
        self.section("net", net)

    def section(self, name: str, options: dict[str, Value]) -> None:
        self.lines += ["", f"[{name}]", *(f"{key}={value}" for key, value in options.items())]

    def note(self, text: str) -> None:
        """A comment before the next section."""
        self.lines += ["", f"# {text}"]

    def layer(self, name: str, **options: Value) -> int:
        self.section(name, options)
        self.last += 1
        return self.last

    def conv(self, filters: int, size: int, activation: str, stride: int = 1) -> int:
        return self.layer(
            "convolutional",
            batch_normalize=1,
            filters=filters,
            size=size,
            stride=stride,
            pad=1,
            activation=activation,
        )

    def route(self, *layers: int, **options: Value) -> int:
        return self.layer("route", layers=",".join(str(i - self.last - 1) for i in layers), **options)

    def shortcut(self, layer: int) -> int:
        return self.layer("shortcut", **{"from": layer - self.last - 1}, activation="linear")

    def pool(self, size: int, stride: int) -> int:
        return self.layer("maxpool", size=size, stride=stride)

    def pyramid(self) -> list[int]:
        """Spatial pyramid pooling: the last layer, and its maxima over 5, 9 and 13 pixels."""
        source = self.last
        pools = [self.pool(5, 1)]
        for size in (9, 13):
            self.route(source)
            pools.append(self.pool(size, 1))
        return [source, *pools]

    def upsample(self) -> int:
        return self.layer("upsample", stride=2)

    def head(self, activation: str, mask: Sequence[int], anchors: Sequence[int], **options: Value) -> None:
        """A bare convolution and a [yolo] behind it."""
        self.layer("convolutional", filters=HEAD, size=1, stride=1, pad=1, activation=activation)
        pairs = zip(anchors[::2], anchors[1::2], strict=True)
        given = {"mask": ",".join(map(str, mask)), "anchors": ", ".join(f"{w},{h}" for w, h in pairs)}
        self.layer("yolo", **given, classes=CLASSES, num=len(anchors) // 2, **options)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def net(
    size: int, batch: tuple[int, int], momentum: float, rate: float, updates: int, steps: str
) -> dict[str, Value]:
    """[net] with the published recipe."""
    return {
        "batch": batch[0], "subdivisions": batch[1], "width": size, "height": size, "channels": 3,
        "momentum": momentum, "decay": 0.0005, "angle": 0, "saturation": 1.5, "exposure": 1.5, "hue": 0.1,
        "learning_rate": rate, "burn_in": 1000, "max_batches": updates, "policy": "steps", "steps": steps,
        "scales": ".1,.1",
    }  # fmt: skip


STAGES = (64, 128, 256, 512, 1024)


def stage(c: Cfg, filters: int, blocks: int, half: int, hidden: int) -> int:
    """CSPDarknet's: half of the channels past the residual blocks, half through them."""
    size = 2 ** (1 + STAGES.index(filters))
    c.note(f"1/{size} of the input's size: {blocks} residual blocks beside a way past them")
    source = c.conv(filters, 3, "mish", stride=2)
    past = c.conv(half, 1, "mish")
    c.route(source)
    inner = c.conv(half, 1, "mish")
    for _ in range(blocks):
        c.conv(hidden, 1, "mish")
        c.conv(half, 3, "mish")
        inner = c.shortcut(inner)
    inner = c.conv(half, 1, "mish")
    c.route(inner, past)
    return c.conv(filters, 1, "mish")


def alternate(c: Cfg, filters: int, count: int) -> int:
    """1 x 1 and 3 x 3 convolutions in turn, beginning with 1 x 1."""
    for i in range(count):
        c.conv(2 * filters if i % 2 else filters, 3 if i % 2 else 1, "leaky")
    return c.last


def yolov4() -> str:
    """CSPDarknet-53, SPP and PAN."""
    c = Cfg(
        "YOLOv4 for COCO (80 classes), 608 x 608: heads at 76, 38 and 19 cells a side.\n\n"
        "Source: the method of Bochkovskiy, Wang & Liao, \"YOLOv4: Optimal Speed and Accuracy of Object Detection\"\n"
        "(arXiv:2004.10934), section 3.4: CSPDarknet-53, SPP, PAN. Weights: yolov4.weights.",
        {**net(608, (64, 8), 0.949, 0.0013, 500500, "400000,450000"), "mosaic": 1},
    )  # fmt: skip
    c.conv(32, 3, "mish")
    stage(c, 64, 1, 64, 32)
    stage(c, 128, 2, 64, 64)
    fine = stage(c, 256, 8, 128, 128)
    middle = stage(c, 512, 8, 256, 256)
    stage(c, 1024, 4, 512, 512)
    c.note("spatial pyramid pooling")
    alternate(c, 512, 3)
    c.route(*reversed(c.pyramid()))
    coarse = alternate(c, 512, 3)
    c.note("down the pyramid: 1/16, then 1/8 of the input's size")
    middle = joined(c, middle, 256)
    fine = joined(c, fine, 128)
    shared: dict[str, Value] = {
        "jitter": 0.3, "ignore_thresh": 0.7, "truth_thresh": 1, "iou_thresh": 0.213, "cls_normalizer": 1.0,
        "iou_normalizer": 0.07, "iou_loss": "ciou", "nms_kind": "greedynms", "beta_nms": 0.6, "max_delta": 5,
    }  # fmt: skip
    anchors = (12, 16, 19, 36, 40, 28, 36, 75, 76, 55, 72, 146, 142, 110, 192, 243, 459, 401)
    c.note("the heads, up the pyramid")
    c.conv(256, 3, "leaky")
    c.head("linear", (0, 1, 2), anchors, scale_x_y=1.2, **shared)
    for filters, below, mask, spread in ((256, middle, (3, 4, 5), 1.1), (512, coarse, (6, 7, 8), 1.05)):
        c.route(fine)
        down = c.conv(filters, 3, "leaky", stride=2)
        c.route(down, below)
        fine = alternate(c, filters, 5)
        c.conv(2 * filters, 3, "leaky")
        more: dict[str, Value] = {"random": 1} if mask[0] == 6 else {}
        c.head("linear", mask, anchors, scale_x_y=spread, **shared, **more)
    return c.text


def joined(c: Cfg, fine: int, filters: int) -> int:
    """The last map enlarged beside a finer one, and five convolutions."""
    enlarge(c, filters, fine, "leaky")
    return alternate(c, filters, 5)


def yolov4_tiny() -> str:
    """CSPOSANet without its partial ways."""
    c = Cfg(
        "Tiny YOLOv4 for COCO (80 classes), 416 x 416: heads at 13 and 26 cells a side.\n\n"
        "Source: the method of Wang, Bochkovskiy & Liao, \"Scaled-YOLOv4: Scaling Cross Stage Partial Network\"\n"
        "(arXiv:2011.08036), section 4.1. Weights: yolov4-tiny.weights.",
        net(416, (64, 1), 0.9, 0.00261, 2000200, "1600000,1800000"),
    )  # fmt: skip
    c.conv(32, 3, "leaky", stride=2)
    c.conv(64, 3, "leaky", stride=2)
    fine = 0
    for filters in (64, 128, 256):
        c.note("a block that works on half of its channels")
        first = c.conv(filters, 3, "leaky")
        c.route(first, groups=2, group_id=1)
        one = c.conv(filters // 2, 3, "leaky")
        two = c.conv(filters // 2, 3, "leaky")
        c.route(two, one)
        fine = c.conv(filters, 1, "leaky")
        c.route(first, fine)
        c.pool(2, 2)
    shared: dict[str, Value] = {
        "jitter": 0.3, "scale_x_y": 1.05, "cls_normalizer": 1.0, "iou_normalizer": 0.07, "iou_loss": "ciou",
        "ignore_thresh": 0.7, "truth_thresh": 1, "random": 0, "resize": 1.5, "nms_kind": "greedynms", "beta_nms": 0.6,
    }  # fmt: skip
    anchors = (10, 14, 23, 27, 37, 58, 81, 82, 135, 169, 344, 319)
    c.note("the heads")
    c.conv(512, 3, "leaky")
    coarse = c.conv(256, 1, "leaky")
    c.conv(512, 3, "leaky")
    c.head("linear", (3, 4, 5), anchors, **shared)
    c.route(coarse)
    c.conv(128, 1, "leaky")
    enlarged = c.upsample()
    c.route(enlarged, fine)
    c.conv(256, 3, "leaky")
    c.head("linear", (1, 2, 3), anchors, **shared)
    return c.text


V7_HEAD: dict[str, Value] = {
    "jitter": 0.1, "scale_x_y": 2.0, "objectness_smooth": 1, "ignore_thresh": 0.7, "truth_thresh": 1, "resize": 1.5,
    "iou_thresh": 0.2, "iou_normalizer": 0.05, "cls_normalizer": 0.5, "obj_normalizer": 1.0, "iou_loss": "ciou",
    "nms_kind": "diounms", "beta_nms": 0.6, "new_coords": 1, "max_delta": 2,
}  # fmt: skip
V7_SOURCE = (
    'Source: the method of Wang, Bochkovskiy & Liao, "YOLOv7: Trainable bag-of-freebies sets new state-of-the-art\n'
    'for real-time object detectors" (arXiv:2207.02696), section 3.1: ELAN.'
)


def elan(
    c: Cfg, filters: int, out: int, activation: str, layers: int, all_of_them: bool, narrow: bool = False
) -> int:
    """Efficient layer aggregation: two ways, one of them through `layers` 3 x 3 convolutions, of which every second
    one, or all, are kept; `narrow`: with half the filters."""
    source = c.last
    one = c.conv(filters, 1, activation)
    c.route(source)
    kept = [c.conv(filters, 1, activation)]
    for i in range(layers):
        made = c.conv(filters // 2 if narrow else filters, 3, activation)
        if all_of_them or i % 2:
            kept.append(made)
    tiny = layers == 2
    c.route(*([one, *kept] if tiny else [*reversed(kept), one]))
    return c.conv(out, 1, activation)


def halved(c: Cfg, filters: int, *beside: int) -> int:
    """Half the size: maxima beside a convolution with a stride, and what else goes there."""
    source = c.last
    c.pool(2, 2)
    maxima = c.conv(filters, 1, "swish")
    c.route(source)
    c.conv(filters, 1, "swish")
    strided = c.conv(filters, 3, "swish", stride=2)
    return c.route(strided, maxima, *beside)


def enlarge(c: Cfg, filters: int, fine: int, activation: str) -> None:
    """The last map enlarged beside a finer one."""
    c.conv(filters, 1, activation)
    enlarged = c.upsample()
    c.route(fine)
    beside = c.conv(filters, 1, activation)
    c.route(beside, enlarged)


def v7_heads(c: Cfg, maps: Sequence[int], activation: str, anchors: Sequence[int], narrowest: int) -> str:
    """A 3 x 3 convolution and a head for each map."""
    c.note("the heads")
    for i, source in enumerate(maps):
        c.route(source)
        c.conv(narrowest << i, 3, activation)
        c.head("logistic", (3 * i, 3 * i + 1, 3 * i + 2), anchors, **V7_HEAD)
    return c.text


def yolov7() -> str:
    """E-ELAN, SPPCSPC and PAN."""
    c = Cfg(
        "YOLOv7 for COCO (80 classes), 640 x 640: heads at 80, 40 and 20 cells a side.\n\n"
        f"{V7_SOURCE} Weights: yolov7.weights.",
        net(640, (8, 1), 0.9, 0.00261, 2000200, "1600000,1800000"),
    )
    for filters, stride in ((32, 1), (64, 2), (64, 1), (128, 2)):
        c.conv(filters, 3, "swish", stride)
    maps = []
    for half, filters, out in ((0, 64, 256), (128, 128, 512), (256, 256, 1024), (512, 256, 1024)):
        c.note(f"aggregation of layers of {filters} filters")
        if half:
            halved(c, half)
        maps.append(elan(c, filters, out, "swish", 4, False))
    c.note("spatial pyramid pooling on one of two ways")
    source = c.last
    past = c.conv(512, 1, "swish")
    c.route(source)
    for size in (1, 3, 1):
        c.conv(512, size, "swish")
    c.route(*c.pyramid())
    c.conv(512, 1, "swish")
    inner = c.conv(512, 3, "swish")
    c.route(inner, past)
    coarse = c.conv(512, 1, "swish")
    c.note("down the pyramid, and up again")
    enlarge(c, 256, maps[2], "swish")
    middle = elan(c, 256, 256, "swish", 4, True, narrow=True)
    enlarge(c, 128, maps[1], "swish")
    found = [elan(c, 128, 128, "swish", 4, True, narrow=True)]
    for half, filters, below in ((128, 256, middle), (256, 512, coarse)):
        halved(c, half, below)
        found.append(elan(c, filters, filters, "swish", 4, True, narrow=True))
    anchors = (12, 16, 19, 36, 40, 28, 36, 75, 76, 55, 72, 146, 142, 110, 192, 243, 459, 401)
    return v7_heads(c, found, "swish", anchors, 256)


def yolov7_tiny() -> str:
    """ELAN with two layers, leaky units."""
    c = Cfg(
        "Tiny YOLOv7 for COCO (80 classes), 416 x 416: heads at 52, 26 and 13 cells a side.\n\n"
        f"{V7_SOURCE} Weights: yolov7-tiny.weights.",
        net(416, (64, 1), 0.9, 0.00261, 2000200, "1600000,1800000"),
    )
    c.conv(32, 3, "leaky", stride=2)
    c.conv(64, 3, "leaky", stride=2)
    maps = []
    for filters in (32, 64, 128, 256):
        c.note(f"aggregation of layers of {filters} filters")
        if filters > 32:
            c.pool(2, 2)
        maps.append(elan(c, filters, 2 * filters, "leaky", 2, True))
    c.note("spatial pyramid pooling on one of two ways")
    source = c.last
    past = c.conv(256, 1, "leaky")
    c.route(source)
    c.conv(256, 1, "leaky")
    c.route(*reversed(c.pyramid()))
    inner = c.conv(256, 1, "leaky")
    c.route(past, inner)
    coarse = c.conv(256, 1, "leaky")
    c.note("down the pyramid, and up again")
    enlarge(c, 128, maps[2], "leaky")
    middle = elan(c, 64, 128, "leaky", 2, True)
    enlarge(c, 64, maps[1], "leaky")
    found = [elan(c, 32, 64, "leaky", 2, True)]
    for filters, below in ((64, middle), (128, coarse)):
        down = c.conv(2 * filters, 3, "leaky", stride=2)
        c.route(down, below)
        found.append(elan(c, filters, 2 * filters, "leaky", 2, True))
    anchors = (10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 119, 116, 90, 156, 198, 373, 326)
    return v7_heads(c, found, "leaky", anchors, 128)


NETWORKS = {"yolov4": yolov4, "yolov4-tiny": yolov4_tiny, "yolov7": yolov7, "yolov7-tiny": yolov7_tiny}


def main(folder: Path) -> None:
    for name, text in NETWORKS.items():
        (folder / f"{name}.cfg").write_text(text())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "cfg")
