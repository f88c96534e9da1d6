"""What holds for all ops: checked arrays, empty arrays, and results that don't depend on the thread count."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pydarknet.backends.ops import Ops
from tests.lib.guarded import Arrays

Call = Callable[[Ops, np.ndarray, np.ndarray], None]

SIZES = np.array([3, 2, 1, 9], np.int32)

# One call of each op whose x and y are blocked, (2, 20, 6, 6) -> the given channels, height and width.
BLOCKED: dict[str, tuple[Call, tuple[int, int, int]]] = {
    "maxpool_forward": (lambda ops, x, y: ops.maxpool_forward(x, y, 3, 1, 2), (20, 6, 6)),
    "avgpool_forward": (lambda ops, x, y: ops.avgpool_forward(x, y), (20, 1, 1)),
    "local_avgpool_forward": (lambda ops, x, y: ops.local_avgpool_forward(x, y, 3, 1, 2), (20, 6, 6)),
    "multiply_forward": (lambda ops, x, y: ops.multiply_forward(x, x, y, "number"), (20, 6, 6)),
    "upsample_forward": (lambda ops, x, y: ops.upsample_forward(x, y, 2, 1.0), (20, 12, 12)),
    "copy_channels": (lambda ops, x, y: ops.copy_channels(x, y, 3, 20), (23, 6, 6)),
    "shortcut_forward": (lambda ops, x, y: ops.shortcut_forward(x, x, y, 20, 20, 2.0, 3.0), (20, 6, 6)),
    "scale_bias": (lambda ops, x, y: ops.scale_bias(x, SCALE, SCALE, y), (20, 6, 6)),
    "reorg_blocked": (lambda ops, x, y: ops.reorg_blocked(x, y, 20, 2), (80, 3, 3)),
}
SCALE: np.ndarray = np.linspace(-1, 1, 20, dtype=np.float32)

# The same for ops on plain arrays, (2, 15, 6, 6).
PLAIN: dict[str, tuple[Call, tuple[int, int, int]]] = {
    "reorg_forward": (lambda ops, x, y: ops.reorg_forward(x, y, 1, False, True, 0), (15, 6, 6)),
    "softmax_forward": (lambda ops, x, y: ops.softmax_forward(x, y, 3, 1.0, True), (15, 6, 6)),
    "softmax_tree_forward": (lambda ops, x, y: ops.softmax_tree_forward(x, y, SIZES, 1.0), (15, 6, 6)),
    "lrn_forward": (lambda ops, x, y: ops.lrn_forward(x, y, 5, 1e-4, 0.75, 1.0), (15, 6, 6)),
    "l2norm_forward": (lambda ops, x, y: ops.l2norm_forward(x, y), (15, 6, 6)),
    "depth_pool_forward": (lambda ops, x, y: ops.depth_pool_forward(x, y), (4, 6, 6)),
    "normalize_channels_forward": (lambda ops, x, y: ops.normalize_channels_forward(x, y, "softmax_top"), (15, 6, 6)),
    "crop_forward": (lambda ops, x, y: ops.crop_forward(x, y, False), (15, 4, 5)),
    "region_forward": (lambda ops, x, y: ops.region_forward(x, y, 3, 0, 4, True, True, None), (15, 6, 6)),
    "dropout_forward": (lambda ops, x, y: ops.dropout_forward(x, y, MASK[: y.size], 0.5), (15, 6, 6)),
    "yolo_forward": (lambda ops, x, y: ops.yolo_forward(x, y, 1, 10), (15, 6, 6)),
    "detection_forward": (lambda ops, x, y: ops.detection_forward(x, y, 6, 5, 2, 4, True), (15, 6, 6)),
}


# The same for both images of a batch.
MASK: np.ndarray = np.tile(np.random.default_rng(6).integers(0, 2, 15 * 36, np.uint8), 2)


def make(arrays: Arrays, name: str, n: int = 2) -> tuple[Call, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    if name in BLOCKED:
        call, out = BLOCKED[name]
        x = rng.normal(size=(n, 20, 6, 6)).astype(np.float32)
        y = arrays.empty_blocked(n, *out)
        y[...] = 0
        return call, arrays.blocked(x, noise=1), y
    call, out = PLAIN[name]
    x = rng.normal(size=(n, 15, 6, 6)).astype(np.float32)
    return call, arrays.plain(x), arrays.empty(n, *out)


def test_every_op_is_here(ops: Ops) -> None:
    """A new forward op must be added to the tables above, or named here with the file that tests the same."""
    elsewhere = {"local_forward"}
    named = {name for name in dir(ops) if name.endswith("_forward")} - elsewhere
    assert named <= BLOCKED.keys() | PLAIN.keys()


@pytest.mark.parametrize("name", [*BLOCKED, *PLAIN])
def test_threads_dont_change_a_bit(ops: Ops, arrays: Arrays, name: str) -> None:
    results = []
    for threads in (1, 3):
        ops.set_num_threads(threads)
        call, x, y = make(arrays, name)
        call(ops, x, y)
        results.append(y if name in PLAIN else arrays.channels(y, BLOCKED[name][1][0]))
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("name", [*BLOCKED, *PLAIN])
def test_batch_is_image_by_image(ops: Ops, arrays: Arrays, name: str) -> None:
    call, x, y = make(arrays, name)
    call(ops, x, y)
    for image in range(2):
        alone = np.zeros_like(y[image : image + 1])
        call(ops, np.ascontiguousarray(x[image : image + 1]), alone)
        np.testing.assert_array_equal(alone[0], y[image])


@pytest.mark.parametrize("name", [*BLOCKED, *PLAIN])
def test_empty_batch(ops: Ops, arrays: Arrays, name: str) -> None:
    call, x, y = make(arrays, name, n=0)
    call(ops, x, y)


@pytest.mark.parametrize("name", [*BLOCKED, *PLAIN])
def test_arrays_are_checked(ops: Ops, arrays: Arrays, name: str) -> None:
    call, x, y = make(arrays, name)
    with pytest.raises(ValueError, match=f"{name}: argument 'x': expected element type <f4"):
        call(ops, x.astype(np.float64), y)
    with pytest.raises(ValueError, match=f"{name}: argument 'x': expected an array"):
        call(ops, None, y)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"{name}: argument 'x': the array must be C-contiguous"):
        call(ops, x[:, :, ::2], y)
    y.flags.writeable = False
    with pytest.raises(ValueError, match=f"{name}: argument 'y': the array is read-only"):
        call(ops, x, y)


@pytest.mark.parametrize("name", [*BLOCKED, *PLAIN])
def test_another_batch_is_refused(ops: Ops, arrays: Arrays, name: str) -> None:
    call, x, y = make(arrays, name)
    with pytest.raises(ValueError, match=f"{name}: argument "):
        call(ops, x, np.concatenate([y, y]))


@pytest.mark.parametrize("name", BLOCKED)
def test_spare_lanes_dont_matter(ops: Ops, arrays: Arrays, name: str) -> None:
    call, x, y = make(arrays, name)
    call(ops, x, y)
    noisy, y2 = x.copy(), np.zeros_like(y)
    lanes = noisy.transpose(0, 1, 4, 2, 3)
    spare = x.shape[1] * ops.block - 20
    lanes[:, -1, ops.block - spare :] = 12345.0
    call(ops, noisy, y2)
    channels = BLOCKED[name][1][0]
    np.testing.assert_array_equal(arrays.channels(y, channels), arrays.channels(y2, channels))


@pytest.mark.parametrize("form", ["__array_interface__", "__array_struct__"])
def test_either_form_of_the_array_interface_is_enough(cpu_ops: Ops, form: str) -> None:
    class Described:
        def __init__(self, array: np.ndarray) -> None:
            setattr(self, form, getattr(array, form))

    x, relu = np.array([-1, 2, 3], np.float32), cpu_ops.Activation("relu")
    cpu_ops.activate(Described(x), relu)
    np.testing.assert_array_equal(x, [0, 2, 3])
    x.flags.writeable = False
    with pytest.raises(ValueError, match=r"read-only|expected an array"):
        cpu_ops.activate(Described(x), relu)
    for refused in (np.zeros(3), np.zeros((4, 4), np.float32)[:, ::2], np.zeros(3, ">f4")):
        with pytest.raises(ValueError, match="activate: argument 'x'"):
            cpu_ops.activate(Described(refused), relu)
