"""The kernels under compute-sanitizer, tool by tool: every layer once, in small networks.

    python -m tests.gpu_sanitize [--seconds N] [pytest's options]

A call takes up to a hundred times as long as without. Each tool first runs one test: whether it can be used on this
machine shows within a minute. PYDARKNET_GPU_OUT names the folder of logs and reports (default: build/gpu-sanitize).
0: all is well. 1: something failed. 2: there is no GPU or no compute-sanitizer, and nothing was checked. 3: nothing
failed, but a tool can't be used here or time was out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from pydarknet.backends.base import backend
from pydarknet.errors import DeviceError
from tests.lib.gpu_parts import Part, Result, run_parts, verdict

PROGRAM = "gpu-sanitize"
SECONDS = 540
TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")
TESTS = "emu/test_networks.py"
PROBE, PROBE_SECONDS = f"{TESTS}::test_every_layer[avgpool]", 60.0


def main(arguments: list[str]) -> int:
    """Each tool on cuda:0, those that can be used."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for everything (default: %(default)s)")
    args, options = parser.parse_known_args(arguments)
    end = time.monotonic() + args.seconds
    sanitizer = find_sanitizer()
    if sanitizer is None:
        print(f"{PROGRAM}: nothing was checked: compute-sanitizer is not installed", file=sys.stderr)
        return 2
    try:
        print(f"{PROGRAM}: {backend('cuda').describe()}", flush=True)
    except DeviceError as error:
        print(f"{PROGRAM}: nothing was checked: {error}", file=sys.stderr)
        return 2
    tried = run_parts(PROGRAM, [part(sanitizer, tool, PROBE, "first") for tool in TOOLS],
                      min(PROBE_SECONDS * len(TOOLS), args.seconds))  # fmt: skip
    usable = [tool for tool, result in zip(TOOLS, tried, strict=False) if well(result)]
    if any(result.told for result in tried):
        return verdict(PROGRAM, tried)
    runs = [part(sanitizer, tool, TESTS, "all") for tool in usable]
    whole = run_parts(PROGRAM, runs, end - time.monotonic(), options, tried)
    return verdict(PROGRAM, [*(each for each in tried if not well(each)), *whole])


def well(result: Result) -> bool:
    """Whether a tool's one test passed."""
    return result.whole and not result.failed


def find_sanitizer() -> str | None:
    """On the PATH or in a toolkit."""
    homes = [os.environ.get("CUDA_HOME", ""), "/usr/local/cuda"]
    places = [Path(home) / folder for home in homes if home for folder in ("bin", "compute-sanitizer")]
    return shutil.which("compute-sanitizer", path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, places)]))


def part(sanitizer: str, tool: str, tests: str, which: str) -> Part:
    """Tests under a tool, whose findings make the exit code 1."""
    return Part(f"{tool}-{which}", (tests,), prefix=(sanitizer, "--tool", tool, "--error-exitcode", "1"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
