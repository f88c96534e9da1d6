"""Give thousands of mutated files to the readers, and run thousands of random networks:
`python -m tests.fuzz.run --cfg 10000 --weights 2000 --networks 5000 --seed 1`.

Cases run in a process of their own, so that a crash or a hang is found like a traceback, with the case that did
it. The same seed and number make the same file again: `--only N` repeats one case in this process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from pydarknet.errors import DarknetError

from . import commands, mutate, networks, run_network, targets, trees

KINDS = ("cfg", "weights", "text", "picture", "json", "xml", "label", "command", "networks", "tree")
CORPUS = Path(__file__).parent / "corpus"
OWN_CFGS = Path(__file__).parents[2] / "cfg"
MAX_FAILURES = 10  # a run with more has shown enough
CASE_SECONDS = 20  # a case takes milliseconds
MEMORY = 8 << 30  # address space: nobody may reserve what a file merely claims


@dataclass
class Outcome:
    """How many files were taken and refused, and what went wrong: (number of the case, how)."""

    accepted: int = 0
    refused: int = 0
    failures: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Kind:
    """One sort of file: its seeds, its mutations (or what makes it of nothing), and what reads it."""

    suffix: str
    seeds: Sequence[bytes]
    mutations: Sequence[mutate.Mutation]
    readers: dict[str, Callable[[Path], None]]
    make: Callable[[Random], str] | None = None


def kind_of(name: str) -> Kind:
    if name == "cfg":
        own = [path.read_bytes() for path in sorted(OWN_CFGS.glob("*.cfg"))]
        return Kind(".cfg", [*read_folder("cfg") * 2, *own], mutate.CFG, targets.CFG_TARGETS)
    if name == "weights":
        return Kind(".weights", read_folder("weights"), mutate.WEIGHTS, targets.WEIGHTS_TARGETS)
    if name == "picture":
        return Kind(".picture", pictures(), mutate.PICTURE, targets.PICTURE_TARGETS)
    if name == "json":
        return Kind(".json", read_folder("json"), mutate.JSON, targets.JSON_TARGETS)
    if name == "xml":
        return Kind(".xml", read_folder("xml"), mutate.XML, targets.XML_TARGETS)
    if name == "text":
        return Kind(".txt", read_folder("text"), mutate.TEXT, targets.TEXT_TARGETS)
    if name == "label":
        return Kind(".txt", read_folder("label"), mutate.LABEL, targets.LABEL_TARGETS)
    if name == "command":
        return Kind(".json", [], [], commands.TARGETS, commands.command_line)
    if name == "tree":
        return Kind(".json", [], [], trees.TARGETS, trees.command)
    if name == "networks":
        return Kind(".cfg", [], [], run_network.TARGETS, networks.network)
    return Kind("", [b"any"], [mutate.flip], targets.SELF_TEST_TARGETS)


def pictures() -> list[bytes]:
    """A small image in each format that OpenCV writes, and JPEG in its ways; JPEG is what users have."""
    import cv2

    image = cv2.resize(np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8), (64, 48))
    found = []
    for ending in (".png", ".bmp", ".webp", ".tiff", ".gif", ".avif", ".jp2", ".ppm", ".pam", ".ras"):
        found.append(cv2.imencode(ending, image)[1].tobytes())
    found += [cv2.imencode(ending, image[:, :, 0])[1].tobytes() for ending in (".pgm", ".pbm", ".png")]
    floats = image.astype(np.float32) / 255
    found += [cv2.imencode(ending, floats)[1].tobytes() for ending in (".hdr", ".pfm")]
    for options in ((), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)):
        found += [cv2.imencode(".jpg", image, options)[1].tobytes()] * 4
    return found


def read_folder(name: str) -> list[bytes]:
    """The files of the corpus that are long enough to be worth mutating."""
    files = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    return [data for data in files if len(data) >= 16]


def case(kind: Kind, seed: int, number: int) -> bytes:
    """Case `number` of the run `seed`; always the same bytes."""
    if kind.make:
        return kind.make(Random(f"{seed}/{number}")).encode()
    return mutate.mutated(seed, number, kind.seeds, kind.mutations)


def try_file(reader: Callable[[Path], None], path: Path) -> bool:
    """Whether the reader took the file; anything it raises but DarknetError goes through."""
    try:
        reader(path)
    except DarknetError as error:
        if not str(error):
            raise RuntimeError("an error without a message") from error
        return False
    return True


def run(name: str, target: str, count: int, seed: int) -> Outcome:
    """Run cases 0 to count-1 of a seed, going on behind a case that crashes, hangs or raises."""
    context = multiprocessing.get_context("spawn")
    progress = context.Array("q", 3)  # next case, accepted, refused
    outcome = Outcome()
    while progress[0] < count and len(outcome.failures) < MAX_FAILURES:
        worker = context.Process(target=work, args=(name, target, count, seed, progress))
        worker.start()
        how = watch(worker, progress)
        if how:
            outcome.failures.append((progress[0], how))
            progress[0] += 1
    outcome.accepted, outcome.refused = progress[1], progress[2]
    return outcome


def watch(worker: Any, progress: Any) -> str:
    """Wait for the worker; '' if it ended well, else how it failed."""
    while True:
        before = progress[0]
        worker.join(CASE_SECONDS)
        if worker.exitcode is not None:
            return "" if worker.exitcode == 0 else f"exit code {worker.exitcode}"
        if progress[0] == before:
            worker.kill()
            worker.join()
            return f"no answer in {CASE_SECONDS} s"


def work(name: str, target: str, count: int, seed: int, progress: Any) -> None:
    if "san" not in os.environ.get("LD_PRELOAD", ""):  # sanitizers reserve terabytes of addresses
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    kind = kind_of(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"case{kind.suffix}"
        while progress[0] < count:
            path.write_bytes(case(kind, seed, progress[0]))
            try:
                accepted = try_file(kind.readers[target], path)
            except Exception:
                traceback.print_exc()
                sys.exit(1)
            progress[1 if accepted else 2] += 1
            progress[0] += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in KINDS:
        parser.add_argument(f"--{name}", type=int, default=0, metavar="N", help=f"how many {name} to try")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="N", help="repeat case N of the kinds given, in this process")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="where failing files are kept")
    options = parser.parse_args()
    failed = False
    for name in KINDS:
        kind, count = kind_of(name), getattr(options, name)
        for target, reader in kind.readers.items() if count else ():
            if options.only is not None:
                path = keep(options.keep, kind, options.seed, options.only)
                print(f"{path}: {'accepted' if try_file(reader, path) else 'refused'} by {target}")
                continue
            outcome = run(name, target, count, options.seed)
            print(f"{name}/{target}: {outcome.accepted} accepted, {outcome.refused} refused")
            for number, how in outcome.failures:
                print(f"  case {number}: {how}; kept as {keep(options.keep, kind, options.seed, number)}")
            failed |= bool(outcome.failures)
    return int(failed)


def keep(folder: Path, kind: Kind, seed: int, number: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{seed}-{number}{kind.suffix}"
    path.write_bytes(case(kind, seed, number))
    return path


if __name__ == "__main__":
    sys.exit(main())
