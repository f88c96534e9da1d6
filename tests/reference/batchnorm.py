"""Naive batch normalisation in float64, forward in training and backward, with Darknet's constants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Floats = NDArray[np.floating]

CHANNEL = (None, slice(None), None, None)


def statistics(x: Floats) -> tuple[Doubles, Doubles]:
    """Mean and variance of each channel; the variance of a single pixel is 0."""
    x = x.astype(np.float64)
    mean = x.mean(axis=(0, 2, 3))
    count = x.size // x.shape[1]
    squares = ((x - mean[CHANNEL]) ** 2).sum(axis=(0, 2, 3))
    return mean, squares / (count - 1) if count > 1 else np.zeros_like(mean)


def deviation(variance: Floats, epsilon: float, inside: bool) -> Doubles:
    variance = variance.astype(np.float64)
    return np.sqrt(variance + epsilon) if inside else np.sqrt(variance) + epsilon


def train(x: Floats, scales: Floats, biases: Floats, epsilon: float, inside: bool) -> Doubles:
    mean, variance = statistics(x)
    normal = (x - mean[CHANNEL]) / deviation(variance, epsilon, inside)[CHANNEL]
    return scales[CHANNEL] * normal + biases[CHANNEL]


def backward(
    x: Floats, mean: Floats, variance: Floats, scales: Floats, dy: Floats, epsilon: float, inside: bool,
    backward_epsilon: float, backward_inside: bool,
) -> tuple[Doubles, Doubles, Doubles]:  # fmt: skip
    """dx, dscales, dbiases in Darknet's three steps: through the mean, the variance, and directly."""
    centred = x.astype(np.float64) - mean[CHANNEL]
    count, axes = x.size // x.shape[1], (0, 2, 3)
    d = dy.astype(np.float64) * scales[CHANNEL]
    root = np.sqrt(variance.astype(np.float64) + backward_epsilon)
    dmean = -d.sum(axis=axes) / root
    dvariance = -0.5 * (d * centred).sum(axis=axes) / root**3
    direct = d / deviation(variance, backward_epsilon, backward_inside)[CHANNEL]
    dx = direct + dvariance[CHANNEL] * 2 * centred / count + dmean[CHANNEL] / count
    normal = centred / deviation(variance, epsilon, inside)[CHANNEL]
    return dx, (dy * normal).sum(axis=axes), dy.astype(np.float64).sum(axis=axes)
