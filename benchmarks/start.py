"""From the start of a process to its drawn image: `pydarknet detect` and Debian's `darknet`, in turns.

    python benchmarks/start.py [--networks yolov2,yolov2-tiny] [--rounds 5] [--output benchmarks/results/start.json]

The photograph is the package's dog.jpg, the weights are random.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peers import NETWORKS, make_network
from workers import FOLDER, ROOT, machine, measured_peak

IMAGE = Path("/usr/share/darknet/data/dog.jpg")


def seconds_of(command: list[str], folder: Path) -> float:
    """What a command takes, whose drawn image has to be there in the end."""
    drawn = [folder / "predictions.jpg", folder / "predictions.png"]
    for each in drawn:
        each.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # installed packages have theirs
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    seconds = time.perf_counter() - start
    if not any(each.exists() for each in drawn):
        raise SystemExit(f"{command[0]}: has drawn nothing")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="yolov2,yolov2-tiny")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=FOLDER / "results" / "start.json", metavar="FILE")
    args = parser.parse_args()
    about = machine(measured_peak())
    print(json.dumps(about))
    rows = {}
    for name in args.networks.split(","):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            cfg, weights, _ = make_network(folder, name, NETWORKS[name])
            (folder / "data").symlink_to(ROOT / "data")
            (folder / "x.names").write_text("".join(f"{i}\n" for i in range(1000)))
            (folder / "x.data").write_text("classes=80\nnames=x.names\n")
            commands = {
                "pydarknet": [sys.executable, "-m", "pydarknet", "detect", str(cfg), str(weights), str(IMAGE)],
                "darknet": [
                    "darknet",
                    "detector",
                    "test",
                    "x.data",
                    str(cfg),
                    str(weights),
                    str(IMAGE),
                    "-out",
                    "predictions",
                ],  # without -out it would wait for a key
            }
            commands["pydarknet, weights packed before"] = [*commands["pydarknet"], "--packed-cache"]
            for program in commands.keys() - {"darknet"}:
                seconds_of(commands[program], folder)  # writes bytecode, and packed weights
            seconds: dict[str, list[float]] = {program: [] for program in commands}
            for _ in range(args.rounds):
                for program, command in commands.items():
                    seconds[program].append(seconds_of(command, folder))
        medians = {program: statistics.median(each) for program, each in seconds.items()}
        whole = medians.pop("darknet")
        ours = (f"{program} {median:.2f} s, {median / whole:.3f} of that" for program, median in medians.items())
        print(f"{name}: darknet {whole:.2f} s; {'; '.join(ours)}")
        rows[name] = seconds
    args.output.write_text(json.dumps({"machine": about, "seconds": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
