"""Naive losses of [softmax] and [cost]: (sum of the loss, delta)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Loss = tuple[float, NDArray[np.float64]]
NO_TRUTH = -1234


def softmax_loss(p: NDArray[Any], truth: NDArray[Any], masked: bool) -> Loss:
    y, t = p.astype(np.float64), truth.astype(np.float64)
    known = t != NO_TRUTH if masked else np.ones(t.shape, bool)
    return float(-np.log(y[known & (t != 0)]).sum()), np.where(known, t - y, 0)


def cost_loss(
    x: NDArray[Any],
    truth: NDArray[Any],
    kind: str,
    scale: float = 1.0,
    noobject_scale: float = 1.0,
    thresh: float = 0.0,
    smooth: float = 0.0,
) -> Loss:
    inputs = x[0].size
    given = truth.astype(np.float64)
    t = (1 - smooth) * given + smooth / inputs if smooth else given
    difference = t - x
    sign = np.where(difference > 0, 1.0, -1.0)
    loss, delta = difference**2, difference
    if kind == "smooth":
        far = np.abs(difference) >= 1
        loss, delta = np.where(far, 2 * np.abs(difference) - 1, loss), np.where(far, sign, delta)
    if kind == "L1":
        loss, delta = np.abs(difference), sign
    if kind == "wgan":
        loss, delta = np.where(t != 0, -x, x).astype(np.float64), np.where(t > 0, 1.0, -1.0)
    if kind == "seg":
        weight = np.where(t == 0, noobject_scale, 1)
        loss, delta = loss * weight, delta * weight
    if kind == "masked":
        loss, delta = np.where(given == NO_TRUTH, 0, loss), np.where(given == NO_TRUTH, 0, delta)
    delta = np.where(np.abs(delta) < thresh / inputs, 0, delta)
    return float(loss.sum()), delta * scale
