"""Every cfg of another Darknet, through that program's CPU build and through ours: equal, or refused by name.

    python -m tests.parity.public_cfgs CHECKOUT pjreddie=CFGS AlexeyAB=CFGS hank-ai=CFGS > docs/cfgs.md

CHECKOUT is AlexeyAB's, with include/darknet.h and the libdarknet.so of `make LIBSO=1 OPENMP=1 AVX=1`; CFGS are
folders. pjreddie's cfgs go through Debian's library, the others through AlexeyAB's. Each cfg has a process of its
own, since the programs exit where they don't like one. Weights are random and keep activations of unit size; inputs
are small where the network lets them be.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import tempfile
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_void_p
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from pydarknet.compat.alexeyab import DETECTION
from pydarknet.detection.decode import Candidates, join
from pydarknet.errors import DarknetError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.graph import Graph
from pydarknet.heads import DetectOptions, batch_candidates, head_classes, suppression
from pydarknet.layers import Layer
from pydarknet.layers.detection import Detection
from pydarknet.layers.region import Region
from pydarknet.network import Network

from .oracle import Array, Oracle, adapted_cfg, quiet

TITLE = """# Public cfgs

The cfgs that the other Darknets ship, through their CPU builds and through this package: the same random
weights, the same input. Each runs equal, or is refused by name. "worst layer" and "outputs" are relative errors
in the norm; "boxes" is the number of detections that agree in class, probability (1e-3) and place (a pixel, or
a thousandth of their sides) after the program's own suppression. pjreddie's go through Debian's package, the
others through AlexeyAB's program, which stops (-6) where a [shortcut] adds layers of different sizes.
`tests/parity/public_cfgs.py` writes this page."""

TOLERANCE = 1e-4
UNEQUAL = {"efficientnet-lite3": ": AlexeyAB's CPU build puts 0 for relu6; its GPU build and this package don't"}
SIDES = (128, 256, 512, None)  # None: the cfg's own
NMS = 0.45
NORM_GAIN = (13 / 12) * float(np.log(3))  # see random_weights.py


@dataclass(frozen=True)
class Outcome:
    """How a cfg fared: relative error (norm) of the worst layer and of the outputs, and the boxes that were compared;
    or why it was refused."""

    size: str = ""
    worst: float = 0.0
    outputs: float = 0.0
    boxes: int = -1
    refused: str = ""


# Our side


def fill(net: Network, seed: int = 1) -> None:
    """Random parameters that keep activations near unit size."""
    rng = np.random.default_rng(seed)
    layers = net.layers
    for layer, after in pairwise([*layers, None]):
        gain = 0.3 if after is not None and after.type == "shortcut" else 1.0
        for record in layer.records:
            values = rng.standard_normal(record.shape, np.float32)
            if record.name in ("scales", "rolling_variance"):
                values = rng.random(record.shape, np.float32) + np.float32(0.5)
                values *= np.float32(gain if record.name == "scales" else 1)
            elif record.name == "weights":
                normalised = any(other.name == "scales" for other in layer.records)
                fan_in = np.prod(record.shape[2:] if layer.type == "local" else record.shape[1:])
                values *= np.float32(np.sqrt(2 / fan_in / (NORM_GAIN if normalised else 1)))
            else:
                values *= np.float32(0.1)
            layer.parameters[record.name] = values
    net.parameters_changed()


def smallest(path: Path, dialect: str) -> tuple[str, Network]:
    """The cfg's text and the network at the first size that it can have. DarknetError if it has none."""
    problem: DarknetError | None = None
    for side in SIDES:
        text = adapted_cfg(path.read_text(encoding="latin-1"), path.parent, batch=1, width=side, height=side)
        try:
            return text, Network(parse_cfg_text(text, path.name), dialect=dialect)
        except DarknetError as error:
            problem = error
    assert problem is not None
    raise problem


def our_candidates(net: Network, x: Array, thresh: float) -> Candidates:
    """All candidates of all heads."""
    with net.plan(1) as plan:
        plan.input[...] = x
        plan.run()
        options = DetectOptions(thresh=thresh)
        return join([
            batch_candidates(net.backend, head, plan.outputs[head.index], net.inputs, options)[0]
            for head in net.heads()
        ])  # fmt: skip


def good_threshold(found: Candidates) -> float:
    """One that 50 to 100 entries pass, as far as can be from all of them, and from what boxes need."""
    entries = np.sort(found.probability)[::-1]
    high, low = (entries[min(count, len(entries) - 1)] for count in (50, 100))
    values = np.sort(np.concatenate([found.probability, found.objectness]))
    values = values[(values >= low) & (values <= high)]
    if len(values) < 2:
        return float(low)
    at = int(np.argmax(np.diff(values)))
    return float((values[at] + values[at + 1]) / 2)


# Their side

Rows = list[tuple[float, ...]]


