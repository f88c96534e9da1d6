"""The page on public cfgs, docs/cfgs.md.

    python -m tests.parity.cfgs_page RESULTS ALEXEYAB HANK-AI PJREDDIE-CFGS [FURTHER] > docs/cfgs.md

ALEXEYAB and HANK-AI are checkouts with their cfg/: his with the libdarknet.so of `make LIBSO=1 OPENMP=1 AVX=1`,
hank-ai's with CMake's build/ of the library for the CPU. PJREDDIE-CFGS is a folder of cfgs; they go through Debian's
library. FURTHER has a folder OWNER+NAME with cfgs for each further repository. RESULTS keeps what has been compared,
so that a run goes on where the last one ended: remove it when the package has changed.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydarknet.errors import DarknetError
from pydarknet.formats.cfg import parse_cfg

from .public_cfgs import DEBIAN, Build, Outcome, isolated

TITLE = """# Public cfgs

The cfgs of other Darknets, through their CPU builds and through this package: the same random weights, the same
input. Each is to run equal or to be refused by name: "In numbers" says how many do. `python -m
tests.parity.cfgs_page` writes this page; it did on {today}.

- "worst error", over all layers, and "outputs" are relative errors in the norm, at most 1e-4; "boxes" is the number
  of detections that agree in class, probability (1e-3) and place (a pixel, or a thousandth of their sides) after the
  suppression that the cfg asks for. They agree after each of the others, too, that the program has (by sorting,
  greedynms, diounms).
- pjreddie's cfgs go through Debian's package, the first of hank-ai's through his program, all others through
  AlexeyAB's. Where that program stops, or its CPU build isn't what its GPU build is, the cfg goes through the next
  of the three, and the remark says so.
- The CPU builds of pjreddie and AlexeyAB ignore `binary=1`, which their GPU builds and this package follow: such
  weights are binary here before they are loaded, with which following and ignoring it are the same.
- AlexeyAB's program ends (an assertion, -6) where a [shortcut] adds layers of different sizes; hank-ai's, built for
  release, goes on without the check and reads other numbers. pjreddie's and this package add what both have.
- AlexeyAB's program ends (-8) where no layer sees more than a pixel, since it divides by how many do: recurrent
  networks have an [upsample] and an [avgpool] behind them here.
- hank-ai's program ends (-6) at keys that it doesn't know and at keys that come twice, its own cfgs' included: here
  its [net] has sizes only, and the first of equal keys is left.
- AlexeyAB's program takes the pixels of a [convolutional] with size=1 and stride_x=1 as they lie in memory, even
  where stride_y isn't 1, and so wrong ones, as hank-ai's does (a network of that one layer shows it): such a layer is
  3 x 3 with zeros around its weights there, which is the same.
- [implicit_add], [implicit_mul], [shift_channels] and [control_channels] are read by no Darknet but by the program of
  WongKinYiu/yolor, of PyTorch, and here by its definition: they run and learn, and a weights file holds their numbers
  layer by layer, as those of AlexeyAB's [implicit]. That program takes boxes as `new_coords=1` and `scale_x_y=2` have
  them, whatever a cfg's [yolo] says, and keeps its weights in files of PyTorch.
- [contrastive] (with `embedding_layer` of [yolo]) and [iseg] are the only sections of the three Darknets that are
  refused. Those of a single fork are unknown: [se], [cbam], [dwconv], [dilatedconv], [rfb], [aspp], [corner] and
  [maxpoolone] of GiantPandaCV/yolov3-point, [prelu] of isLouisHsu/MTCNN_Darknet, [yolo4] of sowson/darknet.
- Where a cfg says activation=silu, a name of PyTorch's, AlexeyAB's program gets swish, which is the same.
- A [batchnorm] section has biases in the weights files of AlexeyAB's program and none in pjreddie's: which of
  the two a file is, its length tells this package, or the dialect.
- Where the overlap of two boxes is the suppression's threshold but for rounding, either way is right: all boxes must
  agree before suppression, and the program's own boxes after this package's. So it is with yolov3_5l, whose boxes are
  a few ten-thousandths high here.
- Cfgs count once, by their lines without blanks and comments. A further cfg that differs from one before it in
  nothing but keys of training and the input's size is not run again, and counts as that one did. hank-ai's are
  AlexeyAB's."""

