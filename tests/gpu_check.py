"""Everything that a GPU must show, the most telling first: networks, convolutions, the other ops, devices.

    python -m tests.gpu_check [--seconds N] [-k EXPRESSION] [pytest's other options]

Each part has a share of the time and a line when it ends; failures are named at once. PYDARKNET_GPU_OUT names the
folder of logs, of reports in JUnit's XML and of summary.txt (default: build/gpu-check).
0: all is well. 1: something failed. 2: there is no GPU that pydarknet can use, and nothing was checked. 3: nothing
failed, but time was out before everything was run.
"""

from __future__ import annotations

import argparse
import sys

from pydarknet.backends.base import backend
from pydarknet.errors import DeviceError
from tests.lib.gpu_parts import TESTS, Part, run_parts, verdict, workers

PROGRAM = "gpu-check"
SECONDS = 480


def main(arguments: list[str]) -> int:
    """Run all of it on cuda:0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for everything (default: %(default)s)")
    args, options = parser.parse_known_args(arguments)
    try:
        gpu = backend("cuda")
    except DeviceError as error:
        print(f"{PROGRAM}: nothing was checked: {error}", file=sys.stderr)
        return 2
    print(f"{PROGRAM}: {gpu.describe()}", flush=True)
    return verdict(PROGRAM, run_parts(PROGRAM, parts(), args.seconds, options))


def parts() -> list[Part]:
    """In their order; every test of an op is in one of them."""
    ops = sorted(f"ops/{path.name}" for path in (TESTS / "ops").glob("test_*.py"))
    convolutions = [name for name in ops if name.startswith("ops/test_conv")]
    others = [name for name in ops if name not in convolutions]
    several = workers()
    return [
        Part("networks", ("emu/test_networks.py", "emu/test_precision.py"), 2.0, options=several),
        Part("convolutions", tuple(convolutions), 2.0, options=several),
        Part("ops", (*others, "plan/test_fused_ops.py"), 2.0, options=several),
        Part("devices", ("device",), 1.0, options=several),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
