"""A cfg of another Darknet, through that program's CPU build and through ours: equal, or refused by name.

Weights are random and keep activations of unit size; inputs are small where the network lets them be. Each cfg has a
process of its own, since the programs exit where they don't like one. `tests.parity.cfgs_page` does all of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from pydarknet.detection.decode import Candidates, join
from pydarknet.detection.nms import GREEDY_BETA, Kind
from pydarknet.detection.options import DetectOptions
from pydarknet.errors import DarknetError
from pydarknet.formats.cfg import dump, parse_cfg_text
from pydarknet.graph.graph import Graph
from pydarknet.layers import Layer
from pydarknet.layers.base import read_strides
from pydarknet.layers.detection import Detection
from pydarknet.layers.region import Region
from pydarknet.network import Network

from .oracle_library import Array, adapted_cfg
from .programs import KINDS, NMS, Debian, Program, Rows, offsets

TOLERANCE = 1e-4
SIDES = (128, 256, 512, None)  # None: the cfg's own
SIZES = ("batch", "width", "height", "channels", "inputs", "time_steps")
NOISE = 1e-5  # of probabilities
MANY = 5e10  # operations: a board of go as large as an image takes a program a minute
OF_NO_DARKNET = {"implicit_add", "implicit_mul", "shift_channels", "control_channels"}
NORM_GAIN = (13 / 12) * float(np.log(3))  # see random_weights.py
POOL = np.random.default_rng(1).standard_normal(1 << 20, np.float32)


@dataclass(frozen=True)
class Build:
    """A program's CPU build: "AlexeyAB" or "hank-ai" in a checkout; "Debian", which is pjreddie's, without one."""

    name: str
    checkout: str = ""
    at: dict[str, int] | None = None

    @classmethod
    def of(cls, name: str, checkout: Path) -> Build:
        """The build in a checkout, with a compiler's word on its structures."""
        return cls(name, str(checkout), offsets(KINDS[name], checkout))

    @property
    def dialect(self) -> str:
        return "alexeyab" if self.checkout else "darknet2018"

    def load(self, cfg: Path, weights: Path) -> Program | Debian:
        """The network inside the program."""
        if not self.checkout:
            return Debian(cfg, weights)
        return Program(KINDS[self.name], Path(self.checkout), self.at or {}, cfg, weights)


DEBIAN = Build("Debian")


@dataclass(frozen=True)
class Outcome:
    """How a cfg fared: relative error (norm) of the worst layer, which that is, and of the outputs, and the boxes
    that were compared; or why it was refused, or where it differs, or how the program itself ended."""

    size: str = ""
    worst: float = 0.0
    where: str = ""
    outputs: float = 0.0
    boxes: int = -1
    refused: str = ""
    unequal: str = ""
    ended: str = ""

    @property
    def kind(self) -> str:
        """equal, refused, ended or unequal."""
        wrong = self.unequal or not self.worst < TOLERANCE
        return "refused" if self.refused else "ended" if self.ended else "unequal" if wrong else "equal"


# Our side


