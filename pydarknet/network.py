"""The network as users meet it: images in, detections or classes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias, get_args, overload

import numpy as np
import numpy.typing as npt

from .backends.ops import Array
from .detection.boxes import Fit
from .detection.decode import Candidates, Floats, detections
from .detection.options import DEFAULTS, DetectOptions, MoreOptions, chosen
from .detection.results import Detection
from .detection.tiles import merged, moved, tiles
from .errors import CfgError, ImageError
from .formats.cfg import Cfg
from .formats.class_names import Names, given_names, names_in, names_of_data, usual_names
from .formats.data import DataFile, class_name, spare_names
from .formats.resources import warn_of_bare_name
from .formats.tree import Tree
from .graph.engine import Engine
from .graph.lanes import lanes_of
from .images.batches import chunks, image_bytes
from .images.channels import grey
from .images.image import Color
from .images.open_image import Given as Image
from .images.open_image import is_single, open_image, path_of, several
from .plan.session import Session
from .results.classification import Classification as Classification
from .results.detections import Detections
from .system.arguments import check_choice, check_count
from .system.pipeline import Turn, pipeline

if TYPE_CHECKING:
    from typing_extensions import Unpack

Several: TypeAlias = "list[Any] | tuple[Any, ...] | Iterator[Any]"
Images: TypeAlias = Sequence[npt.NDArray[np.uint8]]  # BGR, or of the network's channels


class Network(Engine):
    """A network that detects or classifies.

    `names`: class names, as a list, a dict by number or the path of a .names file; without it classes are called by
    their numbers. The other arguments are those of `Engine`. A cfg by its bare name ("stamps") and no weights is a
    UserWarning, since such a name stands for both in commands. CfgError, WeightsError, DataError, DeviceError.
    """

    def __init__(
        self,
        cfg: str | PathLike[str] | Cfg,
        weights: str | PathLike[str] | None = None,
        *,
        names: Names | None = None,
        cutoff: int | None = None,
        seed: int = 0,
        threads: int | None = None,
        device: str = "cpu",
        precision: str | None = None,
        allow_nan: bool = False,
        dialect: str | None = None,
        packed_cache: bool = False,
    ) -> None:
        super().__init__(
            cfg, weights, cutoff=cutoff, seed=seed, threads=threads, device=device, precision=precision,
            allow_nan=allow_nan, dialect=dialect, packed_cache=packed_cache,
        )  # fmt: skip
        if weights is None and isinstance(cfg, str):
            warn_of_bare_name(cfg)
        self.names = self._read_names(names)

    def __reduce__(self) -> tuple[Any, ...]:
        make, (*parts, rest) = super().__reduce__()
        return make, (*parts, {**rest, "names": list(self.names)})

    def __repr__(self) -> str:
        kind = "detector" if self.heads() else "classifier"
        return f"<Network {self.cfg.file}: {kind}, {self.inputs}, {len(self.layers)} layers on {self.backend.name}>"

    @overload
    def detect(
        self,
        image: Image,
        thresh: float | None = ...,
        hier_thresh: float | None = ...,
        nms: float | None = ...,
        *,
        options: DetectOptions = ...,
        color: Color = ...,
        batch: int = ...,
        **others: Unpack[MoreOptions],
    ) -> Detections: ...
    @overload
    def detect(
        self,
        image: Several,
        thresh: float | None = ...,
        hier_thresh: float | None = ...,
        nms: float | None = ...,
        *,
        options: DetectOptions = ...,
        color: Color = ...,
        batch: int = ...,
        **others: Unpack[MoreOptions],
    ) -> list[Detections]: ...
    def detect(
        self,
        image: Image | Several,
        thresh: float | None = None,
        hier_thresh: float | None = None,
        nms: float | None = None,
        *,
        options: DetectOptions = DEFAULTS,
        color: Color = "bgr",
        batch: int = 4,
        **others: Unpack[MoreOptions],
    ) -> Detections | list[Detections]:
        """Detections in an image, the most confident first; for a list of images a list of such lists.

        `image`: a path, an array (H, W, 3), (H, W) or (H, W, 4) of uint8 or of floats 0..1 with channels in
        the order `color`, an image of Pillow, or a list of them, run `batch` at a time. `thresh` 0..1 (.5) is
        Darknet's -thresh, `hier_thresh` (.5) its -hier, `nms` (.45) the overlap above which the weaker box is dropped
        (0: none). The `others` are the other fields of `DetectOptions`: `fit`, `classes`, `depth`, `hier_mode`... All
        of them override those of `options`. ImageError; DataError for a map to classes that the network lacks;
        CfgError if it has no detection head; ValueError for thresholds and a `batch` out of range.
        """
        check_count("batch", batch)
        options = self.settle(chosen(options, thresh=thresh, hier_thresh=hier_thresh, nms=nms, **others))
        if is_single(image):
            return self._opened([image], color, options)[0]
        parts = chunks(image, batch)  # type: ignore[arg-type]
        return [found for part in parts for found in self._opened(part, color, options)]

    def stream(
        self,
        images: Iterable[Any] | str | PathLike[str],
        thresh: float | None = None,
        hier_thresh: float | None = None,
        nms: float | None = None,
        *,
        options: DetectOptions = DEFAULTS,
        color: Color = "bgr",
        batch: int = 1,
        unread: Callable[[Any, ImageError], object] | None = None,
        **others: Unpack[MoreOptions],
    ) -> Iterator[Detections]:
        """The detections of many images, one image after another, while the next ones are read and computed.

        `images`: a folder, a pattern or a list of paths (.txt), or any iterable of what `detect` takes, however long:
        few of them are in memory at a time. The detections are those of `detect`, in the order of the images; on the
        CPU every core has `batch` images of its own. One that can't be read is left out, after a call of `unread`
        with it and its ImageError; without `unread` the error is raised in its place. The other arguments and errors
        are those of `detect`.
        """
        check_count("batch", batch)
        options = self.settle(chosen(options, thresh=thresh, hier_thresh=hier_thresh, nms=nms, **others))
        given = several(images)
        return self._streamed(given, color, options, batch, unread or _raised)

    def _streamed(
        self, given: Iterable[Any], color: Color, options: DetectOptions, batch: int,
        unread: Callable[[Any, ImageError], object],
    ) -> Iterator[Detections]:  # fmt: skip
        def work(chunk: list[Any], turn: Turn) -> list[tuple[Any, Detections | ImageError]]:
            start = perf_counter()
            opened = [self._open_or_error(each, color) for each in chunk]
            seconds = perf_counter() - start
            images = [each for each in opened if not isinstance(each, ImageError)]
            paths = [each for each, image in zip(chunk, opened, strict=True) if not isinstance(image, ImageError)]
            with turn:
                found = iter(self._results(paths, images, options, seconds) if images else ())
            results = (each if isinstance(each, ImageError) else next(found) for each in opened)
            return list(zip(chunk, results, strict=True))

        items = -(-len(given) // batch) if isinstance(given, Sized) else None
        lanes = lanes_of(self, items, batch, lazy=self.runs_lazily(options))
        for part in pipeline(chunks(given, batch), work, lanes, lambda chunk: sum(map(_bytes_of, chunk))):
            for each, found in part:
                if isinstance(found, ImageError):
                    unread(each, found)
                else:
                    yield found

    def _opened(self, given: Sequence[Any], color: Color, options: DetectOptions) -> list[Detections]:
        """The detections of images run at once, with what is to be known of each."""
        start = perf_counter()
        images = [self._open(each, color) for each in given]
        return self._results(given, images, options, perf_counter() - start)

    def _results(
        self, given: Sequence[Any], images: Images, options: DetectOptions, seconds: float
    ) -> list[Detections]:
        """The same of what has been opened, in so many seconds."""
        clock = [perf_counter() - seconds]
        if options.tile:
            clock.append(perf_counter())
            found = self.find(images, options)
        else:
            with self.plan(len(images), lazy=self.runs_lazily(options)) as plan:
                self.fit_images(plan.input, images, options.fit)
                clock.append(perf_counter())
                plan.run()
                clock.append(perf_counter())
                found = self.decode(plan.outputs, images, options)
        clock.append(perf_counter())
        steps = zip(("preprocess", "inference", "postprocess"), clock, clock[1:], strict=False)
        speed = {name: (end - start) * 1000 / len(images) for name, start, end in steps}
        return [self._result(*each, speed) for each in zip(given, images, found, strict=True)]

    def _result(
        self, given: Any, image: npt.NDArray[np.uint8], found: list[Detection], speed: dict[str, float]
    ) -> Detections:
        path = path_of(given)
        height, width = image.shape[:2]
        return Detections(
            found, shape=(height, width), image=None if path else image, path=path, class_names=self.names,
            classes=self.classes, tree=self.class_tree(), speed=speed,
        )  # fmt: skip

    def settle(self, options: DetectOptions) -> DetectOptions:
        """Of the graph; and `classes` by their names. DataError for names that are none."""
        if options.classes is not None and options.within is None:
            from .formats.named_classes import subtrees

            words: Sequence[str | int] = list(options.classes)  # type: ignore[arg-type]
            options = options.but(classes=subtrees(words, self.names, self.classes, self.class_tree()))
        return super().settle(options)

    def find(self, images: Images, options: DetectOptions) -> list[list[Detection]]:
        """`detect` for BGR images (H, W, 3), or (H, W, channels), run at once."""
        if options.tile:
            return [self._find_tiled(image, options, len(images)) for image in images]
        with self.head_outputs(images, options.fit, lazy=self.runs_lazily(options)) as outputs:
            return self.decode(outputs, images, options)

    def _find_tiled(self, image: npt.NDArray[np.uint8], options: DetectOptions, batch: int) -> list[Detection]:
        """The detections of an image as a whole and in tiles, of which `batch` are run at once."""
        whole = replace(options, tile=0, min_size=0.0)
        parts = self.find([image], whole)
        places = tiles(image.shape[1], image.shape[0], options.tile, options.tile_overlap)
        for i in range(0, len(places), batch):
            cut = places[i : i + batch]
            pixels = [np.ascontiguousarray(image[each.top : each.bottom, each.left : each.right]) for each in cut]
            for place, found in zip(cut, self.find(pixels, whole), strict=True):
                parts.append([moved(each, place.left, place.top) for each in found])
        kept = merged(parts) if places else parts[0]
        return [each for each in kept if min(each.box.w, each.box.h) >= options.min_size]

    def runs_lazily(self, options: DetectOptions) -> bool:
        """Whether `detect` and `find` compute only the classes they look at under these options."""
        return options.lazy and self.is_lazy

    def prepare(self, batch: int, options: DetectOptions) -> None:
        """Pack the weights that `find` needs, and take the memory, so that its first call is as fast as others."""
        with self.plan(batch, lazy=self.runs_lazily(options)):
            pass

    @contextmanager
    def head_outputs(
        self, images: Images, fit: Fit, *, lazy: bool = False, session: Session | None = None
    ) -> Iterator[Mapping[int, Array]]:
        """Run images as in `find`: the outputs (N, C, H, W) of the heads by the layer's index, arrays of the
        backend that are lent to this caller; `lazy`: a `LazyOutput` of the only one."""
        with self.plan(len(images), lazy=lazy, session=session) as plan:
            self.fit_images(plan.input, images, fit)
            plan.run()
            yield plan.outputs

    def decode(self, outputs: Mapping[int, Array], images: Images, options: DetectOptions) -> list[list[Detection]]:
        """The detections of images by what the heads give for them, as `head_outputs` has it."""
        options = self.settle(options)
        return self._detections(self._candidates(outputs, options), images, options, self.class_tree())

    def classify(
        self, image: Image, top: int | None = 5, *, color: Color = "bgr", fit: Fit = "letterbox",
        depth: int | None = None,
    ) -> list[Classification]:  # fmt: skip
        """The `top` classes of an image (None: all), the most probable first, as Darknet's `classifier predict`.

        With a tree only leaves count, with the product of the probabilities down to them; with `depth` the nodes at
        that level (1: the roots), and leaves above. ImageError; CfgError for a detector, and for a
        `depth` of classes without a tree; ValueError for a `top` or `depth` below 1.
        """
        check_count("top", 1 if top is None else top)
        check_count("depth", 1 if depth is None else depth)
        check_choice("fit", fit, get_args(Fit))
        self.check_classifier()
        tree = self.class_tree() if depth is None else self.need_levels(f"depth={depth}")
        output = self.predict(image, fit, color=color).reshape(-1)
        probabilities = output if tree is None else tree.absolute(output, only_leaves=depth is None)
        ends = np.arange(len(output)) if tree is None or depth is None else tree.ends(depth)
        order = ends[np.argsort(-probabilities[ends], kind="stable")][:top]
        return [self._classification(int(i), float(probabilities[i]), tree) for i in order]

    def check_classifier(self) -> None:
        """CfgError if the network is a detector, whose outputs are no probabilities of classes."""
        if heads := self.heads():
            raise CfgError(self.cfg.file, heads[-1].section.line, "is a detection layer; use detect()")

    def predict(self, image: Image, fit: Fit = "letterbox", *, color: Color = "bgr") -> Floats:
        """The network's output (C, H, W) for one image, which may be whatever `detect` takes. ImageError."""
        check_choice("fit", fit, get_args(Fit))
        opened = self._open(image, color)
        with self.plan(1) as plan:
            self.fit_images(plan.input, [opened], fit)
            plan.run()
            output: Floats = self.backend.to_host(plan.outputs[self.output_index])[0].copy()
        return output.reshape(self.outputs)

    def propose(
        self, images: Images, thresh: float = 0.001, nms: float = 0.4, fit: Fit = "stretch"
    ) -> list[list[Detection]]:
        """Every box of some BGR images whose objectness is above `thresh`, whatever its class.

        Suppression is across all boxes; they are of class 0, and objectness is their confidence. The defaults are
        those of Darknet's `detector recall`. CfgError if the network has no detection head.
        """
        options = self.settle(DetectOptions(thresh, nms=nms, nms_kind="obj", fit=fit))
        with self.head_outputs(images, fit) as outputs:
            found = [[each.classless(thresh) for each in head] for head in self._candidates(outputs, options)]
        return self._detections(found, images, options, None)

    def _candidates(self, outputs: Mapping[int, Array], options: DetectOptions) -> list[list[Candidates]]:
        """Those of each head, of each image."""
        return [head.candidates(self.backend, outputs[head.index], self.inputs, options) for head in self.heads()]

    def _detections(
        self, heads: list[list[Candidates]], images: Images, options: DetectOptions, tree: Tree | None
    ) -> list[list[Detection]]:
        sizes = [(image.shape[1], image.shape[0]) for image in images]
        return detections(heads, options, sizes, (self.width, self.height), self.names, tree, self.backend)

    def fit_images(self, x: Any, images: Iterable[npt.NDArray[np.uint8]], fit: Fit) -> None:
        """Bring BGR images (H, W, 3), or (H, W, channels), into x (N, channels, h, w), an array of the backend.

        A network of one channel gets them in grey. ImageError if they have other channels.
        """
        for i, image in enumerate(images):
            pixels = self.backend.to_device(_as_input(image, self.inputs.c))
            self.backend.ops.letterbox(pixels, x[i : i + 1], self.inputs.c == 3, fit)

    def _open(self, image: Image, color: Color) -> npt.NDArray[np.uint8]:
        return open_image(image, color, self.inputs.c)

    def _open_or_error(self, image: Image, color: Color) -> npt.NDArray[np.uint8] | ImageError:
        try:
            return self._open(image, color)
        except ImageError as error:
            return error

    def _classification(self, class_id: int, probability: float, tree: Tree | None) -> Classification:
        path = tuple(class_name(self.names, node) for node in tree.path(class_id)) if tree is not None else ()
        return Classification(class_id, class_name(self.names, class_id), probability, path)

    def choose_names(self, file: str | None = None, data: DataFile | None = None) -> tuple[list[str], str]:
        """The names of the classes, and where they are from: the `file`, the names= (else labels=) of `data`, the
        file beside tree or cfg, the usual ones for this number of classes, the tree's own; else none, from ''.
        DataError if a file has too few."""
        if file is not None:
            return names_in(file, self.classes)
        of_data = None if data is None else names_of_data(data, self.classes)
        return of_data or usual_names(self.classes, bool(self.heads()), self.class_tree(), self.cfg.file)

    def _read_names(self, names: Names | None) -> list[str]:
        if names is None:
            return self.choose_names()[0]
        found, origin = given_names(names, self.classes)
        self.warnings += spare_names(found, self.classes, origin)
        return found


def _raised(_: object, error: ImageError) -> None:
    raise error


def _bytes_of(given: Any) -> int:
    """What an image will take in memory; 0 if it is there already."""
    path = path_of(given)
    return 0 if path is None else image_bytes(path)


def _as_input(image: npt.NDArray[np.uint8], channels: int) -> npt.NDArray[np.uint8]:
    """The image in a network's channels: grey, BGR (kernels turn it), RGBA, or as they are. ImageError."""
    found = image.shape[2]
    if channels == 1 and found == 3:
        return grey(image)
    if found != channels:
        raise ImageError(f"the network takes {channels} channels, the image has {found}")
    if channels != 4:
        return np.ascontiguousarray(image)
    import cv2

    result: Any = cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA)
    return np.ascontiguousarray(result)
