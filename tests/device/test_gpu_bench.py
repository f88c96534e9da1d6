"""`make gpu-bench`: its table and JSON, tried out on the CPU, its roofline, and what it says without a GPU."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pydarknet.backends import cuda
from pydarknet.backends.base import backend
from pydarknet.errors import DeviceError
from tests.lib import nets
from tests.lib.fake_cupy import Machine

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu

    return gpu


OPTIONS = ["--precision", "fp32", "--batch", "1", "2", "--training", "2", "--samples", "1", "--no-pytorch"]
WHOLE = ["small forward, batch 1", "small forward, batch 2", "small training step, batch 2"]


@pytest.mark.slow
def test_table_and_file(gpu: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole networks first, then their calls."""
    cfg, _ = nets.write(tmp_path)
    assert gpu.main([str(cfg), "--device", "cpu", *OPTIONS, "--json", str(tmp_path / "new/gpu.json")]) == 0
    report = json.loads((tmp_path / "new/gpu.json").read_text())
    rows = report["rows"]
    assert [row["what"] for row in rows[:3]] == WHOLE
    assert (report["peer"], report["left"], report["errors"]) == (None, [], {})
    assert all(row["seconds"] > 0 for row in rows)
    calls = {row["what"]: row for row in rows[3:]}
    first = calls["small forward, batch 1: 1 x conv_forward 1x3x16x16 to 16 by 3x3/1"]
    assert first["flops"] == 2 * 16 * 3 * 9 * 16 * 16
    assert first["bytes"] >= 4 * (3 + 16) * 16 * 16
    assert first["predicted"] > 0
    for op in ("conv_backward_weights", "batchnorm_train", "region_loss", "sgd_update", "maxpool_backward"):
        assert any(op in what for what in calls), op
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(rows)


