"""PyTorch's time for the same: networks and steps with cuDNN's best algorithms in channels_last, and single calls."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from gpu_calls import Call
from gpu_networks import Job, timed

from pydarknet.backend import Backend

RATE = 1e-6  # so small that the loss of random targets stays finite


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
        self.torch, self.device = torch, device
        torch.backends.cudnn.benchmark = True

    def describe(self) -> str:
        """Its version, and cuDNN's."""
        return f"PyTorch {self.torch.__version__}, cuDNN {self.torch.backends.cudnn.version()}, {self.device}"

    def wait(self) -> None:
        """Wait for the device."""
        if self.device != "cpu":
            self.torch.cuda.synchronize(self.device)

    def precise(self, precision: str) -> AbstractContextManager[Any]:
        """Inside, products have this precision."""
        backends = self.torch.backends
        backends.cuda.matmul.allow_tf32 = backends.cudnn.allow_tf32 = precision == "tf32"
        kinds = {"fp16": self.torch.float16, "bf16": self.torch.bfloat16}
        if precision not in kinds:
            return nullcontext()
        cast: AbstractContextManager[Any] = self.torch.autocast(self.device.partition(":")[0], kinds[precision])
        return cast

    def seconds(self, job: Job, precision: str, runs: int) -> float:
        """The job's time: eager mode, no head and no loss but a sum of squares."""
        from pytorch_model import build

        torch = self.torch
        model = build(job.net).to(self.device)
        shape = (job.batch, *job.net.inputs)
        x = torch.rand(shape, device=self.device).to(memory_format=torch.channels_last)
        run = self._step(model.train(), x) if job.training else lambda: model(x)
        with self.precise(precision), nullcontext() if job.training else torch.inference_mode():
            return timed(run, self.wait, runs)

    def _step(self, model: Any, x: Any) -> Callable[[], object]:
        optimizer = self.torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, weight_decay=0.0005)

        def step() -> None:
            optimizer.zero_grad()
            model(x)[0].float().square().sum().backward()
            optimizer.step()

        return step

    def call_seconds(self, call: Call, precision: str, runs: int) -> float | None:
        """The time of one convolution, or None for what is no single call there."""
        run = self._convolution(call)
        if run is None:
            return None
        with self.precise(precision), self.torch.inference_mode():
            return timed(run, self.wait, runs)

    def _convolution(self, call: Call) -> Callable[[], object] | None:
        torch, g = self.torch, call.key.geometry
        forward, data, weights = None, [True, False, False], [False, True, False]
        wanted = {
            "conv_forward": forward,
            "conv_forward_plain": forward,
            "conv_backward_data": data,
            "conv_backward_weights": weights,
            "conv_backward_weights_plain": weights,
        }
        if call.key.op not in wanted:
            return None
        options = {"device": self.device}
        layout = {"memory_format": torch.channels_last}
        x = torch.rand((g.n, g.c, g.h, g.w), **options).to(**layout)
        w = torch.rand((g.k, g.c // g.groups, g.kernel_h, g.kernel_w), **options).to(**layout)
        strides, padding = [g.stride_y, g.stride_x], [g.pad_y, g.pad_x]
        outputs = wanted[call.key.op]
        if outputs is None:
            return lambda: torch.nn.functional.conv2d(x, w, None, strides, padding, 1, g.groups)
        dy = torch.rand((g.n, g.k, g.out_h, g.out_w), **options).to(**layout)
        return lambda: torch.ops.aten.convolution_backward(
            dy, x, w, None, strides, padding, [1, 1], False, [0, 0], g.groups, outputs
        )
