"""How a training begins: with which cfg and weights, and what becomes of an earlier run's files."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Literal

from ..catalog import find_weights
from ..errors import TrainingError
from ..formats.cfg import Cfg, parse_cfg
from ..formats.resources import find_cfg
from ..graph.engine import Engine
from ..system.arguments import check_count
from .checkpoint import Files
from .folder import Claim, check_unused, set_aside
from .names import backbone_layers

Net = str | PathLike[str] | Cfg | Engine
Subdivisions = int | Literal["auto"] | None


@dataclass(frozen=True)
class Start:
    """`weights` to `keep` as for a `Trainer`."""

    weights: str | PathLike[str] | None
    cutoff: int | None
    clear: bool
    resume: bool
    overwrite: bool
    keep: bool

    @property
    def own(self) -> str | PathLike[str] | None:
        """Weights that may be an earlier run's newest: it then goes on."""
        return None if self.clear else self.weights

    def check(self, files: Files) -> None:
        """TrainingError for options that exclude each other, or if files of an earlier run are in the way."""
        if self.resume and self.overwrite:
            raise TrainingError("resume goes on with a run, overwrite starts anew over it: choose one")
        if not (self.resume or self.overwrite or self.keep):
            check_unused(files, self.own)

    def load(self, engine: Engine) -> None:
        """Give a network the weights to start from. WeightsError, also for a network in 8 bits."""
        if self.weights is not None and not self.resume:
            path = find_weights(self.weights)
            engine.load_weights(path, backbone_layers(path) if self.cutoff is None else self.cutoff)
        engine.need_floats("to be trained")
        if self.clear:
            engine.seen = 0

    def clear_away(self, files: Files, claim: Claim) -> str:
        """Move an earlier run's files aside, if they are to be kept; what is said about it. TrainingError, and the
        claim is given up, if they can't be moved."""
        if not self.keep or self.resume or self.overwrite:
            return ""
        try:
            return set_aside(files, self.own)
        except TrainingError:
            claim.close()
            raise


def cfg_of(net: Net, max_batches: int | None, subdivisions: Subdivisions) -> Cfg:
    """The cfg to train, with these instead of its own; "auto" is 1 until the memory is known. CfgError."""
    cfg = net.cfg if isinstance(net, Engine) else net if isinstance(net, Cfg) else parse_cfg(find_cfg(net))
    if max_batches is not None:
        cfg.net.set("max_batches", max_batches)
    if subdivisions is not None:
        count = 1 if subdivisions == "auto" else subdivisions
        check_count("subdivisions", count)
        cfg.net.set("subdivisions", count)
    return cfg
