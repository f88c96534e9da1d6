"""One file per cfg section. Importing this package registers every layer."""

from __future__ import annotations

from . import (  # noqa: F401
    activation,
    avgpool,
    batchnorm,
    channels,
    connected,
    conv_lstm,
    convolutional,
    cost,
    crnn,
    crop,
    deconvolutional,
    detection,
    dropout,
    empty,
    gaussian_yolo,
    gru,
    history,
    implicit,
    l2norm,
    local,
    local_avgpool,
    lstm,
    maxpool,
    normalization,
    region,
    reorg,
    reorg3d,
    rnn,
    route,
    sam,
    scale_channels,
    shortcut,
    softmax,
    upsample,
    yolo,
)
from .base import REGISTRY, Layer
from .common.head import Head

__all__ = ["REGISTRY", "Head", "Layer"]