def test_the_file_is_whole_after_each_job(gpu: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is stopped in the middle of one has all that came before."""
    cfg, _ = nets.write(tmp_path)
    file, seen = tmp_path / "gpu.json", []

    def measure(self: object, case: object, calls: bool) -> Iterator[Any]:
        seen.append(json.loads(file.read_text()) if file.exists() else None)
        if len(seen) == 4:
            raise KeyboardInterrupt
        yield from whole(self, case, calls)

    whole = gpu.Bench.measure
    monkeypatch.setattr(gpu.Bench, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        gpu.main([str(cfg), "--device", "cpu", *OPTIONS, "--json", str(file)])
    assert [report and len(report["rows"]) for report in seen] == [None, 1, 2, 3]
    assert [row["what"] for row in seen[3]["rows"]] == WHOLE
    assert seen[3]["left"] == [f"calls of {each} fp32" for each in WHOLE]
    assert json.loads(file.read_text()) == seen[3]


def test_nothing_begins_after_the_time_and_a_failure_stops_no_other_job(
    gpu: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg, _ = nets.write(tmp_path)
    file = tmp_path / "gpu.json"
    words = [str(cfg), "--device", "cpu", *OPTIONS, "--no-calls", "--json", str(file)]
    assert gpu.main([*words, "--seconds", "0"]) == 3
    assert json.loads(file.read_text())["left"] == [f"{each} fp32" for each in WHOLE]
    assert capsys.readouterr().err == "gpu-bench: time is out, 3 jobs are left\n"
    real = gpu.open_job

    def open_job(case: Any, device: str) -> Any:
        if case.batch == 1:
            raise DeviceError("out of memory")
        return real(case, device)

    monkeypatch.setattr(gpu, "open_job", open_job)
    assert gpu.main(words) == 1
    report = json.loads(file.read_text())
    assert report["errors"] == {f"{WHOLE[0]} fp32": "out of memory"}
    assert [row["what"] for row in report["rows"]] == WHOLE[1:]


def test_the_usual_order(gpu: ModuleType) -> None:
    """yolov2 at both sizes in all precisions beside each other, then the others, then steps."""
    every = gpu.cases(gpu.parse([]))
    assert [(str(each), each.precision) for each in every[:5]] == [
        *(("yolov2 416 forward, batch 1", precision) for precision in gpu.PRECISIONS),
        ("yolov2 416 forward, batch 8", "fp32"),
    ]
    whole = [str(each) for each in every if each.precision == "tf32"]
    assert whole[:6] == [f"yolov2 {size} forward, batch {batch}" for size in (416, 608) for batch in (1, 8, 64)]
    assert [each.training for each in every] == sorted(each.training for each in every)


def test_on_a_gpu_calls_are_queued_in_graphs_between_events(
    gpu: ModuleType, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but those that wait, as losses do; images are on the device before anything is timed."""
    import gpu_time

    events: list[Any] = []

    class Event:
        def record(self) -> None:
            events.append((machine.launches, len(machine.transfers)))

        def synchronize(self) -> None:
            machine.wait()

    cuda_module = machine.cupy.cuda
    monkeypatch.setattr(cuda_module, "Event", Event, raising=False)
    monkeypatch.setattr(cuda_module, "get_elapsed_time", lambda begin, end: 5.0, raising=False)
    monkeypatch.setattr(gpu, "measured", lambda *_: gpu.Card({}, 0.0))
    monkeypatch.setattr(gpu_time, "MOST", 3)
    cfg, _ = nets.write(tmp_path)
    file = tmp_path / "gpu.json"
    assert gpu.main([str(cfg), *OPTIONS, "--no-calls", "--json", str(file)]) == 0
    first, last = events[2], events[3]  # of the first sample; before it one run is timed
    assert last[0] - first[0] == 3  # launches of the recorded pass
    assert last[1] == first[1]  # nothing is transferred
    rows = json.loads(file.read_text())["rows"]
    assert [row["recorded"] for row in rows] == [True, True, False]
    calls = gpu.calls_of(gpu.open_job(gpu.Case(str(cfg), None, 2, "fp32", True), "cuda:0"), 1)
    recorded = {call.key.op: call.recorded for call in calls}
    assert recorded["conv_forward"]
    assert recorded["batchnorm_backward"]


def test_without_a_gpu_nothing_is_measured(
    gpu: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.count = 0
    cuda.cuda_backend.cache_clear()
    assert gpu.main([]) == 2
    assert capsys.readouterr().err == "gpu-bench: nothing was measured: there is no NVIDIA GPU\n"


@pytest.mark.parametrize("installed", [False, True])
def test_why_pytorch_is_left_out(
    gpu: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    installed: bool,
) -> None:  # fmt: skip
    blind = SimpleNamespace(__version__="2.0+cpu", cuda=SimpleNamespace(is_available=lambda: False))
    monkeypatch.setitem(sys.modules, "torch", blind if installed else None)
    assert gpu.open_peer(backend("cuda")) is None
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    why = "PyTorch 2.0+cpu finds no GPU" if installed else "import of torch halted"
    assert err.startswith(f"gpu-bench: without PyTorch's times: {why}")


def test_roofline(gpu: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An H100 PCIe: 114 multiprocessors at 1755 MHz, 5120 bits at 1593 MHz."""
    import gpu_card

    attributes = {
        "MultiProcessorCount": 114, "ClockRate": 1755000, "MemoryClockRate": 1593000, "GlobalMemoryBusWidth": 5120,
    }  # fmt: skip
    device = backend("cuda")
    monkeypatch.setattr(machine.cupy.cuda, "Device", lambda index: SimpleNamespace(attributes=attributes))
    card = gpu_card.card_of(device)
    assert card.bandwidth == pytest.approx(2.039e12, rel=1e-3)
    assert card.peak["fp32"] == pytest.approx(51.2e12, rel=1e-3)
    assert card.peak["tf32"] == pytest.approx(410e12, rel=1e-3)
    assert card.bound("fp32", 51.2e12, 1.0) == pytest.approx(1, rel=1e-3)
    assert card.bound("fp32", 1.0, 2.039e12) == pytest.approx(1, rel=1e-3)
    assert gpu_card.card_of(backend("cpu")).bound("fp32", 1.0, 1.0) is None


@pytest.mark.slow
def test_what_is_measured_takes_the_place_of_the_data_sheet(
    gpu: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gpu_card

    sheet = gpu_card.Card({"fp32": 50e12, "tf32": 400e12}, 2e12)
    monkeypatch.setattr(gpu_card, "card_of", lambda device: sheet)
    monkeypatch.setattr(gpu_card, "timed", lambda run, clock, samples: run() or 0.5)
    monkeypatch.setattr(machine.cupy.cuda, "Event", None, raising=False)
    peer = SimpleNamespace(peaks=lambda samples: {"tf32": 300e12})
    device = backend("cuda")
    card = gpu_card.measured(device, peer, 1)
    assert card.peak == {"fp32": 50e12, "tf32": 300e12}
    assert card.bandwidth == 2 * (device.free_bytes() // 4) / 0.5
    assert card.measured == ("bandwidth", "tf32")
    assert card.bound("tf32", 300e12, 1.0) == 1
    assert card.moving(card.bandwidth) == pytest.approx(1, rel=1e-3)
    assert "tf32 300 measured" in str(card)


def test_the_model_for_pytorch_finds_all_that_it_takes_from_here(
    gpu: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTorch is not needed for that."""
    torch, nn = ModuleType("torch"), ModuleType("torch.nn")
    nn.Module, nn.functional, torch.nn, torch.Tensor = object, None, nn, object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch.nn", nn)
    monkeypatch.delitem(sys.modules, "pytorch_model", raising=False)
    assert importlib.import_module("pytorch_model").build
    monkeypatch.delitem(sys.modules, "pytorch_model")
