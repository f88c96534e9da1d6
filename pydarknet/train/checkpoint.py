"""Which files a run writes, under Darknet's names, and when."""

from __future__ import annotations

import os
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from ..formats.cfg import Cfg
from ..formats.data import DataFile
from .folder import check_folder, find_folder

EVERY = 100  # iterations between two backups


def base_name(cfg: str) -> str:
    """Darknet's name of a run: that of the cfg up to the first dot."""
    return os.path.basename(cfg).partition(".")[0] or "net"


@dataclass(frozen=True)
class Files:
    """Which files a run writes, and when. `numbered`: iterations between numbered weights (None: Darknet's rule)."""

    folder: Path
    base: str
    alexeyab: bool = False
    numbered: int | None = None
    every: int = EVERY

    @property
    def state(self) -> Path:
        return self.folder / f"{self.base}.state.npz"

    @property
    def backup(self) -> Path:
        """The newest weights: BASE.backup, AlexeyAB's BASE_last.weights."""
        return self.folder / (f"{self.base}_last.weights" if self.alexeyab else f"{self.base}.backup")

    @property
    def best(self) -> Path:
        return self.folder / f"{self.base}_best.weights"

    @property
    def final(self) -> Path:
        return self.folder / f"{self.base}_final.weights"

    def wants_backup(self, iteration: int) -> bool:
        """Whether a backup is due after this iteration."""
        return iteration % self.every == 0

    def numbered_after(self, iteration: int) -> Path | None:
        """The numbered weights that are due after this iteration."""
        if self.numbered is not None or self.alexeyab:
            due = iteration % (self.numbered or 1000) == 0
        else:
            due = iteration % 10000 == 0 or (iteration < 1000 and iteration % 100 == 0)
        return self.folder / f"{self.base}_{iteration}.weights" if due else None


def open_files(cfg: Cfg, data: DataFile, backup: str | PathLike[str] | None, dialect: str, every: int) -> Files:
    """The files of a run: in `backup`, else the one in the .data file. DataError if it can't be used."""
    folder = find_folder(data, backup)
    check_folder(folder, data.file)
    numbered = data.int_("saveweights", 0, 0) or None
    return Files(folder, base_name(cfg.file), dialect == "alexeyab", numbered, every)
