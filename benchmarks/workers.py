"""Programs in processes of their own that take turns, and the machine they run on."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pydarknet._cpuid import best  # noqa: E402

FOLDER = ROOT / "benchmarks"
PEERS_PYTHON = ROOT / ".cache" / "bench-venv" / "bin" / "python"
OPENCV5_PYTHON = ROOT / ".cache" / "bench-opencv5" / "bin" / "python"  # two OpenCVs are in each other's way
OURS = "pydarknet"
SETTLED = 0.1  # seconds before a turn: threads of ONNX Runtime spin for 36 ms after its own
# What holds the programs to an instruction set that is not the machine's best; the others ask the processor alone.
HELD_TO = {
    "avx2": {
        "PYDARKNET_ISA": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",  # PyTorch's convolutions, OpenVINO
        "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels, and what it compiles
        "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX512F",
    }
}
NOT_HELD = ("ONNX Runtime", "ncnn", "OpenVINO bf16")  # the last has no BF16 there
FLAGS = {"avx2": ("-mavx2", "-mfma")}


class Worker:
    """A program in its process, ready to run: `script` of this folder is called with the program's name, the number
    of threads, and the arguments, and serves (turns.py)."""

    def __init__(self, script: str, program: str, arguments: Sequence[object], threads: int) -> None:
        python = python_of(program)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads)}
        self.program, self.threads = program, threads
        self.seconds: list[float] = []
        self.process = subprocess.Popen(
            [python, str(FOLDER / script), program, str(threads), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self.memory = 0  # MiB, the most it has held
        self.disturbed = 0  # turns that were measured though the processors never came to full speed
        self._answer()

    def measure(self, runs: int) -> None:
        """Run that many times and keep the seconds of each."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{runs}\n")
        self.process.stdin.flush()
        *seconds, memory = self._answer().split()
        self.seconds += map(float, seconds)
        self.memory = int(memory)

    def close(self) -> None:
        self.process.communicate()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise FailedError(f"{self.program}: ended with exit code {self.process.wait()}")
        return line


class FailedError(Exception):
    """A program can't run this."""


def python_of(program: str) -> str:
    """The interpreter of a program."""
    if program.startswith((OURS, "Darknet")):
        return sys.executable
    return str(OPENCV5_PYTHON if program == "OpenCV 5" else PEERS_PYTHON)


class Gauge:
    """How fast processors multiply and add just now, against the fastest that they were seen. Where other systems
    share the cores, they run at half their speed for seconds, which a program itself can't see."""

    FULL = 0.9  # of the peak
    PATIENCE = 250  # looks, a fifth of a second each, before a turn counts as disturbed

    def __init__(self, program: Path, threads: int, peak: float) -> None:
        self.peak = peak
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([program, str(threads)], stdin=pipe, stdout=pipe, text=True)

    def full_speed(self) -> bool:
        """Whether all processors of the comparison have it, seen for some milliseconds."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        rate = float(self.process.stdout.readline())
        self.peak = max(self.peak, rate)
        return rate >= self.FULL * self.peak

    def measure(self, worker: Worker, runs: int) -> None:
        """A turn with full speed before and behind it; others are run again, whatever they took."""
        for _ in range(self.PATIENCE):
            if not self.full_speed():
                time.sleep(0.2)
                continue
            kept = len(worker.seconds)
            worker.measure(runs)
            if self.full_speed():
                return
            del worker.seconds[kept:]
        worker.disturbed += 1
        worker.measure(runs)


def take_turns(workers: Sequence[Worker], rounds: int, runs: int, gauge: Gauge | None = None) -> None:
    """Round after round, so that whatever else the machine does meets all alike; with a gauge, only what had the
    processors' full speed counts."""
    for _ in range(rounds):
        for worker in workers:
            time.sleep(SETTLED)
            gauge.measure(worker, runs) if gauge else worker.measure(runs)


@contextmanager
def peak_program(isa: str | None = None) -> Iterator[Path]:
    """peak.cpp, compiled for the best instruction set or another one."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "peak"
        flags = FLAGS.get(isa or "", ("-march=native",))
        command = [*os.environ.get("CXX", "g++").split(), "-O3", *flags, "-ffp-contract=fast", "-pthread"]
        subprocess.run([*command, str(FOLDER / "peak.cpp"), "-o", str(program)], check=True)
        yield program


@contextmanager
def gauge_for(threads: int, isa: str | None = None) -> Iterator[Gauge]:
    """A gauge of so many processors."""
    with peak_program(isa) as program:
        gauge = Gauge(program, threads, measured_peak(isa))
        try:
            yield gauge
        finally:
            gauge.process.communicate()


def measured_peak(isa: str | None = None) -> float:
    """GFLOP/s of one core on multiply-adds alone, with the best instruction set or another one."""
    with peak_program(isa) as program:
        return float(subprocess.run([program], check=True, capture_output=True, text=True).stdout)


def machine(peak: float) -> dict[str, object]:
    """What the figures depend on, and nothing that says whose machine it is."""
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    models = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0] if models else "unknown",
        "processors": len(os.sched_getaffinity(0)),
        "instruction_set": os.environ.get("PYDARKNET_ISA", best()),
        "peak_gflops_one_core": peak,
        "load_at_start": round(os.getloadavg()[0], 2),
    }


PACKAGES = ("torch", "onnxruntime", "openvino", "opencv-python-headless", "ncnn", "numpy")


def versions() -> dict[str, str]:
    """Of the other programs."""
    code = (
        "from importlib.metadata import distributions\n"
        "for each in distributions(): print(each.metadata['Name'], each.version)"
    )
    found: dict[str, str] = {}
    for python, mark in ((PEERS_PYTHON, ""), (OPENCV5_PYTHON, "5")):
        if python.exists():
            out = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True).stdout
            installed = dict(line.split() for line in out.splitlines())
            found |= {
                f"{name}{mark}": installed[name] for name in PACKAGES if name in installed and not found.get(name)
            }
    return found


def set_up_peers() -> None:
    """The environments of the other programs, if they are missing; remove .cache/bench-* for newer ones."""
    if PEERS_PYTHON.exists() and OPENCV5_PYTHON.exists():
        return
    environment = {**os.environ, "PYTHON": sys.executable}
    subprocess.run([str(FOLDER / "setup_peers.sh")], check=True, env=environment)
