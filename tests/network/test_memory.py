"""Memory: the peak of the main job, none lost over a thousand images, all back when a network is dropped.

Each figure is of a fresh process, from the kernel's own books; `pytest -rP` prints them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import cv2
import pytest

from pydarknet import Network
from pydarknet.formats.cfg import dump, parse_cfg
from tests.lib import nets

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PEAK_MB = {"fp32": 580, "fp16": 400, "bf16": 400}
PEAK_MB_OF_YOLO9000 = 450
GROWTH_MB = 5

PROBE = """
def megabytes(field):
    for line in open("/proc/self/status"):
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
"""


# Freed arrays go back to the kernel at once: what the C library keeps for later would look like a leak, now and then.
EXACT = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def figures(code: str, *arguments: object, environment: Mapping[str, str] = EXACT) -> list[float]:
    """The numbers on the last line that the code prints, in a process of its own."""
    command = [sys.executable, "-c", PROBE + code, *map(str, arguments)]
    environment = {**os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    numbers = [float(word) for word in done.stdout.splitlines()[-1].split()]
    print(*(f"{number:.1f} MB" for number in numbers))
    return numbers


@pytest.fixture(scope="module")
def yolov2(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """yolov2.cfg at 416 with a whole file of weights (203 MB)."""
    folder = tmp_path_factory.mktemp("yolov2")
    cfg = parse_cfg(ROOT / "cfg" / "yolov2.cfg")
    cfg.net.set("width", 416)
    cfg.net.set("height", 416)
    (folder / "yolov2.cfg").write_text(dump(cfg))
    Network(folder / "yolov2.cfg").save_weights(folder / "yolov2.weights")
    return folder / "yolov2.cfg", folder / "yolov2.weights"


@pytest.mark.parametrize(("precision", "isa"), [*((precision, "") for precision in PEAK_MB), ("bf16", "baseline")])
def test_peak_of_detect(yolov2: tuple[Path, Path], tmp_path: Path, precision: str, isa: str) -> None:
    cfg, weights = yolov2
    assert weights.stat().st_size > 200e6
    picture = tmp_path / "picture.jpg"
    cv2.imwrite(str(picture), nets.picture(768, 576))
    arguments = ["detect", cfg, weights, picture, "-out", tmp_path / "found.jpg", "--precision", precision]
    (peak,) = figures(
        "import sys; from pydarknet.cli.main import main\n"
        "code = main(sys.argv[1:]); print(); print(megabytes('VmHWM')); sys.exit(code)",
        *arguments,
        environment={"PYDARKNET_ISA": isa} if isa else {},
    )
    assert (tmp_path / "found.jpg").exists()
    assert peak < PEAK_MB[precision]


def test_peak_of_yolo9000(tmp_path: Path) -> None:
    """Its 116 MB of class weights stay in the file, but for those that a walk reads."""
    cfg = parse_cfg(ROOT / "cfg" / "yolo9000.cfg")
    (tmp_path / "yolo9000.cfg").write_text(dump(cfg))
    Network(tmp_path / "yolo9000.cfg").save_weights(tmp_path / "yolo9000.weights")
    cv2.imwrite(str(tmp_path / "picture.jpg"), nets.picture(768, 576))
    arguments = ["detect", tmp_path / "yolo9000.cfg", tmp_path / "yolo9000.weights", tmp_path / "picture.jpg"]
    (peak,) = figures(
        "import sys; from pydarknet.cli.main import main\n"
        "code = main(sys.argv[1:]); print(); print(megabytes('VmHWM')); sys.exit(code)",
        *arguments, "--names", ROOT / "data" / "9k.names", "--no-draw",
        environment={},
    )  # fmt: skip
    assert peak < PEAK_MB_OF_YOLO9000


def test_a_thousand_detections() -> None:
    grown, _ = figures(
        """
from tests.lib import nets
net = nets.network(size=64)
images = [nets.picture(60 + 5 * i, 50 + 3 * i, seed=i) for i in range(10)]
def detect(times):
    assert all(net.detect(images[i % 10], thresh=0.1) for i in range(times))
detect(100)
before = megabytes("VmRSS")
detect(1000)
print(megabytes("VmRSS") - before, before)
""",
        environment={},
    )
    assert grown < GROWTH_MB


def test_dropped_networks_are_gone_at_once() -> None:
    """By reference counting: no cycle waits for the collector, which is off here."""
    grown, _ = figures(
        """
import gc, weakref
from tests.lib import nets
gc.collect()
gc.disable()
CONV = "[convolutional]\\nbatch_normalize=1\\nfilters=256\\nsize=3\\npad=1\\nactivation=leaky\\n"
def use():
    net = nets.network(CONV * 3 + nets.DETECTOR, size=32)
    net.detect(nets.picture())
    net.layers[1].output
    net.resize(64, 64)
    net.detect([nets.picture()] * 2)
    return weakref.ref(net), weakref.ref(net.layers[0].parameters["weights"]), len(net._idle)
def rounds(times):
    for _ in range(times):
        network, weights, plans = use()
        assert network() is None and weights() is None and plans
rounds(10)
before = megabytes("VmRSS")
rounds(50)
print(megabytes("VmRSS") - before, before)
"""
    )
    assert grown < GROWTH_MB


def test_a_network_that_failed_to_load_is_gone(tmp_path: Path) -> None:
    grown, _ = figures(
        """
import sys
from pathlib import Path
from tests.lib import nets
from pydarknet import Network, WeightsError
folder = Path(sys.argv[1])
cfg, weights = nets.write(folder, "[convolutional]\\nfilters=256\\nsize=3\\npad=1\\n" * 6)
weights.write_bytes(weights.read_bytes()[:-4])
def rounds(times):
    for _ in range(times):
        try:
            Network(cfg, weights)
        except WeightsError:
            pass
rounds(10)
before = megabytes("VmRSS")
rounds(50)
print(megabytes("VmRSS") - before, before)
""",
        tmp_path,
    )
    assert grown < GROWTH_MB
