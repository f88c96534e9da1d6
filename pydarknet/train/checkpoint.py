"""Weights under Darknet's names, and beside them the state from which a run goes on as if it had never stopped.

A state holds everything, the parameters too: one file, renamed into its place, can't disagree with another one,
whenever the process is killed.
"""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..atomic import replacing
from ..cfg import Cfg
from ..datafile import DataFile
from ..errors import DataError, TrainingError
from .step import Stepper

Array = npt.NDArray[Any]

FORMAT = 1
EVERY = 100  # iterations between two backups


def base_name(cfg: str) -> str:
    """Darknet's name of a run: that of the cfg up to the first dot."""
    return os.path.basename(cfg).partition(".")[0] or "net"


def check_folder(folder: Path, place: str) -> None:
    """DataError unless files can be written there."""
    if not folder.is_dir():
        kind = "is a file" if folder.exists() else "doesn't exist"
        raise DataError(f"{place}: the backup folder {folder} {kind}; make it (mkdir -p), or name another one")
    probe = folder / f".pydarknet-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise DataError(f"{place}: can't write into the backup folder {folder}: {error.strerror}") from error


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
    folder = Path(backup if backup is not None else data.get("backup", "backup"))
    if backup is None and not folder.is_absolute() and not folder.is_dir():
        beside = Path(data.file).parent / folder
        folder = beside if beside.is_dir() else folder
    check_folder(folder, data.file)
    numbered = data.int_("saveweights", 0) or None
    return Files(folder, base_name(cfg.file), dialect == "alexeyab", numbered, every)


def save_state(path: Path, stepper: Stepper, more: dict[str, Any], history: Array) -> None:
    """Write the whole state; it appears whole or not. OSError as from `open` and `write`."""
    meta = {
        "format": FORMAT,
        "layers": _layout(stepper),
        "dialect": stepper.dialect.name,
        "batch": stepper.batch,
        "subdivisions": stepper.subdivisions,
        "optimiser": stepper.optimiser.name,
        "optimiser_updates": stepper.optimiser.updates,
        "seen": stepper.state.seen,
        "random": stepper.state.random.bit_generator.state,
        **more,
    }
    backend = stepper.engine.backend
    arrays: dict[str, Any] = {name: backend.to_host(array) for name, array in _arrays(stepper).items()}
    with replacing(path) as file:
        np.savez(
            file,
            meta=np.frombuffer(json.dumps(meta).encode(), np.uint8),
            history=history,
            **arrays,
        )


def load_state(path: Path, stepper: Stepper) -> tuple[dict[str, Any], Array]:
    """Put a state into a stepper; what was saved with it. TrainingError, and nothing has changed, if it can't be."""
    meta, arrays = _read(path)
    for key, mine in (
        ("dialect", stepper.dialect.name),
        ("batch", stepper.batch),
        ("subdivisions", stepper.subdivisions),
        ("optimiser", stepper.optimiser.name),
        ("layers", _layout(stepper)),
    ):
        if meta.setdefault(key, "sgd" if key == "optimiser" else None) != mine:
            other = "another network" if key == "layers" else f"a run with {key}={meta.get(key)}, not {mine}"
            raise TrainingError(f"{path}: is of {other}; resume with the same cfg, or start without --resume")
    ours = _arrays(stepper)
    if any(name not in arrays or arrays[name].size != array.size for name, array in ours.items()):
        raise TrainingError(f"{path}: has another number of parameters than this network")
    for name, array in ours.items():
        stepper.engine.backend.write(array, arrays[name])
    stepper.optimiser.updates = int(meta.get("optimiser_updates", 0))
    stepper.state.seen = stepper.engine.seen = int(meta["seen"])
    stepper.state.random.bit_generator.state = meta["random"]
    stepper.publish()
    return meta, arrays["history"]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    if not path.is_file():
        raise TrainingError(f"{path} doesn't exist: there is no run to resume; leave out --resume to start one")
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {key: file[key] for key in {*file.files, "history"}}
        meta = json.loads(arrays["meta"].tobytes())
        if meta["format"] != FORMAT:
            raise TrainingError(f"{path}: format {meta['format']}, this pydarknet reads {FORMAT}")
    except (OSError, EOFError, ValueError, LookupError, TypeError, zipfile.BadZipFile) as error:
        raise TrainingError(f"{path}: is no state of a training, or is damaged: {error}") from error
    return meta, arrays


def _layout(stepper: Stepper) -> list[list[Any]]:
    return [
        [layer.type, [[record.name, *record.shape] for record in layer.records]]
        for layer in stepper.engine.layers
        if layer.records
    ]


def _arrays(stepper: Stepper) -> dict[str, Any]:
    """What an update changes, by its name in the file: arrays of the backend."""
    p = stepper.parameters
    return {"values": p.values, "updates": p.updates, "statistics": p.statistics, **stepper.optimiser.moments()}
