"""The network as users meet it: pictures in, detections or classes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from os import PathLike, fspath
from typing import Any, TypeAlias, get_args, overload

import numpy as np
import numpy.typing as npt

from .detection.boxes import Fit
from .detection.decode import Candidates, Floats, join, to_detections
from .detection.nms import Kind
from .detection.results import Detection
from .errors import CfgError, DataError
from .formats.cfg import Cfg
from .formats.data import class_name, read_names, spare_names
from .formats.resources import find
from .formats.tree import Mode, Tree
from .graph.engine import Engine
from .heads import DetectOptions, batch_candidates, check_map, head_classes, head_tree, suppression
from .images.channels import as_input
from .images.image import Color
from .images.open_image import Given as Picture
from .images.open_image import is_single, open_picture
from .layers import Layer
from .layers.softmax import Softmax
from .system.arguments import check_choice

Pictures: TypeAlias = "list[Any] | tuple[Any, ...]"


@dataclass(frozen=True)
class Classification:
    """One class of a whole picture: `probability` 0..1; `path` from the root where the classes form a tree."""

    class_id: int
    name: str
    probability: float
    path: tuple[str, ...] = ()


class Network(Engine):
    """A network that detects or classifies.

    `names`: class names, as a list or the path of a .names file; without it classes are called by their
    numbers. The other arguments are those of `Engine`. CfgError, WeightsError, DataError,
    DeviceError.
    """

    def __init__(
        self,
        cfg: str | PathLike[str] | Cfg,
        weights: str | PathLike[str] | None = None,
        *,
        names: Sequence[str] | str | PathLike[str] | None = None,
        cutoff: int | None = None,
        seed: int = 0,
        threads: int | None = None,
        device: str = "cpu",
        precision: str | None = None,
        allow_nan: bool = False,
        dialect: str | None = None,
    ) -> None:
        super().__init__(
            cfg, weights, cutoff=cutoff, seed=seed, threads=threads, device=device, precision=precision,
            allow_nan=allow_nan, dialect=dialect,
        )  # fmt: skip
        self.names = self._read_names(names)

    def __repr__(self) -> str:
        kind = "detector" if self.heads() else "classifier"
        return f"<Network {self.cfg.file}: {kind}, {self.inputs}, {len(self.layers)} layers on {self.backend.name}>"

    @overload
    def detect(self, image: Picture, *args: Any, **options: Any) -> list[Detection]: ...
    @overload
    def detect(self, image: Pictures, *args: Any, **options: Any) -> list[list[Detection]]: ...
    def detect(
        self,
        image: Picture | Pictures,
        thresh: float = 0.5,
        hier_thresh: float = 0.5,
        nms: float = 0.45,
        *,
        color: Color = "bgr",
        fit: Fit = "letterbox",
        nms_kind: Kind | None = None,
        hier_mode: Mode = "darknet",
        map: Sequence[int] | None = None,
        batch: int = 4,
    ) -> list[Detection] | list[list[Detection]]:
        """Detections in a picture, the most confident first; for a list of pictures a list of such lists.

        `image`: a path, an array (H, W, 3), (H, W) or (H, W, 4) of uint8 or of floats 0..1 with channels in
        the order `color`, a picture of Pillow, or a list of them, run `batch` at a time. `thresh` 0..1 is Darknet's
        -thresh, `hier_thresh` its -hier, `nms` the overlap above which the weaker box goes (0: none goes). The other
        options are those of `DetectOptions`. ImageError; DataError for a map to classes that the network lacks;
        CfgError if it has no detection head; ValueError for thresholds out of range.
        """
        check_map(self._need_heads(), map)
        options = DetectOptions(thresh, hier_thresh, nms, nms_kind, fit=fit, hier_mode=hier_mode, map=map)
        if is_single(image):
            return next(self._detect_batch([self._open(image, color)], options))  # type: ignore[arg-type]
        found: list[list[Detection]] = []
        pictures: Iterator[Any] = iter(image)  # type: ignore[arg-type]
        while chunk := [self._open(item, color) for item in islice(pictures, max(1, batch))]:
            found.extend(self._detect_batch(chunk, options))
        return found

    def classify(
        self, image: Picture, top: int | None = 5, *, color: Color = "bgr", fit: Fit = "letterbox"
    ) -> list[Classification]:
        """The `top` classes of a picture (None: all), the most probable first, as Darknet's `classifier predict`.

        With a tree only leaves count, with the product of the probabilities down to them. ImageError; CfgError for a
        detector.
        """
        check_choice("fit", fit, get_args(Fit))
        if self.heads():
            raise CfgError(self.cfg.file, self.heads()[-1].section.line, "is a detection layer; use detect()")
        output = self.predict(self._open(image, color), fit).reshape(-1)
        tree = self.class_tree()
        probabilities = output if tree is None else tree.absolute(output, only_leaves=True)
        order = np.argsort(-probabilities, kind="stable")[:top]
        return [self._classification(int(i), float(probabilities[i]), tree) for i in order]

    def predict(self, image: npt.NDArray[np.uint8], fit: Fit = "letterbox") -> Floats:
        """The network's output (C, H, W) for one picture (H, W, 3), BGR, or (H, W, channels). ImageError."""
        with self.plan(1) as plan:
            self.fit_pictures(plan.input, [image], fit)
            plan.run()
            output: Floats = self.backend.to_host(plan.outputs[self.output_index])[0].copy()
        return output.reshape(self.outputs)

    def class_tree(self) -> Tree | None:
        """The WordTree of the network's classes, or None."""
        trees = (layer.tree for layer in self.layers if isinstance(layer, Softmax) and layer.tree is not None)
        return next(trees, head_tree(self.heads()))

    def propose(
        self, images: Sequence[npt.NDArray[np.uint8]], thresh: float = 0.001, nms: float = 0.4, fit: Fit = "stretch"
    ) -> list[list[Detection]]:
        """Every box of some BGR pictures whose objectness is above `thresh`, whatever its class.

        The boxes compete all with all; they are of class 0, and objectness is their confidence. The defaults are
        those of Darknet's `detector recall`. CfgError if the network has no detection head.
        """
        options = DetectOptions(thresh, nms=nms, nms_kind="obj", fit=fit)
        return [
            self._place(each.classless(thresh), image, options, None)
            for image, each in zip(images, self._candidates(images, options), strict=True)
        ]

    def _detect_batch(self, images: list[npt.NDArray[np.uint8]], options: DetectOptions) -> Iterator[list[Detection]]:
        tree = head_tree(self.heads()) if options.map is None else None
        for image, found in zip(images, self._candidates(images, options), strict=True):
            yield self._place(found, image, options, tree)

    def _need_heads(self) -> list[Layer]:
        heads = self.heads()
        if not heads:
            raise CfgError(self.cfg.file, None, "has no [region], [yolo] or [detection] layer; use classify()")
        return heads

    def _candidates(self, images: Sequence[npt.NDArray[np.uint8]], options: DetectOptions) -> list[Candidates]:
        heads, inputs = self._need_heads(), self.inputs
        with self.plan(len(images)) as plan:
            self.fit_pictures(plan.input, images, options.fit)
            plan.run()
            found = [
                batch_candidates(self.backend, layer, plan.outputs[layer.index], inputs, options) for layer in heads
            ]
        return [join(parts) for parts in zip(*found, strict=True)]

    def _place(
        self, found: Candidates, image: npt.NDArray[np.uint8], options: DetectOptions, tree: Tree | None
    ) -> list[Detection]:
        height, width = image.shape[:2]
        kind, beta = suppression(self.heads(), options.nms_kind, options.beta_nms)
        return to_detections(
            found,
            self.names,
            width,
            height,
            self.inputs.w,
            self.inputs.h,
            fit=options.fit,
            nms=options.nms,
            nms_kind=kind,
            beta_nms=beta,
            tree=tree,
            backend=self.backend,
        )

    def fit_pictures(self, x: Any, images: Iterable[npt.NDArray[np.uint8]], fit: Fit) -> None:
        """Bring BGR pictures (H, W, 3), or (H, W, channels), into x (N, channels, h, w), an array of the backend.

        A network of one channel gets them in grey. ImageError if they have other channels.
        """
        for i, image in enumerate(images):
            pixels = self.backend.to_device(as_input(image, self.inputs.c))
            self.backend.ops.letterbox(pixels, x[i : i + 1], self.inputs.c == 3, fit)

    def _open(self, image: Picture, color: Color) -> npt.NDArray[np.uint8]:
        return open_picture(image, color, self.inputs.c)

    def _classification(self, class_id: int, probability: float, tree: Tree | None) -> Classification:
        path = tuple(self._name(node) for node in tree.path(class_id)) if tree is not None else ()
        return Classification(class_id, self._name(class_id), probability, path)

    def _name(self, class_id: int) -> str:
        return class_name(self.names, class_id)

    def _read_names(self, names: Sequence[str] | str | PathLike[str] | None) -> list[str]:
        classes = head_classes(self.heads()) or self.outputs.size
        if names is None:
            return []
        origin = str(find(fspath(names))) if isinstance(names, (str, PathLike)) else "names"
        found = read_names(origin, classes) if isinstance(names, (str, PathLike)) else list(names)
        if len(found) < classes:
            raise DataError(f"names: expected {classes} names, one for each class, found {len(found)}")
        self.warnings += spare_names(found, classes, origin)
        return found