def offsets(headers: Path) -> dict[str, int]:
    """Where fields of the library's structures lie, by the compiler's word."""
    fields = ["layer.output", "layer.outputs", "layer.type", "network.n"]
    prints = [f'printf("{f} %zu\\n", offsetof({f.partition(".")[0]}, {f.partition(".")[2]}));' for f in fields]
    source = "#include <stddef.h>\n#include <darknet.h>\nint main(void) {\n" + "\n".join(prints) + "\nreturn 0; }\n"
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/offsets"
        command = ["cc", "-x", "c", "-w", "-I", str(headers), "-", "-o", program]
        subprocess.run(command, input=source, text=True, check=True)
        printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return {name: int(value) for name, value in (line.split() for line in printed.splitlines())}


class Program:
    """A network inside a library of AlexeyAB's line."""

    def __init__(self, checkout: Path, cfg: Path, weights: Path) -> None:
        self._at = offsets(checkout / "include")
        with quiet():
            lib = self._lib = ctypes.CDLL(str(checkout / "libdarknet.so"))
            lib.load_network_custom.restype = lib.get_network_layer.restype = c_void_p
            lib.load_network_custom.argtypes = [c_char_p, c_char_p, c_int, c_int]
            lib.get_network_layer.argtypes = [c_void_p, c_int]
            lib.network_predict_ptr.argtypes = [c_void_p, c_void_p]
            lib.network_predict_ptr.restype = POINTER(c_float)
            lib.get_network_boxes.restype = POINTER(DETECTION)
            lib.get_network_boxes.argtypes = [
                c_void_p, c_int, c_int, c_float, c_float, c_void_p, c_int, POINTER(c_int), c_int,
            ]  # fmt: skip
            lib.do_nms_sort.argtypes = [POINTER(DETECTION), c_int, c_int, c_float]
            lib.diounms_sort.argtypes = [POINTER(DETECTION), c_int, c_int, c_float, c_int, c_float]
            self._net = lib.load_network_custom(str(cfg).encode(), str(weights).encode(), 0, 1)

    def predict(self, x: Array) -> None:
        """Run one picture (1, C, H, W)."""
        with quiet():
            self._lib.network_predict_ptr(self._net, np.ascontiguousarray(x).ctypes.data)

    def output(self, index: int) -> Array:
        """What a layer gave, flat."""
        layer = self._lib.get_network_layer(self._net, index)
        address = c_void_p.from_address(layer + self._at["layer.output"]).value or 0
        count = c_int.from_address(layer + self._at["layer.outputs"]).value
        return np.ctypeslib.as_array((c_float * count).from_address(address)).copy()

    def detections(self, size: tuple[int, int], thresh: float, kind: str, beta: float, classes: int) -> Rows:
        """What is left of the boxes after the suppression that the program's `detector test` uses."""
        count = c_int(0)
        found = self._lib.get_network_boxes(self._net, *size, thresh, 0.5, None, 1, byref(count), 0)
        if kind == "sort":
            self._lib.do_nms_sort(found, count.value, classes, NMS)
        else:
            self._lib.diounms_sort(found, count.value, classes, NMS, {"greedynms": 1, "diounms": 2}[kind], beta)
        rows = []
        for each in found[: count.value]:
            box = (each.bbox.x, each.bbox.y, each.bbox.w, each.bbox.h)
            rows += [(c, each.prob[c], *box) for c in range(classes) if each.prob[c] > 0]
        return sorted(rows)


class Debian:
    """A network inside Debian's library, as a `Program`."""

    def __init__(self, cfg: Path, weights: Path) -> None:
        self._oracle = Oracle(cfg, weights)

    def predict(self, x: Array) -> None:
        """Run one picture (1, C, H, W)."""
        self._oracle.predict(x)

    def output(self, index: int) -> Array:
        """What a layer gave, flat."""
        return self._oracle.layer_output(index).reshape(-1)

    def detections(self, size: tuple[int, int], thresh: float, kind: str, beta: float, classes: int) -> Rows:
        """What is left of the boxes after do_nms_sort."""
        found = self._oracle.detections(*size, thresh, nms=NMS)
        where = zip(*np.nonzero(found.prob), strict=True)
        return sorted((c, float(found.prob[i, c]), *map(float, found.boxes[i])) for i, c in where)


# Both


def compare(checkout: Path | None, path: Path) -> Outcome:
    """One cfg through both; without a checkout through Debian's library."""
    try:
        Graph(path)  # errors have the file's own lines
        text, net = smallest(path, "alexeyab" if checkout else "darknet2018")
    except DarknetError as error:
        return Outcome(refused=str(error).removeprefix(f"{path.name}:"))
    fill(net)
    x = np.random.default_rng(2).random((1, *net.inputs), dtype=np.float32)
    net.forward(x)  # before a library is loaded that makes the process flush subnormal numbers
    with tempfile.TemporaryDirectory() as folder:
        cfg, weights = Path(folder) / path.name, Path(folder) / "random.weights"
        cfg.write_text(text, encoding="latin-1")
        net.save_weights(weights)
        theirs = Program(checkout, cfg, weights) if checkout else Debian(cfg, weights)
    theirs.predict(x)
    errors = {
        layer.index: error_of(layer, theirs, flat=bool(checkout)) for layer in net.layers if layer.type != "cost"
    }
    ends = [head.index for head in net.heads()] or [net.output_index]
    boxes = compare_boxes(net, theirs, x) if net.heads() and net.class_tree() is None else -1
    return Outcome(f"{net.width} x {net.height}", max(errors.values()), max(errors[i] for i in ends), boxes)


