"""What every extension module exports, as types. The meaning of each op stands in `csrc/ops/<op>.h`.

Blocked arrays are (N, ceil(C / block), H, W, block), plain ones (N, C, H, W), all float32 and C-contiguous.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeAlias

from ..formats.numbers import FLOAT_MAX

# An array of the backend: numpy's or cupy's. Layers pass it on and never look inside.
Array: TypeAlias = Any
Pair: TypeAlias = tuple[int, int]  # along (y, x)
FactorOf: TypeAlias = Literal["number", "channel", "pixel"]  # what a factor is one for each of


class Geometry(Protocol):
    """Geometry of one convolution; the names of algorithms that can do it stand fastest first."""

    n: int
    k: int
    precision: str
    out_h: int
    out_w: int
    flops: int

    def algorithms(self, max_packed_bytes: int, plain: bool = False, threads: int = 0) -> list[str]: ...
    def dgrad_algorithms(self, max_packed_bytes: int) -> list[str]: ...
    def with_precision(self, precision: str) -> Geometry: ...


class PackingConv(Protocol):
    """What packs weights of one shape for one algorithm."""

    algorithm: str
    packed_size: int

    def pack(self, weights: Array, packed: Array) -> None: ...


class ConvPrimitive(Protocol):
    """A convolution of one shape by one algorithm. Its input is plain or blocked, as `plain` says."""

    shape: Geometry
    algorithm: str
    plain: bool
    packed_size: int

    def cost(self) -> float: ...
    def workspace(self) -> int: ...
    def pack(self, weights: Array, packed: Array, stream: int = 0) -> None: ...
    def forward(
        self, x: Array, packed: Array, bias: Array | None, y: Array, activation: ActivationHandle, workspace: Array,
        stream: int = 0,
    ) -> None: ...  # fmt: skip
    def does(self, add: bool = False, pool: bool = False) -> bool: ...
    def forward_then(
        self, x: Array, packed: Array, bias: Array | None, y: Array, activation: ActivationHandle, workspace: Array,
        add: Array | None = None, pool: bool = False,
    ) -> None: ...  # fmt: skip


class DgradPrimitive(Protocol):
    """The gradient to the input of a convolution of one shape, by one algorithm."""

    shape: Geometry
    algorithm: str
    packed_size: int

    def workspace(self, accumulate: bool = True) -> int: ...
    def pack(self, weights: Array, packed: Array, stream: int = 0) -> None: ...
    def backward(
        self, dy: Array, packed: Array, dx: Array, accumulate: bool, workspace: Array, stream: int = 0
    ) -> None: ...


class WgradPrimitive(Protocol):
    """The gradient to the weights of a convolution of one shape, for a plain or a blocked input."""

    shape: Geometry
    plain: bool

    def workspace(self) -> int: ...
    def backward(self, x: Array, dy: Array, dweights: Array, workspace: Array, stream: int = 0) -> None: ...


class ActivationHandle(Protocol):
    """An activation, found by its name once."""


class Ops(Protocol):
    """The table of ops. `stream` is a device stream handle, 0 for the default."""

    block: int
    alignment: int  # bytes on a multiple of which blocked arrays, packed weights and workspaces begin
    contents_readable: bool  # whether calls see, and so check, what lies in arrays
    precisions: tuple[str, ...]  # what a ConvShape may ask for
    nowhere: float  # x, y, w and h in the truth of a class without a box

    def num_threads(self) -> int: ...
    def set_num_threads(self, count: int) -> None: ...
    def limit_threads(self, count: int) -> None: ...

    def to_blocked(self, x: Array, y: Array, stream: int = 0) -> None: ...
    def from_blocked(self, x: Array, y: Array, stream: int = 0) -> None: ...

    def ConvShape(  # noqa: N802
        self, n: int, c: int, h: int, w: int, k: int, kernel_h: int, kernel_w: int,
        stride_y: int, stride_x: int, pad_y: int, pad_x: int, groups: int, precision: str = "fp32",
    ) -> Geometry: ...  # fmt: skip
    def Conv(self, shape: Geometry, algorithm: str) -> ConvPrimitive: ...  # noqa: N802
    def ConvDgrad(self, shape: Geometry, algorithm: str) -> DgradPrimitive: ...  # noqa: N802
    def ConvWgrad(self, shape: Geometry, plain: bool = False) -> WgradPrimitive: ...  # noqa: N802

    def Activation(self, name: str) -> ActivationHandle: ...  # noqa: N802
    def activate(self, x: Array, activation: ActivationHandle, stream: int = 0) -> None: ...
    def activate_to(self, x: Array, y: Array, activation: ActivationHandle, stream: int = 0) -> None: ...
    def activate_backward(self, v: Array, dy: Array, activation: ActivationHandle, stream: int = 0) -> None: ...
    def scale_bias(self, x: Array, scale: Array, bias: Array, y: Array, stream: int = 0) -> None: ...
    def batchnorm_train(
        self, x: Array, y: Array, mean: Array, variance: Array, rolling_mean: Array, rolling_variance: Array,
        scales: Array, biases: Array | None, epsilon: float, inside: bool, rolling: float, channels: int,
        activation: ActivationHandle, stream: int = 0,
    ) -> None: ...  # fmt: skip
    def batchnorm_backward(
        self, x: Array, mean: Array, variance: Array, scales: Array, biases: Array | None, dy: Array, dx: Array,
        dscales: Array, dbiases: Array | None, epsilon: float, inside: bool, backward_epsilon: float,
        backward_inside: bool, channels: int, activation: ActivationHandle, stream: int = 0,
    ) -> None: ...  # fmt: skip
    def bias_backward(self, dy: Array, dbias: Array, channels: int, stream: int = 0) -> None: ...
    def maxpool_forward(
        self, x: Array, y: Array, size: int, stride: int | Pair, padding: int, stream: int = 0
    ) -> None: ...
    def avgpool_forward(self, x: Array, y: Array, stream: int = 0) -> None: ...
    def maxpool_backward(
        self, x: Array, dy: Array, dx: Array, size: int, stride: int | Pair, padding: int, accumulate: bool,
        stream: int = 0,
    ) -> None: ...  # fmt: skip
    def avgpool_backward(self, dy: Array, dx: Array, accumulate: bool, stream: int = 0) -> None: ...
    def local_avgpool_forward(
        self, x: Array, y: Array, size: int, stride: int | Pair, padding: int, stream: int = 0
    ) -> None: ...
    def local_avgpool_backward(
        self, dy: Array, dx: Array, size: int, stride: int | Pair, padding: int, accumulate: bool, stream: int = 0
    ) -> None: ...
    def depth_pool_forward(self, x: Array, y: Array, stream: int = 0) -> None: ...
    def depth_pool_backward(self, x: Array, dy: Array, dx: Array, accumulate: bool, stream: int = 0) -> None: ...
    def normalize_channels_forward(self, x: Array, y: Array, kind: str, stream: int = 0) -> None: ...
    def normalize_channels_backward(self, y: Array, dy: Array, kind: str, stream: int = 0) -> None: ...
    def shortcut_weights(self, weights: Array, scales: Array, terms: int, kind: str, stream: int = 0) -> None: ...
    def multiply_forward(self, x: Array, factor: Array, y: Array, of: FactorOf, stream: int = 0) -> None: ...
    def multiply_backward(
        self, x: Array, dy: Array, dfactor: Array, channels: int, of: FactorOf, accumulate: bool, stream: int = 0
    ) -> None: ...
    def upsample_forward(self, x: Array, y: Array, stride: int, scale: float, stream: int = 0) -> None: ...
    def upsample_backward(
        self, dy: Array, dx: Array, stride: int, scale: float, accumulate: bool, stream: int = 0
    ) -> None: ...
    def space_to_batch(
        self, whole: Array, parts: Array, count: Pair, every: Pair, step: Pair, pad: Pair, stream: int = 0
    ) -> None: ...
    def batch_to_space(
        self, parts: Array, whole: Array, count: Pair, every: Pair, step: Pair, pad: Pair, stream: int = 0
    ) -> None: ...
    def copy_channels(self, x: Array, y: Array, offset: int, channels: int, stream: int = 0) -> None: ...
    def add_channels(
        self, x: Array, y: Array, x_offset: int, y_offset: int, channels: int, accumulate: bool, stream: int = 0
    ) -> None: ...
    def shortcut_forward(
        self, x: Array, add: Array, y: Array, channels_x: int, channels_add: int, alpha: float, beta: float,
        stream: int = 0,
    ) -> None: ...  # fmt: skip
    def shortcut_backward(
        self, dy: Array, dx: Array | None, dadd: Array | None, channels_x: int, channels_add: int, alpha: float,
        beta: float, accumulate_x: bool, accumulate_add: bool, stream: int = 0,
    ) -> None: ...  # fmt: skip
    def dropout_forward(self, x: Array, y: Array, mask: Array, probability: float, stream: int = 0) -> None: ...
    def dropout_backward(
        self, dy: Array, mask: Array, dx: Array, probability: float, accumulate: bool, stream: int = 0
    ) -> None: ...
    def reorg_forward(
        self, x: Array, y: Array, stride: int, reverse: bool, flatten: bool, extra: int, stream: int = 0
    ) -> None: ...
    def reorg_blocked(self, x: Array, y: Array, channels: int, stride: int, stream: int = 0) -> None: ...
    def reorg_backward(
        self, dy: Array, dx: Array, channels: int, stride: int, accumulate: bool, stream: int = 0
    ) -> None: ...
    def softmax_forward(
        self, x: Array, y: Array, groups: int, temperature: float, spatial: bool, stream: int = 0
    ) -> None: ...
    def softmax_tree_forward(
        self, x: Array, y: Array, group_sizes: Array, temperature: float, stream: int = 0
    ) -> None: ...
    def l2norm_backward(self, dy: Array, dx: Array, accumulate: bool, stream: int = 0) -> None: ...
    def lrn_forward(
        self, x: Array, y: Array, size: int, alpha: float, beta: float, kappa: float, stream: int = 0
    ) -> None: ...
    def lrn_backward(
        self, x: Array, dy: Array, dx: Array, size: int, alpha: float, beta: float, kappa: float, accumulate: bool,
        stream: int = 0,
    ) -> None: ...  # fmt: skip
    def l2norm_forward(self, x: Array, y: Array, stream: int = 0) -> None: ...
    def crop_forward(self, x: Array, y: Array, noadjust: bool, stream: int = 0) -> None: ...
    def crop_train(
        self, x: Array, y: Array, top: int, left: int, flip: bool, noadjust: bool, stream: int = 0
    ) -> None: ...
    def local_forward(
        self, x: Array, weights: Array, biases: Array, y: Array, kernel: int, stride: int, pad: int,
        activation: ActivationHandle, stream: int = 0,
    ) -> None: ...  # fmt: skip
    def local_backward(
        self, x: Array, weights: Array, dy: Array, dx: Array | None, dweights: Array, dbiases: Array, kernel: int,
        stride: int, pad: int, accumulate: bool, stream: int = 0,
    ) -> None: ...  # fmt: skip
    def fill(self, x: Array, value: float, stream: int = 0) -> None: ...
    def scale(self, x: Array, factor: float, stream: int = 0) -> None: ...
    def add(self, x: Array, y: Array, stream: int = 0) -> None: ...
    def binarize(self, x: Array, y: Array, below: float = -1.0, above: float = 1.0, stream: int = 0) -> None: ...
    def binarize_filters(self, weights: Array, y: Array, filters: int, stream: int = 0) -> None: ...
    def all_finite(self, x: Array, stream: int = 0) -> bool: ...
    def sgd_update(
        self, weights: Array, updates: Array, rate: float, momentum: float, decay: float, stream: int = 0
    ) -> None: ...
    def adam_update(
        self, weights: Array, gradients: Array, m: Array, v: Array, rate: float, beta1: float, beta2: float,
        epsilon: float, decay: float, t: int, stream: int = 0,
    ) -> None: ...  # fmt: skip
    def region_forward(
        self, x: Array, y: Array, anchors: int, classes: int, coords: int, softmax: bool, background: bool,
        group_sizes: Array | None, stream: int = 0,
    ) -> None: ...  # fmt: skip
    def yolo_forward(
        self, x: Array, y: Array, anchors: int, classes: int, scale: float = 1.0, new_coords: bool = False,
        gaussian: bool = False, stream: int = 0,
    ) -> None: ...  # fmt: skip
    def detection_forward(
        self,
        x: Array,
        y: Array,
        side: int,
        classes: int,
        num: int,
        coords: int,
        softmax: bool,
        stream: int = 0,
    ) -> None: ...
    def region_loss(
        self, output: Array, truth: Array, delta: Array, anchors: Array, classes: int, coords: int = 4,
        tree: tuple[Array, Array, Array, Array] | None = None, map: Array | None = None, *, seen: int,
        object_scale: float = 1.0, noobject_scale: float = 1.0, class_scale: float = 1.0, coord_scale: float = 1.0,
        mask_scale: float = 1.0, thresh: float = 0.5, bias_match: bool = False, rescore: bool = False,
        background: bool = False, multi_label: bool = False, weigh_small: bool = False, slope_in_loss: bool = True,
        skip_large_labels: bool = False, focal_loss: bool = False, classfix: int = 0, class_only: str = "pull",
        class_only_box: str = "probable", stream: int = 0,
    ) -> Array: ...  # fmt: skip
    def yolo_loss(
        self, output: Array, truth: Array, delta: Array, anchors: Array, mask: Array, classes: int, net_w: int,
        net_h: int, ignore_thresh: float = 0.5, truth_thresh: float = 1.0, map: Array | None = None,
        new_coords: bool = False, *, iou_loss: str = "mse", iou_thresh_kind: str = "iou", iou_thresh: float = 1.0,
        iou_normalizer: float = 1.0, obj_normalizer: float = 1.0, cls_normalizer: float = 1.0,
        delta_normalizer: float = 1.0, max_delta: float = FLOAT_MAX, label_smooth_eps: float = 0.0,
        objectness_smooth: bool = False, focal_loss: bool = False, class_weights: Array | None = None,
        adds: bool = False, least_class: float = -1.0, skip_large_labels: bool = False, gaussian: bool = False,
        uc_normalizer: float = 1.0, to_centre: int = 0, stream: int = 0,
    ) -> Array: ...  # fmt: skip
    def detection_loss(
        self, output: Array, truth: Array, delta: Array, side: int, classes: int, num: int, coords: int = 4, *,
        object_scale: float = 1.0, noobject_scale: float = 1.0, class_scale: float = 1.0, coord_scale: float = 1.0,
        rescore: bool = False, sqrt: bool = False, forced: bool = False, picks: Array | None = None, stream: int = 0,
    ) -> Array: ...  # fmt: skip
    def softmax_loss(
        self, output: Array, truth: Array, delta: Array, masked: bool = False, stream: int = 0
    ) -> float: ...
    def cost_loss(
        self, output: Array, truth: Array, delta: Array, kind: str = "sse", scale: float = 1.0,
        noobject_scale: float = 1.0, thresh: float = 0.0, smooth: float = 0.0, stream: int = 0,
    ) -> float: ...  # fmt: skip
    def find_boxes(
        self, output: Array, anchors: int, objectness: int, thresh: float, by_cell: bool, found: Array, starts: Array,
        stream: int = 0,
    ) -> None: ...  # fmt: skip
    def gather_boxes(self, output: Array, anchors: int, found: Array, values: Array, stream: int = 0) -> None: ...
    def pointwise_softmax(
        self, x: Array, weights: Array, bias: Array, pixels: Array, filters: Array, starts: Array, values: Array,
        precision: str = "fp32", stream: int = 0,
    ) -> None: ...  # fmt: skip
    def nms(
        self, boxes: Array, starts: Array, thresh: float, alive: Array, beta: float | None = None, stream: int = 0
    ) -> None: ...
    def letterbox(self, image: Array, y: Array, swap_rb: bool, mode: str, stream: int = 0) -> None: ...
    def letterbox_planar(self, x: Array, y: Array, mode: str, stream: int = 0) -> None: ...
    def augment_place(
        self, image: Array, y: Array, left: int, top: int, width: int, height: int,
        flip: bool, hue: float, saturation: float, exposure: float, stream: int = 0,
    ) -> None: ...  # fmt: skip
    def augment_crop(
        self, image: Array, y: Array, left: int, top: int, width: int, height: int,
        flip: bool, hue: float, saturation: float, exposure: float, stream: int = 0,
    ) -> None: ...  # fmt: skip
    def augment_turn(
        self, image: Array, y: Array, radians: float, scale: float, aspect: float, dx: float, dy: float,
        edge: bool, flip: bool, hue: float, saturation: float, exposure: float, stream: int = 0,
    ) -> None: ...  # fmt: skip
