"""PyTorch's time for the same, measured in the same way: networks and steps with cuDNN's best algorithms in
channels_last, and single calls; recorded as CUDA graphs, tensors on the device, 16-bit ones given as such."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from gpu_calls import Call
from gpu_networks import Job
from gpu_time import REPEATS, WARM, Clock, Run, host_clock, timed, torch_clock

from pydarknet.backends.base import Backend

RATE = 1e-6  # so small that the loss of random targets stays finite
SIDE = 8192  # of the matrices that show the peak


def open_peer(device: Backend) -> Peer | None:
    """PyTorch on the same device; None, and a line that says why, if it isn't installed or doesn't have it."""
    try:
        import torch
    except ImportError as error:
        print(f"gpu-bench: without PyTorch's times: {error}", file=sys.stderr)
        return None
    if device.name.startswith("cuda:"):
        if torch.cuda.is_available():
            return Peer(torch, device.name)
        print(f"gpu-bench: without PyTorch's times: PyTorch {torch.__version__} finds no GPU", file=sys.stderr)
        return None
    return Peer(torch, "cpu")


class Peer:
    """PyTorch on a device."""

    def __init__(self, torch: Any, device: str) -> None:
        from pytorch_model import build  # which imports PyTorch

        self.torch, self.device, self.build = torch, device, build
        self.halves = {"fp16": torch.float16, "bf16": torch.bfloat16}
        torch.backends.cudnn.benchmark = True

    def describe(self) -> str:
        """Its version, and cuDNN's."""
        return f"PyTorch {self.torch.__version__}, cuDNN {self.torch.backends.cudnn.version()}, {self.device}"

    @property
    def clock(self) -> Clock:
        """The GPU's own; the machine's where there is none."""
        return host_clock(lambda: None) if self.device == "cpu" else torch_clock(self.torch)

    def allow(self, precision: str) -> None:
        """From now on products of float32 have this precision."""
        backends = self.torch.backends
        backends.cuda.matmul.allow_tf32 = backends.cudnn.allow_tf32 = precision == "tf32"

    def peaks(self, samples: int) -> dict[str, float]:
        """Operations a second of a product of large matrices in each precision."""
        return {precision: self._peak(precision, samples) for precision in ("fp32", "tf32", *self.halves)}

    def _peak(self, precision: str, samples: int) -> float:
        self.allow(precision)
        kind = self.halves.get(precision, self.torch.float32)
        a, b = (self.torch.randn((SIDE, SIDE), device=self.device, dtype=kind) for _ in range(2))
        out = self.torch.empty_like(a)
        return 2.0 * SIDE**3 / timed(lambda: self.torch.matmul(a, b, out=out), self.clock, samples)

    def seconds(self, job: Job, samples: int) -> tuple[float, bool]:
        """The job's time, with no head and no loss but a sum of squares; whether it was recorded."""
        torch, case = self.torch, job.case
        self.allow(case.precision)
        half = self.halves.get(case.precision)
        model = self.build(job.net).to(self.device)
        x = torch.rand((case.batch, *job.net.inputs), device=self.device).to(memory_format=torch.channels_last)
        if case.training:  # weights stay float32, as in ours
            return self._timed(self._step(model.train(), x, self._cast(half)), samples)
        if half:
            model, x = model.to(half), x.to(half)
        with torch.inference_mode():
            return self._timed(lambda: model(x), samples)

    def _cast(self, half: Any) -> Callable[[], AbstractContextManager[Any]]:
        if half is None:
            return nullcontext
        kind = self.device.partition(":")[0]
        return lambda: self.torch.autocast(kind, half, cache_enabled=False)  # which a recording forbids

    def _step(self, model: Any, x: Any, cast: Callable[[], AbstractContextManager[Any]]) -> Run:
        optimizer = self.torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, weight_decay=0.0005)

        def step() -> None:
            optimizer.zero_grad()
            with cast():
                loss = model(x)[0].float().square().sum()
            loss.backward()
            optimizer.step()

        return step

    def _timed(self, run: Run, samples: int, repeats: int = 1) -> tuple[float, bool]:
        graph = self._recorded(run, repeats)
        if graph is None:
            return timed(run, self.clock, samples), False
        return timed(graph, self.clock, samples) / repeats, True

    def _recorded(self, run: Run, repeats: int) -> Run | None:
        """The work as a CUDA graph; None for what can't be recorded."""
        if self.device == "cpu":
            return None
        cuda = self.torch.cuda
        aside = cuda.Stream()
        aside.wait_stream(cuda.current_stream())
        with cuda.stream(aside):
            for _ in range(WARM):  # chooses algorithms, makes buffers
                run()
        cuda.current_stream().wait_stream(aside)
        graph = cuda.CUDAGraph()
        try:
            with cuda.graph(graph):
                for _ in range(repeats):
                    run()
        except RuntimeError as error:
            print(f"gpu-bench: PyTorch without a graph: {str(error).splitlines()[0]}", file=sys.stderr)
            return None
        replay: Run = graph.replay
        return replay

    def call_seconds(self, call: Call, precision: str, samples: int) -> float | None:
        """The time of one convolution, or None for what is no single call there."""
        run = self._convolution(call, self.halves.get(precision, self.torch.float32))
        if run is None:
            return None
        self.allow(precision)
        with self.torch.inference_mode():
            return self._timed(run, samples, REPEATS)[0]

    def _convolution(self, call: Call, kind: Any) -> Run | None:
        torch, g = self.torch, call.key.geometry
        forward, data, weights = None, [True, False, False], [False, True, False]
        wanted = {
            "conv_forward": forward,
            "conv_backward_data": data,
            "conv_backward_weights": weights,
        }
        if call.key.op not in wanted:
            return None

        def tensor(*shape: int) -> Any:
            made = torch.rand(shape, device=self.device, dtype=kind)
            return made.to(memory_format=torch.channels_last)

        x, w = tensor(g.n, g.c, g.h, g.w), tensor(g.k, g.c // g.groups, g.kernel_h, g.kernel_w)
        strides, padding = [g.stride_y, g.stride_x], [g.pad_y, g.pad_x]
        outputs = wanted[call.key.op]
        if outputs is None:
            return lambda: torch.nn.functional.conv2d(x, w, None, strides, padding, 1, g.groups)
        dy = tensor(g.n, g.k, g.out_h, g.out_w)
        return lambda: torch.ops.aten.convolution_backward(
            dy, x, w, None, strides, padding, [1, 1], False, [0, 0], g.groups, outputs
        )
