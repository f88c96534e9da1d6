"""A cfg as a PyTorch module, the way one would write it there: conv, batch norm, leaky ReLU, one after the other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pydarknet import Network
from pydarknet.layers import Head

EPSILON = 1e-6  # beside the variance, as Darknet has it


class Model(nn.Module):
    """Gives the inputs of the detection heads, or the last output if there is none: a head is not PyTorch's."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.plan: list[Any] = [layer for layer in network.layers if layer.type != "cost"]
        self.steps = nn.ModuleList([module(layer) for layer in self.plan])

    def forward(self, x: Tensor) -> list[Tensor]:
        outputs: list[Tensor] = []
        heads = []
        for layer, step in zip(self.plan, self.steps, strict=True):
            if isinstance(layer, Head):
                heads.append(x)
            elif layer.type == "route":
                sources = [outputs[source.index] for source in layer.sources]
                x = sources[0] if len(sources) == 1 else torch.cat(sources, 1)
            else:
                x = step(x)
            outputs.append(x)
        return heads or [x]


class Reorg(nn.Module):
    """Darknet's order, which is not PyTorch's pixel_unshuffle: the channels are first read as a larger image."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        s = self.stride
        larger = x.reshape(n, c // (s * s), h, s, w, s)
        return larger.permute(0, 3, 5, 1, 2, 4).reshape(n, c * s * s, h // s, w // s)


class MaxPool(nn.Module):
    """Darknet pads at the right and below where the window of PyTorch would be cut."""

    def __init__(self, size: int, strides: tuple[int, int], padding: int) -> None:
        super().__init__()
        self.before, self.after = padding // 2, padding - padding // 2
        self.pool = nn.MaxPool2d(size, strides)
        self.padded = strides == (1, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.padded:
            sides = (self.before, self.after, self.before, self.after)
            x = functional.pad(x, sides, value=float("-inf"))
        return self.pool(x)


def module(layer: Any) -> nn.Module:
    """The module of one layer with its parameters."""
    if layer.type == "convolutional":
        return convolution(layer)
    if layer.type == "maxpool":
        return MaxPool(layer.size, layer.strides, layer.padding)
    if layer.type == "reorg":
        return Reorg(layer.stride)
    if layer.type == "upsample":
        return nn.Upsample(scale_factor=layer.stride, mode="nearest")
    if layer.type == "avgpool":
        return nn.AdaptiveAvgPool2d(1)
    if layer.type == "softmax":
        return nn.Softmax(1)
    if layer.type in ("route", "region", "yolo"):
        return nn.Identity()
    raise ValueError(f"no network of this benchmark has a layer of type {layer.type}")


def convolution(layer: Any) -> nn.Module:
    """Convolution, batch norm if there is one, and activation."""
    filters, channels, size, _ = layer.records[-1].shape
    normal = layer.batch_normalize
    conv = nn.Conv2d(channels, filters, size, layer.strides, layer.padding, layer.dilation, bias=not normal)
    values = {name: torch.tensor(array) for name, array in layer.parameters.items()}
    conv.weight.data = values["weights"].reshape(conv.weight.shape)
    steps: list[nn.Module] = [conv]
    if normal:
        norm = nn.BatchNorm2d(filters, eps=EPSILON)
        norm.weight.data, norm.bias.data = values["scales"], values["biases"]
        norm.running_mean, norm.running_var = values["rolling_mean"], values["rolling_variance"]
        steps.append(norm)
    else:
        conv.bias.data = values["biases"]
    if layer.activation == "leaky":
        steps.append(nn.LeakyReLU(0.1, inplace=True))
    elif layer.activation != "linear":
        raise ValueError(f"no network of this benchmark has the activation {layer.activation}")
    return nn.Sequential(*steps)


def build(network: Network) -> nn.Module:
    """The model, ready for inference in PyTorch's fastest layout on a CPU."""
    return Model(network).eval().to(memory_format=torch.channels_last)