HEAD = "| cfg | input | worst error | at layer | outputs | boxes | remarks |\n|---|---|---|---|---|---|---|"
KNOWN = {  # a word of the cfg, or the first layer that differs in a program's CPU build, and why
    ("AlexeyAB", "relu6"): "AlexeyAB's CPU build puts 0 for relu6, his GPU build doesn't",
    ("AlexeyAB", "extra"): "AlexeyAB's [reorg] doesn't know pjreddie's `extra`",
    ("AlexeyAB", "maxpool"): "AlexeyAB's AVX code loses what is left of 8 columns in a wide [maxpool] of stride 1",
    ("Debian", "tree"): "Debian's CPU build gives NaN for a tree",
    ("Debian", "mish"): "Debian's doesn't know mish",
    ("Debian", "swish"): "Debian's doesn't know swish",
    ("hank-ai", "shortcut"): "hank-ai's program adds layers of different sizes wrongly",
}  # fmt: skip
THROUGH_HANKS = """
    csdarknet53-omega efficientnet-lite3 resnet101 yolov3-tiny yolov3-tiny-prn yolov3-tiny_3l
    yolov4-csp yolov4-tiny yolov4-tiny-3l yolov7-tiny"""
OF_NET = {"channels", "inputs", "time_steps"}
OF_LOSS = """jitter random resize ignore_thresh truth_thresh iou_loss iou_normalizer iou_thresh iou_thresh_kind
    cls_normalizer obj_normalizer delta_normalizer max_delta max label_smooth_eps objectness_smooth focal_loss
    counters_per_class rescore bias_match thresh object_scale noobject_scale class_scale coord_scale absolute"""
HEADS = {"yolo", "region", "detection", "gaussian_yolo"}


@dataclass(frozen=True)
class Entry:
    """A cfg's name, and how it fared, or whose it is the same as; `counts` if no table before has it."""

    name: str
    outcome: Outcome | None
    remark: str = ""
    counts: bool = True

    @property
    def kind(self) -> str:
        return self.outcome.kind if self.outcome else "same"


class Results:
    """Outcomes by program and content, kept in a file of lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self._known: dict[str, dict[str, object]] = dict(map(json.loads, lines))

    def of(self, build: Build, path: Path, content: str) -> Outcome:
        """The outcome, looked up or found out."""
        key = f"{build.name} {hashlib.sha256(content.encode()).hexdigest()}"
        if key not in self._known:
            self._known[key] = vars(isolated(build, path))
            with self._path.open("a") as file:
                file.write(json.dumps([key, self._known[key]]) + "\n")
            print(path, self._known[key], file=sys.stderr, flush=True)
        return Outcome(**self._known[key])  # type: ignore[arg-type]

    def first_equal(self, builds: Sequence[Build], path: Path, content: str) -> tuple[Outcome, str]:
        """The outcome by the first program that runs it equal, else the first program's; and a remark on others."""
        remarks: list[str] = []
        first = self.of(builds[0], path, content)
        for build in builds:
            outcome = self.of(build, path, content)
            if outcome.kind in ("equal", "refused"):
                via = f"; through {'Debian' if build is DEBIAN else build.name}'s program" if remarks else ""
                return outcome, "; ".join(remarks) + via
            remarks.append(why(build, path, outcome))
        return first, "; ".join(remarks)


def why(build: Build, path: Path, outcome: Outcome) -> str:
    """What is amiss with this program."""
    if outcome.ended:
        return outcome.ended
    first = re.findall(r"(?<=\[)\w+", outcome.unequal)  # the type of the layer that differs first
    words = {
        *first,
        *({"relu6", "extra", "tree", "mish", "swish"} & set(re.findall(r"\w+", path.read_text(encoding="latin-1")))),
    }
    known = [text for (name, word), text in KNOWN.items() if name == build.name and word in words]
    return known[0] if known else f"not equal to {build.name}'s: {outcome.unequal}"


def content_of(path: Path) -> str:
    """The lines of a cfg without blanks and comments."""
    lines = (line.translate({32: "", 9: ""}) for line in path.read_text(encoding="latin-1").splitlines())
    return "\n".join(line for line in lines if line and line[0] not in "#;")


def inference_of(path: Path) -> str:
    """What of a cfg can show in a forward pass; all of it where it can't be parsed."""
    try:
        cfg = parse_cfg(str(path))
    except DarknetError:
        return content_of(path)
    kept = [(key, cfg.net.options[key]) for key in sorted(OF_NET & cfg.net.options.keys())]
    sections: list[object] = [kept]
    for section in cfg.sections:
        dropped = OF_LOSS.split() if section.type in HEADS else []
        sections.append((section.type, sorted((k, v) for k, v in section.options.items() if k not in dropped)))
    return json.dumps(sections)


def own(results: Results, name: str, paths: list[Path], builds: Sequence[Build], seen: dict[str, str]) -> list[Entry]:
    """Cfgs that a Darknet ships. `seen` has the first owner of each content, for each program and for all."""
    entries = []
    for path in paths:
        content, me = content_of(path), f"{name}'s {path.stem}"
        same = seen.setdefault(f"{builds[0].name} {content}", me)
        counts = seen.setdefault(content, me) == me
        if same == me:
            entries.append(Entry(path.stem, *results.first_equal(builds, path, content), counts))
        else:
            entries.append(Entry(path.stem, None, f"is {same}", False))
    return entries