def fill(net: Network) -> None:
    """Random parameters that keep activations near unit size. The weights of binary layers are binary, as the
    programs' GPU builds make them at each pass; their CPU builds take them as they are."""
    rng = np.random.default_rng(1)
    for layer, after in pairwise([*(each for each in net.layers if each.type != "dropout"), None]):
        gain = 0.3 if after is not None and after.type == "shortcut" else 1.0
        for record in layer.records:
            values = np.resize(POOL[int(rng.integers(POOL.size // 2)) :], record.shape)
            if record.kind in ("scales", "rolling_variance"):
                values = rng.random(record.shape, np.float32) + np.float32(0.5)
                values *= np.float32(gain if record.kind == "scales" else 1)
            elif record.kind == "weights":
                normalised = any(other.kind == "scales" for other in layer.records)
                fan_in = np.prod(record.shape[2:] if layer.type == "local" else record.shape[1:])
                passed = 1 if getattr(layer, "activation", "linear") == "linear" else 0.5  # of the variance
                values *= np.float32(np.sqrt(1 / passed / fan_in / (NORM_GAIN if normalised else 1)))
                if getattr(layer, "binary", False):
                    values = np.sign(values) * abs(values).mean(axis=(1, 2, 3), keepdims=True)
            else:
                values *= np.float32(0.1)
            layer.parameters[record.name] = values
    net.parameters_changed()


def smallest(path: Path, dialect: str) -> tuple[str, Network]:
    """The cfg's text and the network at the first size that it can have in few operations, else at its own.
    DarknetError if it has none."""
    problem: DarknetError | None = None
    for side in SIDES:
        text = adapted_cfg(
            path.read_text(encoding="latin-1"), path.parent, batch=1, time_steps=1, width=side, height=side
        )
        try:
            net = Network(parse_cfg_text(text, path.name), dialect=dialect)
        except DarknetError as error:
            problem = error
            continue
        if net.flops < MANY or side is None:
            return text, net
    assert problem is not None
    raise problem


def bare(text: str) -> str:
    """The cfg with nothing but sizes in [net]: hank-ai's program ends at keys that it doesn't know, such as the
    max_crop of its own cfgs."""
    lines, sections = [], 0
    for line in text.splitlines():
        sections += line.startswith("[")
        if sections > 1 or line.startswith(("[", *SIZES)):
            lines.append(line)
    return "\n".join(lines) + "\n"


def widened(text: str, net: Network) -> tuple[str, Network]:
    """The cfg with windows of 3 x 3, zeros around the middle, in place of 1 x 1 with stride_x=1 and another stride_y,
    and a network of these weights: AlexeyAB's line skips the unfolding of such a layer, by its stride_x alone, and so
    takes other pixels."""
    cfg = parse_cfg_text(text, net.cfg.file)
    odd = [layer for layer in net.layers if layer.type == "convolutional" and layer.section.int_("size", 1) == 1
           and read_strides(layer.section)[1] == 1 != read_strides(layer.section)[0]]  # fmt: skip
    if not odd:
        return text, net
    for layer in odd:
        cfg.sections[layer.index].set("size", 3)
        cfg.sections[layer.index].set("pad", 1)
    wide = Network(cfg, dialect=net.dialect.name)
    for ours, theirs in zip(net.layers, wide.layers, strict=True):
        for record in theirs.records:
            values = ours.parameters[record.name]
            around = [(0, 0)] * (values.ndim - 2) + [(1, 1)] * 2 if values.shape != record.shape else 0
            theirs.parameters[record.name] = np.pad(values, around)
    wide.parameters_changed()
    return dump(cfg), wide


def our_candidates(net: Network, x: Array, thresh: float) -> Candidates:
    """All candidates of all heads."""
    with net.plan(1) as plan:
        plan.input[...] = x
        plan.run()
        options = DetectOptions(thresh=thresh)
        return join([
            head.candidates(net.backend, plan.outputs[head.index], net.inputs, options)[0]
            for head in net.heads()
        ])  # fmt: skip


def good_threshold(found: Candidates) -> float:
    """One that 50 to 100 entries pass (of less than 100, half; more where those are too close together), as far as
    can be from all of them, and from what boxes need."""
    entries = np.sort(found.probability)[::-1]
    values = np.sort(np.concatenate([found.probability, found.objectness]))
    few = min(50, len(entries) // 2)
    best, gap = float(entries[few]), 0.0
    counts = (100, 400, 1600) if best <= 1 else (len(entries),)  # those of a [detection] know no limit
    for most in counts:
        high, low = (entries[min(count, len(entries) - 1)] for count in (few, most))
        inside = values[(values >= low) & (values <= min(high, 1))]
        if len(inside) < 2 or gap > NOISE:
            break
        at = int(np.argmax(np.diff(inside)))
        best, gap = float((inside[at] + inside[at + 1]) / 2), float(inside[at + 1] - inside[at])
    return best


# Both


def compare(build: Build, path: Path) -> Outcome:
    """One cfg through both."""
    try:
        Graph(path)  # errors have the file's own lines
        text, net = smallest(path, build.dialect)
    except DarknetError as error:
        return Outcome(refused=str(error).removeprefix(f"{path}:"))
    if any(layer.type in OF_NO_DARKNET for layer in net.layers):
        return Outcome(ended="no Darknet reads [implicit_add] and its like; YOLOR's program, of PyTorch, does")
    fill(net)
    x = np.random.default_rng(2).random((1, *net.inputs), dtype=np.float32)
    net.forward(x)  # before a library is loaded that makes the process flush subnormal numbers
    with tempfile.TemporaryDirectory() as folder:
        cfg, weights = Path(folder) / path.name, Path(folder) / "random.weights"
        text = text.replace("=silu", "=swish")  # a name that only other programs know; this one would take relu
        text = text.replace("bin_output=1", "")  # it leaves out the activation where the next layer reads signs alone
        if build.checkout and max(min(layer.inputs[1:]) for layer in net.layers) == 1:
            text += "\n[connected]\n[upsample]\nstride=2\n[avgpool]\n"  # it divides by the number of larger inputs
        text, padded = widened(text, net)
        cfg.write_text(bare(text) if build.name == "hank-ai" else text, encoding="latin-1")
        padded.save_weights(weights)
        print("theirs", flush=True)
        theirs = build.load(cfg, weights)
    theirs.predict(x)
    errors = [error_of(layer, theirs, bool(build.checkout)) for layer in net.layers if layer.type != "cost"]
    ends = [head.index for head in net.heads()] or [net.output_index]
    size, worst = f"{net.width} x {net.height}", float(np.max(errors))  # NaN if any is
    if not worst < TOLERANCE:
        first = next(i for i, error in enumerate(errors) if not error < TOLERANCE)
        return Outcome(size, unequal=f"layer {first}, [{net.layers[first].type}], by {errors[first]:.0e}")
    try:
        boxes = compare_boxes(net, theirs, x) if net.heads() and net.class_tree() is None else -1
    except ValueError as error:
        return Outcome(size, unequal=str(error))
    at = int(np.argmax(errors))
    where = f"{at} [{net.layers[at].type}]"
    return Outcome(size, worst, where, max(errors[i] for i in ends), boxes)


def error_of(layer: Layer, theirs: Program | Debian, flat: bool) -> float:
    """The relative error of a layer's output in the norm; NaN if a number on either side is none."""
    ours, other = layer.output[0], theirs.output(layer.index)
    if isinstance(layer, Region) and flat:  # AlexeyAB's goes cell by cell, x and y before the logistic
        other = other.reshape(-1, ours.shape[0]).T.copy()
        xy = other.reshape(layer.num, -1, other.shape[1])[:, :2]
        xy[...] = 1 / (1 + np.exp(-xy))
    if getattr(layer, "blur", None):  # behind what is left lies what was there before
        other = other[: ours.size]
    if ours.size != other.size:
        return float("inf")
    difference = np.linalg.norm(ours.reshape(-1) - other.reshape(-1))
    return float(difference / max(float(np.linalg.norm(other)), 1e-30))


def compare_boxes(net: Network, theirs: Program | Debian, x: Array) -> int:
    """How many detections agree after the suppression of the cfg; ValueError unless all do, and after every other
    that the program has."""
    thresh = good_threshold(our_candidates(net, x, 0.01))
    settled, ours = net.settle(DetectOptions()), our_candidates(net, x, thresh)
    own = settled.nms_kind or "sort"
    counts = {
        kind: compare_suppressed(net, theirs, ours, thresh, kind, settled.beta_nms or GREEDY_BETA)
        for kind in (own, *theirs.suppressions)
    }
    return counts[own]


def compare_suppressed(
    net: Network, theirs: Program | Debian, ours: Candidates, thresh: float, kind: Kind, beta: float
) -> int:
    """How many detections agree; ValueError unless all do. An overlap within rounding of the threshold may go either
    way: then all boxes must agree before suppression, and the program's own ones after ours."""
    options = (net.width, net.height), thresh
    found = theirs.detections(*options, kind, beta, net.classes)
    try:
        agree(net, rows_of(ours.suppressed(NMS, kind, beta=beta)), found)
    except ValueError as error:
        before = theirs.detections(*options, "none", beta, net.classes)
        try:
            agree(net, rows_of(ours), before)
            agree(net, rows_of(candidates_of(before).suppressed(NMS, kind, beta=beta)), found)
        except ValueError:
            raise error from None
    return len(found)


def rows_of(found: Candidates) -> Rows:
    """Class, probability and box of each entry."""
    placed = zip(found.class_id, found.probability, found.boxes[found.index], strict=True)
    return sorted((int(c), float(p), *map(float, box)) for c, p, box in placed)


def candidates_of(rows: Rows) -> Candidates:
    """The other way round, a box for each entry."""
    table, count = np.array(rows, np.float32).reshape(-1, 6), len(rows)
    return Candidates(table[:, 2:], table[:, 1], np.arange(count), table[:, 0].astype(np.int64), table[:, 1])


def agree(net: Network, ours: Rows, found: Rows) -> None:
    """ValueError unless each has its like: the class, the probability to 1e-3, the box to a pixel or a thousandth of
    its sides."""
    if len(ours) != len(found):
        raise ValueError(f"{len(ours)} boxes, {len(found)} in the original")
    a, b = (np.array(rows).reshape(-1, 6) for rows in (ours, found))
    pixels = np.array([net.width, net.height] * 2)
    if isinstance(net.heads()[-1], Detection):
        b[:, 2:] /= pixels if b[:, 2:].max(initial=0) > 10 else 1  # a [detection] knows no fractions
    for mine in a:
        near = np.maximum(1, 1e-3 * np.tile(b[:, 4:], 2) * pixels)
        same = b[:, 2:] == mine[2:]  # an overflow is one on both sides: inf - inf is no number
        alike = (b[:, 0] == mine[0]) & (abs(b[:, 1] - mine[1]) < 1e-3)
        with np.errstate(invalid="ignore"):
            alike &= (same | (abs(b[:, 2:] - mine[2:]) * pixels < near)).all(axis=1)
        if not alike.any():
            raise ValueError(f"{mine} is not among the original's boxes")
        b = np.delete(b, int(np.argmax(alike)), axis=0)


def isolated(build: Build, path: Path) -> Outcome:
    """`compare` in a process of its own."""
    command = [sys.executable, "-m", "tests.parity.public_cfgs", json.dumps(vars(build)), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if not done.returncode:
        return Outcome(**json.loads(done.stdout.splitlines()[-1]))
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if done.stdout.startswith("theirs") and "Traceback" not in done.stderr:
        return Outcome(ended=f"{build.name}'s program itself ends with {done.returncode}")
    return Outcome(unequal=f"this package ends with {done.returncode}: {last}")


if __name__ == "__main__":
    print(json.dumps(vars(compare(Build(**json.loads(sys.argv[1])), Path(sys.argv[2])))))