def error_of(layer: Layer, theirs: Program | Debian, flat: bool) -> float:
    """The relative error of a layer's output in the norm."""
    ours, other = layer.output[0], theirs.output(layer.index)
    if isinstance(layer, Region) and flat:  # AlexeyAB's goes cell by cell, x and y before the logistic
        other = other.reshape(-1, ours.shape[0]).T.copy()
        xy = other.reshape(layer.num, -1, other.shape[1])[:, :2]
        xy[...] = 1 / (1 + np.exp(-xy))
    if ours.size != other.size:
        return float("inf")
    difference = np.linalg.norm(ours.reshape(-1) - other.reshape(-1))
    return float(difference / max(float(np.linalg.norm(other)), 1e-30))


def compare_boxes(net: Network, theirs: Program | Debian, x: Array) -> int:
    """How many detections agree: all, with their classes, probabilities to 1e-3, boxes to a pixel or a thousandth of
    their sides; else ValueError."""
    thresh = good_threshold(our_candidates(net, x, 0.01))
    kind, beta = suppression(net.heads(), None, None)
    kept = our_candidates(net, x, thresh).suppressed(NMS, kind, beta=beta)
    placed = zip(kept.class_id, kept.probability, kept.boxes[kept.index], strict=True)
    ours = sorted((int(c), float(p), *map(float, box)) for c, p, box in placed)
    found = theirs.detections((net.width, net.height), thresh, kind, beta, head_classes(net.heads()))
    if len(ours) != len(found):
        raise ValueError(f"{len(ours)} boxes, {len(found)} in the original")
    a, b = (np.array(rows).reshape(-1, 6) for rows in (ours, found))
    pixels = np.array([net.width, net.height] * 2)
    if isinstance(net.heads()[-1], Detection):
        b[:, 2:] /= pixels if b[:, 2:].max(initial=0) > 10 else 1  # a [detection] knows no fractions
    for mine in a:
        near = np.maximum(1, 1e-3 * np.tile(b[:, 4:], 2) * pixels)
        agree = (b[:, 0] == mine[0]) & (abs(b[:, 1] - mine[1]) < 1e-3)
        agree &= (abs(b[:, 2:] - mine[2:]) * pixels < near).all(axis=1)
        if not agree.any():
            raise ValueError(f"{mine} is not among the original's boxes")
        b = np.delete(b, int(np.argmax(agree)), axis=0)
    return len(ours)


def isolated(checkout: Path | None, path: Path) -> Outcome | str:
    """`compare` in a process of its own; the last words of one that fails."""
    command = [sys.executable, "-m", "tests.parity.public_cfgs", "--one", str(checkout or ""), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"the program itself ends with {done.returncode}"])[-1]
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


def row(name: str, outcome: Outcome | str) -> str:
    """A line of the table."""
    if isinstance(outcome, str):
        return f"| {name} | | | | {outcome} |"
    if outcome.refused:
        return f"| {name} | | | | refused at line {outcome.refused} |"
    if not outcome.worst < TOLERANCE:
        return f"| {name} | {outcome.size} | | | not equal{UNEQUAL.get(name, '')} |"
    boxes = "" if outcome.boxes < 0 else f"{outcome.boxes}"
    return f"| {name} | {outcome.size} | {outcome.worst:.0e} | {outcome.outputs:.0e} | {boxes} |"


def main(arguments: list[str]) -> None:
    """The table on standard output."""
    if arguments[:1] == ["--one"]:
        checkout = Path(arguments[1]) if arguments[1] else None
        print(json.dumps(vars(compare(checkout, Path(arguments[2])))))
        return
    print(TITLE)
    seen: dict[tuple[Path | None, str], str] = {}
    for program, _, folder in (argument.partition("=") for argument in arguments[1:]):
        print(f"\n## {program}\n\n| cfg | input | worst layer | outputs | boxes, or what is amiss |")
        print("|---|---|---|---|---|")
        for path in sorted(Path(folder).glob("*.cfg")):
            checkout = None if program == "pjreddie" else Path(arguments[0])
            same = seen.setdefault((checkout, content(path)), f"{program}'s {path.stem}")
            fresh = same == f"{program}'s {path.stem}"
            print(row(path.stem, isolated(checkout, path) if fresh else f"is {same}"), flush=True)


def content(path: Path) -> str:
    """The lines of a cfg without blanks and comments."""
    lines = (line.translate({32: "", 9: ""}) for line in path.read_text(encoding="latin-1").splitlines())
    return "\n".join(line for line in lines if line and line[0] not in "#;")


if __name__ == "__main__":
    main(sys.argv[1:])
