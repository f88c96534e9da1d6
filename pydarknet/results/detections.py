"""The detections of an image: a list, and what people do with one."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from ..detection.results import Detection, at_depth
from ..errors import DeviceError, ExportError, ImageError
from ..formats.data import class_name
from ..formats.named_classes import subtrees
from ..images.channels import as_image
from ..images.draw import draw
from ..images.image import encode_image, load_image, save_image
from ..system.display import display_problem, has_display
from ..writers.json_files import as_record
from .boxes import Boxes

if TYPE_CHECKING:
    from ..formats.tree import Tree
    from ..images.image import Image

_UNSAFE = re.compile(r"[^\w.-]+")
_NO_SPEED: Mapping[str, float] = MappingProxyType({})


class Detections(list[Detection]):
    """The detections of one image, the most confident first: a list of `Detection`, with arrays and drawings.

    `path`: the image's file, None for one from memory; `orig_shape`: its (height, width) in pixels; `speed`:
    milliseconds an image took, `preprocess`, `inference`, `postprocess`; `tree`: the network's, or None. What
    Ultralytics' results have under the same names has the same meaning, so that code written for those runs.
    """

    masks = obb = probs = keypoints = None

    def __init__(
        self,
        detections: Iterable[Detection] = (),
        *,
        shape: tuple[int, int],
        image: Image | None = None,
        path: str | None = None,
        class_names: Sequence[str] = (),
        classes: int = 0,
        tree: Tree | None = None,
        speed: Mapping[str, float] = _NO_SPEED,
    ) -> None:
        super().__init__(detections)
        self.orig_shape = shape
        self.path = path
        self.tree = tree
        self.speed = dict(speed)
        self._image = image
        self._class_names = class_names
        self._classes = max(classes, len(class_names))

    def __repr__(self) -> str:
        found = ", ".join(f"{each.name} {each.confidence:.0%}" for each in self[:8])
        more = f", {len(self) - 8} more" if len(self) > 8 else ""
        return f"<Detections of {self.path or 'an image'}: {found or 'none'}{more}>"

    @overload
    def __getitem__(self, at: SupportsIndex) -> Detection: ...
    @overload
    def __getitem__(self, at: slice) -> Detections: ...
    def __getitem__(self, at: SupportsIndex | slice) -> Detection | Detections:
        """A part of the detections of an image is detections of an image, too."""
        if isinstance(at, slice):
            return self._like(super().__getitem__(at))
        return super().__getitem__(at)

    @property
    def boxes(self) -> Boxes:
        """The boxes as arrays, in the list's order."""
        return Boxes(self, self.orig_shape)

    @property
    def names(self) -> dict[int, str]:
        """The name of every class of the network by its number."""
        return {i: class_name(self._class_names, i) for i in range(self._classes)}

    @property
    def orig_img(self) -> Image:
        """The image, BGR (H, W, 3) of uint8; one that came from a file is read again, so that results stay small.

        ImageError if the file can't be read any more.
        """
        if self._image is not None:
            return as_image(self._image, "bgr", 3)
        if self.path is None:
            raise ImageError("these detections have no image; they were made without one")
        return load_image(self.path)

    def at_depth(self, depth: int) -> Detections:
        """With classes no deeper in the tree than level `depth` (1: the roots); without a tree, the same."""
        return self._like(at_depth(self, depth, self.tree))

    def under(self, name: str) -> Detections:
        """Those of the class `name`, and of the classes below it in the tree. DataError for an unknown name."""
        found = self._like(each for each in self if name == each.name or name in each.path)
        nodes = self._classes if self.tree is None else len(self.tree.name)
        if not found and nodes == len(self._class_names):  # else they are a map's
            subtrees([name], self._class_names, nodes)
        return found

    def plot(self, **options: Any) -> Image:
        """A drawn copy of the image, BGR; `options` are those of `pydarknet.images.draw.draw`. ImageError."""
        return draw(self.orig_img, self, **{"classes": max(1, self._classes), **options})

    def show(self) -> None:
        """Open a window with the drawn image and wait for a key. DeviceError where no window can be opened."""
        problem = display_problem() if has_display() else "no display is named by DISPLAY or WAYLAND_DISPLAY"
        if problem:
            raise DeviceError(f"{problem}; use save() or plot() instead")
        import cv2

        cv2.imshow("pydarknet", self.plot())
        cv2.waitKey(0)
        cv2.destroyWindow("pydarknet")

    def save(self, path: str | PathLike[str], **options: Any) -> str:
        """Write the drawn image to a file, whose ending says the format, and return the path. ImageError."""
        if self.path is not None and _is_same_file(path, self.path):
            raise ImageError(f"{fspath(path)}: is the image itself; choose another name for the drawn one")
        save_image(fspath(path), self.plot(**options))
        return fspath(path)

    def save_crops(self, folder: str | PathLike[str]) -> list[str]:
        """Write what is in each box to FOLDER/class/image_1.jpg, image_2.jpg, and so on, and return the paths.

        Boxes are cut at the edges of the image; what has no pixel inside is left out. ImageError.
        """
        return save_crops(self, self.orig_img, folder, Path(self.path).stem if self.path else "image")

    def to_dict(self) -> dict[str, Any]:
        """The file name, the size, and the objects as `--save json` has them."""
        height, width = self.orig_shape
        objects = [as_record(each, width, height) for each in self]
        return {"filename": self.path, "width": width, "height": height, "objects": objects}

    def to_json(self, indent: int | None = None) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    def to_df(self) -> Any:
        """A pandas DataFrame with a row for each detection: name, class_id, confidence, objectness, corners in
        pixels (x1, y1, x2, y2), and the path in the tree where there is one. ExportError without pandas."""
        try:
            import pandas as pd
        except ImportError as error:
            raise ExportError("a table of pandas needs the package pandas; install it: pip install pandas") from error
        columns = ["name", "class_id", "confidence", "objectness", "x1", "y1", "x2", "y2"]
        rows = [
            (each.name, each.class_id, each.confidence, each.objectness, *_corners(each), " > ".join(each.path))
            for each in self
        ]
        table = pd.DataFrame(rows, columns=[*columns, "path"])
        return table if self.tree is not None else table[columns]

    def dict(self, **_: Any) -> dict[str, Any]:
        """As the package `inference` of Roboflow has its results: what `supervision` reads by `from_inference`."""
        height, width = self.orig_shape
        predictions = [
            {
                "x": each.box.x, "y": each.box.y, "width": each.box.w, "height": each.box.h,
                "confidence": each.confidence, "class": each.name, "class_id": each.class_id,
            }
            for each in self
        ]  # fmt: skip
        return {"image": {"width": width, "height": height}, "predictions": predictions}

    def _repr_png_(self) -> bytes:
        """The drawn image, for notebooks."""
        return encode_image(self.plot(), ".png")

    def _repr_html_(self) -> str:
        """The drawn image above a table, for notebooks."""
        from html import escape

        image = base64.b64encode(encode_image(self.plot(), ".jpg")).decode()
        rows = "".join(
            f"<tr><td>{escape(' > '.join(each.path) or each.name)}</td><td>{each.confidence:.1%}</td>"
            f"<td>{', '.join(f'{value:.0f}' for value in _corners(each))}</td></tr>"
            for each in self
        )
        head = "<tr><th>class</th><th>confidence</th><th>left, top, right, bottom</th></tr>"
        return f'<img src="data:image/jpeg;base64,{image}"><table>{head}{rows}</table>'

    def _like(self, detections: Iterable[Detection]) -> Detections:
        """Other detections of the same image."""
        other = Detections(detections, shape=self.orig_shape)
        other.__dict__.update(self.__dict__)
        return other


