"""Detection on Ray workers of this machine, beside the same folder in one process:

    python benchmarks/bulk.py [--images 2000] [--rounds 3] [--actors 2] [--memory 2000,10000] [--write]

The photographs are those of folder.py. In turns, whole commands from start to end: `pydarknet detect`; the same on a
cluster that runs already (`--ray ADDRESS`); the same with a cluster of its own (`--ray`). Then the parts of the last:
the cluster's start, the actors' until the first result, the rate from there on, the end. `--memory`: that of the
driver and of the largest actor over so many images, in quarters of the run. `--write`: into results/bulk.json.

Run it by the Python of an environment that has `pydarknet[ray]` and nothing else: a dozen processes of a cluster
import the package ray, and with it optional parts of what it needs, where others have brought these. (With
rfc3987-syntax, which jsonschema then loads, each takes 0.9 s more.) How long the import takes is among the results.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from folder import make_photographs
from workers import FOLDER, ROOT, machine, measured_peak

from pydarknet import Network
from pydarknet.catalog import find_weights
from pydarknet.evaluate.run import Seen
from pydarknet.scale import Pool, detect
from pydarknet.scale.cluster import connected

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "disabled"}

SETTLE = 20  # seconds in which a cluster has started, and its workers too


@contextmanager
def cluster(port: int, processors: int) -> Iterator[str]:
    """A cluster of this machine in processes of its own; its address."""
    ray = Path(sys.executable).parent / "ray"
    words = [ray, "start", "--head", "--block", "--node-ip-address", "127.0.0.1", "--port", port, "--num-cpus",
             processors, "--include-dashboard=false"]  # fmt: skip
    running = subprocess.Popen(
        list(map(str, words)), env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(SETTLE):
            if running.poll() is not None:
                raise SystemExit(f"`ray start` on port {port} ended with code {running.returncode}")
            time.sleep(1)
        yield f"127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait()


def seconds_of(*words: object) -> float:
    """Of a whole command."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pydarknet", *map(str, words)], env=ENVIRONMENT, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    return time.perf_counter() - start


def import_seconds() -> float:
    """Of the package ray, in a process of its own."""
    code = "import time; start = time.perf_counter(); import ray; print(time.perf_counter() - start)"
    return min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3))


def parts_of(net: Network, photographs: Path, pool: Pool, out: Path) -> dict[str, float]:
    """Seconds of each part of a run with a cluster of its own, and images a second in its middle."""
    times: list[float] = []
    start = time.perf_counter()
    with connected("local"):
        begun = time.perf_counter()
        count = detect(photographs, net, out, pool=pool, seen=lambda _: times.append(time.perf_counter())).images
    ended = time.perf_counter()
    return {
        "cluster": begun - start,
        "actors": times[0] - begun,
        "images/s": (count - 1) / (times[-1] - times[0]),
        "end": ended - times[-1],
    }


def memory_of(net: Network, photographs: Path, pool: Pool, out: Path, count: int) -> list[dict[str, float]]:
    """MB of the driver and of the largest actor, the most in each quarter of a run."""
    quarters: list[dict[str, float]] = [{"driver": 0.0, "actor": 0.0} for _ in range(4)]
    done = 0

    def look() -> None:
        while done < count:
            quarter = quarters[4 * done // count]
            quarter["driver"] = max(quarter["driver"], resident(os.getpid()))
            quarter["actor"] = max([quarter["actor"], *map(resident, actors())])
            time.sleep(0.5)

    def seen(_: Seen) -> None:
        nonlocal done
        done += 1

    thread = threading.Thread(target=look)
    with connected("local"):
        thread.start()
        detect(photographs, net, out, pool=pool, seen=seen)
    thread.join()
    return quarters


def actors() -> Iterator[int]:
    """The processes of Ray's actors."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (place / "cmdline").read_bytes().startswith(b"ray::Actor"):
                yield int(place.name)


def resident(process: int) -> float:
    with suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return 0.0


def linked(photographs: Path, folder: Path, count: int) -> Path:
    """A folder of so many images: the photographs again and again, by links."""
    folder.mkdir()
    files = sorted(photographs.iterdir())
    for i in range(count):
        os.link(files[i % len(files)], folder / f"{i:06d}.jpg")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--network", default="yolov3-tiny")
    parser.add_argument("--weights", default="yolov3-tiny", help="a file, or a name of `pydarknet weights list`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--actors", type=int, default=2)
    parser.add_argument("--memory", default="", metavar="N,N...")
    parser.add_argument("--port", type=int, default=6399, help="of the cluster that runs already")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    cfg, weights = ROOT / "cfg" / f"{args.network}.cfg", find_weights(args.weights)
    net, pool = Network(cfg, weights), Pool(actors=args.actors)
    about, importing = machine(measured_peak()), import_seconds()
    with tempfile.TemporaryDirectory() as name:
        photographs, out = Path(name) / "photographs", (Path(name) / f"out{i}" for i in range(1 << 20))
        photographs.mkdir()
        make_photographs(photographs, args.images)
        words = ["detect", cfg, weights, photographs, "--actors", args.actors, "--quiet"]
        seconds: dict[str, list[float]] = {"one process": [], "--ray ADDRESS": [], "--ray": []}
        parts = []
        for _ in range(args.rounds):
            one = ["--no-draw", "--save", "jsonl", "--save-to", f"{next(out)}.jsonl"]
            seconds["one process"].append(seconds_of(*words, *one))
            with cluster(args.port, args.actors) as address:
                seconds["--ray ADDRESS"].append(seconds_of(*words, "--ray", address, "--out", next(out)))
            seconds["--ray"].append(seconds_of(*words, "--ray", "--out", next(out)))
            parts.append(parts_of(net, photographs, pool, next(out)))
        counts = [int(text) for text in args.memory.split(",") if text]
        memory = {
            count: memory_of(net, linked(photographs, Path(name) / f"linked{count}", count), pool, next(out), count)
            for count in counts
        }
    print(json.dumps(about))
    first = statistics.median(seconds["one process"])
    for way, each in seconds.items():
        median = statistics.median(each)
        print(f"{way:14} {median:7.2f} s (best {min(each):.2f})  {args.images / median:7.1f} images/s, "
              f"{first / median:.2f} of one process")  # fmt: skip
    print(f"  import ray {importing:7.2f}")
    for part in parts[0]:
        values = [each[part] for each in parts]
        print(f"  {part:10} {statistics.median(values):7.2f} (from {min(values):.2f} to {max(values):.2f})")
    for count, quarters in memory.items():
        print(f"{count} images, MB in each quarter:", *(f"{q['driver']:.0f} + {q['actor']:.0f}" for q in quarters))
    result = {"machine": about, "network": args.network, "images": args.images, "import ray": importing,
              "seconds": seconds, "parts": parts, "memory": memory}  # fmt: skip
    if args.write:
        (FOLDER / "results" / "bulk.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
