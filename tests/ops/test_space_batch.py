"""Images cut into parts and put together, against the definition; and the dilated convolutions made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pydarknet.backends.base import backend, cpu_backend
from pydarknet.backends.ops import Ops
from pydarknet.errors import CfgError
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.engine import Engine
from tests.conftest import BACKENDS, RUNNABLE
from tests.lib.guarded import Arrays
from tests.lib.tolerances import conv_tolerance
from tests.reference.conv import conv

Pair = tuple[int, int]


def cut(x: NDArray[np.float32], sides: Pair, count: Pair, every: Pair, step: Pair, pad: Pair) -> NDArray[np.float32]:
    """Parts of x (N, C, H, W), pixel by pixel."""
    n, c, h, w = x.shape
    parts = np.zeros((n, *count, c, *sides), np.float32)
    for a, b, i, j in np.ndindex(*count, *sides):
        row, column = every[0] * i + step[0] * a - pad[0], every[1] * j + step[1] * b - pad[1]
        if 0 <= row < h and 0 <= column < w:
            parts[:, a, b, :, i, j] = x[:, :, row, column]
    return parts.reshape(-1, c, *sides)


# image (h, w), part (h, w), then what the op takes. The last ones leave pixels out.
CUTS = [
    pytest.param((7, 5), (7, 5), (1, 1), (1, 1), (1, 1), (0, 0), id="whole"),
    pytest.param((8, 6), (4, 3), (2, 2), (2, 2), (1, 1), (0, 0), id="even"),
    pytest.param((7, 9), (6, 7), (2, 2), (2, 2), (1, 1), (2, 2), id="padded"),
    pytest.param((13, 13), (7, 9), (3, 2), (3, 2), (2, 1), (3, 4), id="uneven"),
    pytest.param((9, 20), (4, 5), (1, 2), (2, 4), (4, 2), (1, 0), id="gaps"),
    pytest.param((2, 3), (5, 5), (2, 2), (4, 4), (3, 3), (4, 6), id="mostly outside"),
]


@pytest.mark.parametrize(("picture", "sides", "count", "every", "step", "pad"), CUTS)
def test_parts(
    ops: Ops, arrays: Arrays, picture: Pair, sides: Pair, count: Pair, every: Pair, step: Pair, pad: Pair
) -> None:
    n, c = 2, ops.block + 3
    x = np.random.default_rng(0).normal(size=(n, c, *picture)).astype(np.float32)
    parts = arrays.empty_blocked(n * count[0] * count[1], c, *sides)
    ops.space_to_batch(arrays.blocked(x), parts, count, every, step, pad)
    expected = cut(x, sides, count, every, step, pad)
    np.testing.assert_array_equal(arrays.channels(parts, c), expected)
    dy = np.random.default_rng(1).normal(size=expected.shape).astype(np.float32)
    together = arrays.empty_blocked(n, c, *picture)
    ops.batch_to_space(arrays.blocked(dy), together, count, every, step, pad)
    arrays.check()
    # The transpose: what went to a place comes from it. The places are numbered to find them.
    numbers = np.arange(1, 1 + x[:1, :1].size, dtype=np.float32).reshape(1, 1, *picture)
    places = cut(numbers, sides, count, every, step, pad).astype(int)
    wanted = np.zeros((n, c, x[0, 0].size + 1), np.float32)
    for image in range(n):
        of_image = dy[image * len(places) : (image + 1) * len(places)]
        wanted[image][:, places[:, 0].reshape(-1)] = of_image.transpose(1, 0, 2, 3).reshape(c, -1)
    np.testing.assert_array_equal(arrays.channels(together, c), wanted[..., 1:].reshape(n, c, *picture))


def test_arguments(ops: Ops, arrays: Arrays) -> None:
    x, parts = arrays.empty_blocked(1, 3, 6, 6), arrays.empty_blocked(4, 3, 3, 3)
    for name, values in {
        "count": ((0, 2), (2, 2), (1, 1), (0, 0)),
        "every": ((2, 2), (2, 0), (1, 1), (0, 0)),
        "step": ((2, 2), (2, 2), (-1, 1), (0, 0)),
        "pad": ((2, 2), (2, 2), (1, 1), (0, -1)),
        "parts": ((3, 2), (2, 2), (1, 1), (0, 0)),
    }.items():
        with pytest.raises(ValueError, match=f"space_to_batch: argument '{name}'"):
            ops.space_to_batch(x, parts, *values)
        with pytest.raises(ValueError, match=f"batch_to_space: argument '{name}'"):
            ops.batch_to_space(parts, x, *values)


NET = "[net]\nwidth=17\nheight=14\nchannels={}\n[conv]\nfilters=18\nsize={}\npad=1\nactivation=linear\n"


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize(
    ("channels", "size", "options"),
    [
        (3, 3, "dilation=2"), (20, 3, "dilation=3"), (6, 5, "dilation=2\nstride=2\ngroups=3"),
        (6, 3, "dilation=4\nstride=2"), (5, 3, "dilation=2\nstride_x=3"), (4, 3, "dilation=9\ngroups=2"),
        (8, 3, "dilation=6\nstride_y=4\nstride_x=1"), (3, 3, "stride_x=2"), (3, 3, "stride_y=3\nstride=2"),
        (5, 1, "dilation=7"),
    ],
)  # fmt: skip
def test_dilated_convolution(name: str, channels: int, size: int, options: str) -> None:
    cfg = parse_cfg_text(NET.format(channels, size) + options)
    engine = Engine(cfg, precision="fp32")
    engine.backend = cpu_backend(name) if name in RUNNABLE else backend(name).with_precision("fp32")
    layer: Any = engine.layers[0]
    x = np.random.default_rng(2).standard_normal((2, *engine.inputs), np.float32)
    pads = (layer.padding, layer.padding)
    expected = conv(x, layer.folded_weights(), layer.folded_bias(), layer.strides, pads, layer.groups, layer.dilation)
    y = engine.forward(x)
    assert y.shape == expected.shape == (2, *layer.out)
    assert np.abs(y - expected).max() <= conv_tolerance("winograd4", channels * size * size)


@pytest.mark.parametrize(
    "options", ["size=3\ndilation=2", "size=2\npad=1\ndilation=2", "size=3\npadding=2\ndilation=2"]
)
def test_dilation_of_another_size_is_refused(options: str, tmp_path: Path) -> None:
    """Darknet's output has the size without dilation, and reads beyond what it has computed."""
    with pytest.raises(CfgError, match=r"net\.cfg:.*dilation=2 with size=. and padding .*pad=1"):
        Engine(parse_cfg_text("[net]\nwidth=9\nheight=9\nchannels=3\n[conv]\n" + options, "net.cfg"))
