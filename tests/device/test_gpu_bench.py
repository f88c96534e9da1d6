"""`make gpu-bench`: its table and JSON, tried out on the CPU, its roofline, and what it says without a GPU."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import nets
import pytest
from fake_cupy import Machine

from pydarknet import cuda
from pydarknet.backend import backend

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu

    return gpu


def test_table_and_file(gpu: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cfg, _ = nets.write(tmp_path)
    options = ["--precision", "fp32", "--batch", "1", "2", "--training", "2", "--runs", "2", "--no-pytorch"]
    assert gpu.main([str(cfg), "--device", "cpu", *options, "--json", str(tmp_path / "gpu.json")]) == 0
    report = json.loads((tmp_path / "gpu.json").read_text())
    rows = report["rows"]
    whole = [row["what"] for row in rows if not row["what"].startswith(" ")]
    assert whole == ["small forward, batch 1", "small forward, batch 2", "small training step, batch 2"]
    assert report["peer"] is None
    assert all(row["seconds"] > 0 for row in rows)
    calls = {row["what"]: row for row in rows}
    first = calls["  1 x conv_forward_plain 1x3x16x16 to 16 by 3x3/1"]
    assert first["flops"] == 2 * 16 * 3 * 9 * 16 * 16
    assert first["bytes"] >= 4 * (3 + 16) * 16 * 16
    for op in ("conv_backward_weights", "batchnorm_train", "region_loss", "sgd_update", "maxpool_backward"):
        assert any(op in what for what in calls), op
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(rows)


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
    attributes = {
        "MultiProcessorCount": 114, "ClockRate": 1755000, "MemoryClockRate": 1593000, "GlobalMemoryBusWidth": 5120,
    }  # fmt: skip
    device = backend("cuda")
    monkeypatch.setattr(machine.cupy.cuda, "Device", lambda index: SimpleNamespace(attributes=attributes))
    card = gpu.card_of(device)
    assert card.bandwidth == pytest.approx(2.039e12, rel=1e-3)
    assert card.peak["fp32"] == pytest.approx(51.2e12, rel=1e-3)
    assert card.peak["tf32"] == pytest.approx(410e12, rel=1e-3)
    assert card.bound("fp32", 51.2e12, 1.0) == pytest.approx(1, rel=1e-3)
    assert card.bound("fp32", 1.0, 2.039e12) == pytest.approx(1, rel=1e-3)
    assert gpu.card_of(backend("cpu")).bound("fp32", 1.0, 1.0) is None
