"""Networks for other programs: ONNX models, NumPy archives and PyTorch state dicts. See docs/export.md."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from ..errors import ExportError
from ..system.arguments import check_count, check_path

if TYPE_CHECKING:  # each format loads only what it needs
    from ..network import Network

FORMATS = ("onnx", "npz", "torch")
SUFFIXES = {".onnx": "onnx", ".npz": "npz", ".pt": "torch", ".pth": "torch"}


def export(
    network: Network,
    path: str | PathLike[str],
    format: str | None = None,
    *,
    keep_bn: bool | None = None,
    batch: int | Literal["dynamic"] | None = 1,
    opset: int | None = None,
    boxes: bool = True,
) -> None:
    """Write a network to `path`, whose suffix names the format if `format` doesn't.

    `keep_bn`: batch normalisation as parameters of its own; by default a model (onnx) has it folded into the
    weights, an archive of parameters (npz, torch) keeps it. The other options are those of `onnx.save`.
    ExportError if the format can't express the network or the file can't be written.
    """
    check_path("path", path)
    check_count("batch", 1 if batch in (None, "dynamic") else batch, least=0)
    check_count("opset", opset or 0, least=0)
    wanted = format or format_of(path)
    network.need_floats("to be exported")
    if wanted == "onnx":
        from .onnx import OPSET, save

        save(
            network,
            path,
            batch=None if batch == "dynamic" else batch,
            opset=opset or OPSET,
            boxes=boxes,
            keep_bn=bool(keep_bn),
        )
    elif wanted == "npz":
        from .npz import save as save_npz

        save_npz(network, path, keep_bn=keep_bn is not False)
    elif wanted == "torch":
        from .torch import save as save_torch

        save_torch(network, path, keep_bn=keep_bn is not False)
    else:
        raise ExportError(f"unknown format {wanted!r}; expected one of {', '.join(FORMATS)}")


def format_of(path: str | PathLike[str]) -> str:
    """The format that a file's suffix names. ExportError if it names none."""
    suffix = PurePath(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ExportError(
            f"{fspath(path)}: expected a name that ends in {', '.join(SUFFIXES)}, or the option --format "
            f"({', '.join(FORMATS)})"
        )
    return SUFFIXES[suffix]