def save_crops(detections: Iterable[Detection], image: Image, folder: str | PathLike[str], stem: str) -> list[str]:
    """Write what is in each box of a BGR image to FOLDER/class/STEM_1.jpg and so on; see `Detections.save_crops`."""
    written = []
    for number, each in enumerate(detections, 1):
        crop = _crop(image, each)
        if crop.size:
            target = Path(folder) / safe(each.name) / f"{safe(stem)}_{number}.jpg"
            make_folder(target.parent)
            save_image(str(target), crop)
            written.append(str(target))
    return written


def _corners(detection: Detection) -> tuple[float, float, float, float]:
    box = detection.box
    return box.left, box.top, box.right, box.bottom


def _crop(image: Image, detection: Detection) -> Image:
    height, width = image.shape[:2]
    left, right = (round(min(max(x, 0), width)) for x in (detection.box.left, detection.box.right))
    top, bottom = (round(min(max(y, 0), height)) for y in (detection.box.top, detection.box.bottom))
    return image[top:bottom, left:right]


def safe(name: str) -> str:
    """A class or image as one part of a path."""
    return _UNSAFE.sub("_", name).strip(".") or "_"


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"{folder}: the folder for crops can't be made: {error.strerror}") from error


def _is_same_file(a: str | PathLike[str], b: str) -> bool:
    return os.path.realpath(a) == os.path.realpath(b)
