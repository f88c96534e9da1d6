"""What stands behind a run's name in the names of its files, in every dialect."""

from __future__ import annotations

import re
from os import PathLike, fspath

from ..dialects import DIALECTS

STATE, BEST, FINAL, AVERAGE = ".state.npz", "_best.weights", "_final.weights", "_ema.weights"
_NUMBERED = r"_\d+\.weights"


def weights_ending() -> str:
    """A regular expression of the endings of all weights that a run may write."""
    fixed = {BEST, FINAL, AVERAGE, *(dialect.files.backup for dialect in DIALECTS.values())}
    return "|".join([_NUMBERED, *map(re.escape, sorted(fixed))])


def state_of(weights: str) -> str:
    """The name of the state beside weights of that name; "" if they have no ending of weights."""
    name = re.fullmatch(rf"(.*?)(?:{weights_ending()}|\.weights)", weights)
    return name[1] + STATE if name else ""


def backbone_layers(weights: str | PathLike[str] | None) -> int | None:
    """How many layers Darknet's name of a backbone, NAME.conv.N, says it has."""
    match = re.search(r"\.conv\.(\d+)$", fspath(weights or ""))
    return int(match.group(1)) if match else None