def further(
    results: Results, folder: Path, builds: Sequence[Build], seen: dict[str, str]
) -> Iterator[tuple[str, list[Entry]]]:
    """The entries of each further repository."""
    for repository in sorted(folder.iterdir()):
        entries = []
        for path in sorted(repository.glob("*.cfg")):
            content = content_of(path)
            if content not in seen:
                seen[content] = path.stem
                entries.append(Entry(path.stem, *results.first_equal(builds, path, inference_of(path))))
        if entries:
            yield repository.name.replace("+", "/"), entries


def row(entry: Entry) -> str:
    """A line of the table."""
    outcome = entry.outcome
    if outcome is None or outcome.kind != "equal":
        said = f"refused at line {outcome.refused}" if outcome and outcome.refused else entry.remark
        return f"| {entry.name} | | | | | | {said} |"
    boxes = "" if outcome.boxes < 0 else f"{outcome.boxes}"
    numbers = f"{outcome.size} | {outcome.worst:.0e} | {outcome.where} | {outcome.outputs:.0e} | {boxes}"
    return f"| {entry.name} | {numbers} | {entry.remark} |"


def summary(tables: dict[str, list[Entry]]) -> Iterator[str]:
    """How many of each repository's cfgs there are by outcome."""
    kinds = {
        "equal": "equal",
        "refused": "refused by name",
        "ended": "none of the programs runs",
        "unequal": "unequal",
    }
    yield "| repository | distinct cfgs | " + " | ".join(kinds.values()) + " |\n|---|---|---|---|---|---|"
    total: Counter[str] = Counter()
    for name, entries in tables.items():
        counts = Counter(entry.kind for entry in entries if entry.counts)
        total += counts
        yield f"| {name} | {counts.total()} | " + " | ".join(str(counts[kind]) for kind in kinds) + " |"
    yield f"| **all** | {total.total()} | " + " | ".join(str(total[kind]) for kind in kinds) + " |"


def reasons(entries: list[Entry]) -> Iterator[str]:
    """The refusals by what is refused, most first."""
    refused = [entry.outcome.refused for entry in entries if entry.counts and entry.outcome and entry.outcome.refused]
    texts = Counter(re.sub(r"^\d+: |; known: .*|\. Harmless is .*|=-?\d+(?= is not)", "", text) for text in refused)
    yield "| cfgs | refused |\n|---|---|"
    yield from (f"| {count} | {text} |" for text, count in texts.most_common())


def main(arguments: list[str]) -> None:
    """The page on standard output."""
    results, (alexeyab, hank, pjreddie) = Results(Path(arguments[0])), map(Path, arguments[1:4])
    his, hanks = Build.of("AlexeyAB", alexeyab), Build.of("hank-ai", hank)
    seen: dict[str, str] = {}
    ours, alexeyabs, hanks_all = (sorted(f.glob("*.cfg")) for f in (pjreddie, alexeyab / "cfg", hank / "cfg"))
    some = [path for path in hanks_all if path.stem in THROUGH_HANKS.split()]
    rest = [path for path in hanks_all if path not in some]
    tables = {
        "pjreddie": own(results, "pjreddie", ours, (DEBIAN, his), seen),
        "AlexeyAB": own(results, "AlexeyAB", alexeyabs, (his, DEBIAN, hanks), seen),
    }
    others = own(results, "hank-ai", rest, (his, DEBIAN, hanks), seen)
    tables["hank-ai"] = own(results, "hank-ai", some, (hanks, his, DEBIAN), seen) + others
    for folder in arguments[4:]:
        tables |= dict(further(results, Path(folder), (his, DEBIAN, hanks), seen))
    write(tables)


def write(tables: dict[str, list[Entry]]) -> None:
    """Everything, to standard output."""
    print(TITLE.format(today=date.today().isoformat()), "\n## In numbers\n", *summary(tables), sep="\n")
    entries = [entry for table in tables.values() for entry in table]
    print("\n## Refused, by what\n", *reasons(entries), sep="\n")
    for name in ("pjreddie", "AlexeyAB", "hank-ai"):
        print(f"\n## {name}\n\n{HEAD}", *map(row, tables[name]), sep="\n")
    print(f"\n## Further repositories: those that aren't equal, or not through AlexeyAB's program\n\n{HEAD}")
    for name, table in list(tables.items())[3:]:
        odd = [entry for entry in table if entry.remark or entry.kind == "unequal"]
        for each in odd:
            print(row(Entry(f"{name}: {each.name}", each.outcome, each.remark)))


if __name__ == "__main__":
    main(sys.argv[1:])
