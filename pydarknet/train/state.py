"""The state from which a run goes on as if it had never stopped: everything, the parameters too, in one file that
is renamed into its place, so that it can't disagree with another one, whenever the process is killed.

What is read is checked to its last number before anything is used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..dialects import DIALECTS
from ..errors import TrainingError, locate
from ..formats.atomic import replacing
from ..formats.numbers import read_float, read_int
from ..formats.text import short
from ..formats.weights import LEAST_VARIANCE
from .members import DAMAGE, Array, Member, damaged, read_member, read_members
from .metrics import KEPT
from .names import state_of
from .samples import ORDERS
from .step import Stepper

FORMAT = 1
MAY_CHANGE = ("max_batches", "subdivisions")  # to go on for longer; the latter is compared by itself
_META = Member("|u1", most=1 << 26)
_HISTORY = Member("<f8", most=2 * KEPT, columns=4)
_COUNT = 1 << 62


@dataclass(frozen=True)
class State:
    """What a file holds: what is said about the run, its parameters, the points of its chart."""

    meta: dict[str, Any]
    arrays: dict[str, Array]
    history: Array


def save_state(path: Path, stepper: Stepper, more: Mapping[str, Any], history: Array) -> None:
    """Write the whole state; it appears whole or not. OSError as from `open` and `write`."""
    meta = {
        "format": FORMAT,
        **_run(stepper),
        "cfg": _cfg(stepper),
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


def read_state(path: Path, stepper: Stepper) -> State:
    """The state of a run of this network; nothing changes. TrainingError if the file can't be used, or is of another
    run."""
    if not path.is_file():
        raise TrainingError(f"{path} doesn't exist: there is no run to resume; leave out --resume to start one")
    meta = _read_meta(path)
    for key, mine in _run(stepper).items():
        if meta.setdefault(key, "sgd" if key == "optimiser" else None) != mine:
            other = "another network" if key == "layers" else f"a run with {key}={str(meta[key])[:40]}, not {mine}"
            option = f", or --{key} {str(meta[key])[:40]}" if key == "subdivisions" else ""
            raise TrainingError(f"{path}: is of {other}; resume with the same cfg{option}, or start without --resume")
    members = {name: Member("<f4", rows=array.size) for name, array in _arrays(stepper).items()}
    arrays = read_members(path, {"meta": _META, "history": _HISTORY, **members})
    history = arrays.pop("history")
    del arrays["meta"]
    if wrong := next(_wrong_numbers(meta, history, arrays, stepper), ""):
        raise damaged(path, wrong)
    return State(meta, arrays, history)


def changed_keys(state: State, stepper: Stepper, path: Path) -> list[str]:
    """A warning of the keys whose values in the cfg are others than in the run of a state; `max_batches` may be."""
    before, now = state.meta.get("cfg"), _cfg(stepper)
    if before is None:
        return []
    sections = (stepper.engine.cfg.net, *stepper.engine.cfg.sections)
    if [kind for kind, _ in before] != [kind for kind, _ in now]:
        return [f"{stepper.engine.cfg.file}: has other layers than the run of {path}; training goes on with these"]
    changed = [
        f"{locate(section.file, section.lines.get(key, section.line))}: [{section.type}] {key}="
        f"{short(new.get(key, '(none)'))}, which was {short(old.get(key, '(none)'))}"
        for section, (_, old), (_, new) in zip(sections, before, now, strict=True)
        for key in dict.fromkeys((*new, *old))
        if _meaning(new.get(key)) != _meaning(old.get(key)) and key not in MAY_CHANGE
    ]
    return [f"{each} in the run of {path}; training goes on with the new value" for each in changed]


def _meaning(text: str | None) -> object:
    """What a value says, whether its key reads integers or floats: 0.10 and .1 are one, 1e1 and 10 may not be."""
    return text and [
        (part if doubt else number, read_int(part)[0])
        for part in map(str.strip, text.split(","))
        for number, doubt in [read_float(part)]
    ]


def apply_state(state: State, stepper: Stepper) -> None:
    """Put a state that was read into a stepper."""
    for name, array in _arrays(stepper).items():
        stepper.engine.backend.write(array, state.arrays[name])
    stepper.optimiser.updates = state.meta["optimiser_updates"]
    stepper.state.seen = stepper.engine.seen = state.meta["seen"]
    stepper.state.random.bit_generator.state = state.meta["random"]
    stepper.publish()


def peek_seen(path: Path) -> int:
    """Images that the run of a state has seen. TrainingError."""
    seen: int = _read_meta(path)["seen"]
    return seen


def peek_subdivisions(path: Path) -> int:
    """Those of the run of a state; 1 if there is no such file, or it says none. TrainingError."""
    subdivisions = _read_meta(path).get("subdivisions") if path.is_file() else None
    return int(subdivisions) if subdivisions is not None and _is_int(subdivisions, 1, _COUNT) else 1


def dialect_of(weights: str | PathLike[str]) -> str | None:
    """The dialect that weights were trained with, by the state beside them; None without one."""
    folder, name = os.path.split(os.fspath(weights))
    state = state_of(name)
    with suppress(TrainingError):
        dialect = _read_meta(Path(folder, state)).get("dialect") if state else None
        return dialect if isinstance(dialect, str) and dialect in DIALECTS else None
    return None


def _read_meta(path: Path) -> dict[str, Any]:
    """What is said about a run, each entry as it must be."""
    raw = read_member(path, "meta", _META)
    try:
        meta: dict[str, Any] = json.loads(raw.tobytes())
        if meta["format"] != FORMAT:
            raise TrainingError(f"{path}: format {str(meta['format'])[:40]}, this pydarknet reads {FORMAT}")
        meta.setdefault("optimiser_updates", 0)
        meta.setdefault("scores", [])
        wrong = next(_wrong_entries(meta), "")
    except DAMAGE as error:
        raise damaged(path, error or type(error).__name__) from error
    if wrong:
        raise damaged(path, f"{wrong} is not what it can be")
    return meta


def _wrong_entries(meta: dict[str, Any]) -> Iterator[str]:
    """The entries that no run writes. LookupError, TypeError, ValueError for what isn't even of the right kind."""
    samples = meta["samples"]
    counts = {key: meta[key] for key in ("seen", "first", "optimiser_updates")}
    counts |= {"samples, taken": samples["taken"], "samples, count": samples["count"]}
    yield from (key for key, value in counts.items() if not _is_int(value, 0, _COUNT))
    yield from (key for key in ("seed",) if not (_is_int(meta[key], 0, 1 << 128) and meta[key] == samples["seed"]))
    if samples["order"] not in ORDERS or samples["taken"] > meta["seen"]:
        yield "samples"
    mix = samples.get("mix")
    if mix is not None and not (len(mix) == 3 and all(_is_int(number, 1, _COUNT) for number in mix)):
        yield "samples, mix"
    if not _is_int(meta["stride"], 1, _COUNT) or meta["stride"] & (meta["stride"] - 1):
        yield "stride"
    if not (meta["average"] is None or _is_number(meta["average"])):
        yield "average"
    if not all(_is_int(at, 0, _COUNT) and _is_number(score) and 0 <= score <= 1 for at, score in meta["scores"]):
        yield "scores"
    if not (meta.get("cfg") is None or _is_cfg(meta["cfg"])):
        yield "cfg"
    np.random.PCG64(0).state = meta["random"]
    if not all(_is_int(meta["random"]["state"][key], 0, 1 << 128) for key in ("state", "inc")):
        yield "random"


