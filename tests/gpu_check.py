"""Everything that a GPU must show: op tests, networks, and both again under compute-sanitizer where it is installed.

    python tests/gpu_check.py [-k EXPRESSION]

0: all is well. 1: something failed. 2: there is no GPU that pydarknet can use, and nothing was checked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from pydarknet.backend import backend
from pydarknet.errors import DeviceError

TESTS = Path(__file__).resolve().parent
SUITE = ("ops", "device", "emu/test_networks.py")
# Under a sanitizer a call takes a hundred times as long: every layer once, in small networks.
SANITIZED = ("emu/test_networks.py",)
TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")


def main(options: list[str]) -> int:
    """Run all of it on cuda:0."""
    try:
        gpu = backend("cuda")
    except DeviceError as error:
        print(f"gpu-check: nothing was checked: {error}", file=sys.stderr)
        return 2
    print(f"gpu-check: {gpu.describe()}")
    failed = [" ".join(command) for command in commands(options) if run(command)]
    for each in failed:
        print(f"gpu-check: FAILED: {each}", file=sys.stderr)
    return 1 if failed else 0


def commands(options: list[str]) -> list[list[str]]:
    """The test suite, then each of the sanitizer's tools."""
    pytest = [sys.executable, "-m", "pytest", "-q", *options]
    found = [[*pytest, *(str(TESTS / part) for part in SUITE)]]
    sanitizer = shutil.which("compute-sanitizer")
    if sanitizer is None:
        print("gpu-check: compute-sanitizer is not installed: its part is left out", file=sys.stderr)
        return found
    chosen = [str(TESTS / part) for part in SANITIZED]
    return found + [[sanitizer, "--tool", tool, "--error-exitcode", "1", *pytest, *chosen] for tool in TOOLS]


def run(command: list[str]) -> int:
    """The command's exit code, with the GPU as the backend of all tests."""
    print("gpu-check:", " ".join(command), flush=True)
    environment = {**os.environ, "PYDARKNET_TEST_BACKENDS": "cuda"}
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
