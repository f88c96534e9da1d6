"""A classifier's: its last convolution gets as many filters as there are classes."""

from __future__ import annotations

from ...datasets.dataset import DataSet
from ...errors import CfgError
from ...formats.cfg import Cfg, Section
from ...formats.cfg_edit import edited
from ...formats.text import counted
from .parts import Template, shown, size_keys, text_of, validates, with_subdivisions, with_title

BATCH = 128  # images an update, as the paper has it
EPOCHS, AT_LEAST = 160, 2000  # the paper's times through all images; iterations that few images need
COUNTS = {"convolutional": "filters", "conv": "filters", "connected": "output", "conn": "output"}
AFTER = ("avgpool", "avg", "dropout", "softmax", "soft", "cost")  # keep the number of channels


def classifier_cfg(cfg: Cfg, dataset: DataSet, size: int | None, max_batches: int | None) -> Template:
    """The cfg for the data. DataError, CfgError."""
    classes, images = dataset.classes or 0, len(dataset.list_("train").images)
    last, key = _classes_section(cfg)
    iterations = max_batches or _iterations_of(images)
    net = _net(cfg, iterations)
    if size is not None:
        net |= {**size_keys(size), **_crops(cfg, size)}
    made = edited(text_of(cfg), cfg, {cfg.net.line: net, last.line: {key: str(classes)}})
    content, how = with_subdivisions(made)
    return Template(with_title(content, cfg, f"classes of {dataset.file}"), validates(dataset), True, [
        f"{counted(classes, 'class')}: {shown(dataset)}", f"{_how_long(iterations, images)}, {how}",
    ])  # fmt: skip


def _classes_section(cfg: Cfg) -> tuple[Section, str]:
    """The last layer with weights, and its key that says how many classes there are. CfgError if another is last."""
    for section in reversed(cfg.sections):
        if section.type in COUNTS:
            return section, COUNTS[section.type]
        if section.type not in AFTER:
            raise section.error(f"expected a [convolutional] or [connected] to come last, found [{section.type}]")
        if section.has("tree"):
            raise section.error(
                "is of the template's classes; take a template without it, or write the cfg by hand", "tree"
            )
    raise CfgError(cfg.file, None, "has no [convolutional] whose filters are the classes")


def _iterations_of(images: int) -> int:
    """The paper's epochs, but some iterations at least."""
    return max(EPOCHS * images // BATCH, AT_LEAST)


def _net(cfg: Cfg, iterations: int) -> dict[str, str]:
    """The changes of [net]: the template's own rates, for so many iterations."""
    net = {"batch": str(BATCH), "subdivisions": "1", "max_batches": str(iterations)}
    old = cfg.net.int_("max_batches", 0, low=0)
    if cfg.net.has("burn_in"):
        net["burn_in"] = str(min(cfg.net.int_("burn_in", 0, low=0), max(1, iterations // 10)))
    if old and cfg.net.has("steps"):
        steps = [int(step) for step in cfg.net.floats("steps")]
        net["steps"] = ",".join(str(step if step < 0 else step * iterations // old) for step in steps)
    return net


def _crops(cfg: Cfg, size: int) -> dict[str, str]:
    """The sizes an image is scaled to before a window is cut out, as they were to the input."""
    width = cfg.net.int_("width", size, low=1)
    keys = [key for key in ("min_crop", "max_crop") if cfg.net.has(key)]
    return {key: str(max(1, round(cfg.net.int_(key, width, low=1) * size / width))) for key in keys}


def _how_long(iterations: int, images: int) -> str:
    """How long that is."""
    epochs = iterations * BATCH / images
    return f"{iterations} iterations of {BATCH} images, {epochs:.0f} times {counted(images, 'image')}"