def _is_cfg(value: object) -> bool:
    """Whether an entry is what `_cfg` makes."""
    return isinstance(value, list) and all(
        isinstance(section, list) and len(section) == 2 and isinstance(section[0], str)
        and isinstance(section[1], dict) and all(isinstance(text, str) for text in section[1].values())
        for section in value
    )  # fmt: skip


def _wrong_numbers(
    meta: dict[str, Any], history: Array, arrays: Mapping[str, Array], stepper: Stepper
) -> Iterator[str]:
    """What is wrong with the arrays, and with the entries beside them."""
    iteration = meta["seen"] // stepper.batch
    if meta["first"] > iteration:
        yield f"first={meta['first']} after iteration {iteration}"
    for name, array in (*arrays.items(), ("history", history)):
        if not np.isfinite(array).all():
            yield f"{name} holds numbers that are not finite"
    at = history[:, 0]
    if (at < 0).any() or (at > iteration).any() or (np.diff(at) <= 0).any():
        yield "history is in disorder"
    if (arrays["statistics"][stepper.parameters.variances] < LEAST_VARIANCE).any():
        yield "statistics holds negative variances"
    if "v" in arrays and (arrays["v"] < 0).any():
        yield "v holds negative squares"


def _is_int(value: object, low: int, end: int) -> bool:
    return type(value) is int and low <= value < end


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and bool(np.isfinite(np.float64(value)))  # type: ignore[arg-type]


def _run(stepper: Stepper) -> dict[str, Any]:
    """What two parts of one run have in common."""
    return {
        "dialect": stepper.dialect.name,
        "batch": stepper.batch,
        "subdivisions": stepper.subdivisions,
        "optimiser": stepper.optimiser.name,
        "layers": _layout(stepper),
    }


def _cfg(stepper: Stepper) -> list[list[Any]]:
    """The type of each section, and its options."""
    cfg = stepper.engine.cfg
    return [[section.type, dict(section.options)] for section in (cfg.net, *cfg.sections)]


def _layout(stepper: Stepper) -> list[list[Any]]:
    return [
        [layer.type, [[record.name, *record.shape] for record in layer.records]]
        for layer in stepper.engine.layers
        if layer.records
    ]


def _arrays(stepper: Stepper) -> dict[str, Any]:
    """What an update changes, by its name in the file: arrays of the backend."""
    p = stepper.parameters
    average = {} if stepper.average is None else {"average": stepper.average.values}
    return {
        "values": p.values, "updates": p.updates, "statistics": p.statistics, **stepper.optimiser.moments(), **average
    }  # fmt: skip
