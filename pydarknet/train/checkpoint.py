"""Which files a run writes, under Darknet's names, and when."""

from __future__ import annotations

import os
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from ..dialects.base import WeightFiles
from ..formats.cfg import Cfg
from ..formats.data import DataFile
from .folder import check_folder, find_folder
from .names import AVERAGE, BEST, FINAL, STATE

EVERY = 100  # iterations between two backups


def base_name(cfg: str) -> str:
    """Darknet's name of a run: that of the cfg up to the first dot."""
    return os.path.basename(cfg).partition(".")[0] or "net"


def passed(iteration: int, updates: int, every: int) -> bool:
    """Whether the last `updates` up to this iteration have one that is due `every` so many."""
    return iteration // every > (iteration - updates) // every


@dataclass(frozen=True)
class Files:
    """Which files a run writes, and when. `numbered`: iterations between numbered weights (None: by `names`)."""

    folder: Path
    base: str
    names: WeightFiles
    numbered: int | None = None
    every: int = EVERY

    @property
    def state(self) -> Path:
        return self.folder / f"{self.base}{STATE}"

    @property
    def backup(self) -> Path:
        """The newest weights."""
        return self.folder / f"{self.base}{self.names.backup}"

    @property
    def best(self) -> Path:
        return self.folder / f"{self.base}{BEST}"

    @property
    def final(self) -> Path:
        return self.folder / f"{self.base}{FINAL}"

    @property
    def average(self) -> Path:
        """Those averaged by ema_alpha."""
        return self.folder / f"{self.base}{AVERAGE}"

    @property
    def charts(self) -> list[Path]:
        """Where the run's chart is drawn, as an image and as SVG."""
        return [self.folder / f"chart_{self.base}.{ending}" for ending in ("png", "svg")]

    def wants_backup(self, iteration: int, updates: int = 1) -> bool:
        """Whether a backup is due after this iteration, which made so many updates."""
        return passed(iteration, updates, self.every)

    def numbered_after(self, iteration: int, updates: int = 1) -> Path | None:
        """The numbered weights that are due after this iteration."""
        steps = [self.numbered or self.names.every]
        if self.numbered is None and self.names.early and iteration < 1000:
            steps.append(self.names.early)
        due = any(passed(iteration, updates, step) for step in steps)
        return self.folder / f"{self.base}_{iteration}.weights" if due else None


def open_files(
    cfg: Cfg, data: DataFile, backup: str | PathLike[str] | None, names: WeightFiles, every: int | None
) -> Files:
    """The files of a run: in `backup`, else the one in the .data file, `every` so many iterations, else `savelast` of
    that file. DataError if it can't be used."""
    folder = find_folder(data, backup)
    check_folder(folder, data.file)
    numbered = data.int_("saveweights", 0, 0) or None
    every = every or data.int_("savelast", 0, 0) or EVERY
    return Files(folder, base_name(cfg.file), names, numbered, every)
