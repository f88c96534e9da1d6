"""A state that is damaged, foreign or hostile is a TrainingError, and nothing has changed; a good one comes back."""

from __future__ import annotations

import io
import json
import os
import random
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pydarknet.errors import DarknetError, TrainingError
from pydarknet.train.folder import check_unused
from pydarknet.train.state import State, apply_state, read_state
from pydarknet.train.trainer import Trainer
from tests.lib.toy_training import make

MUTATED = int(os.environ.get("PYDARKNET_STATES", "400"))
SEED = int(os.environ.get("PYDARKNET_STATE_SEED", "1"))

Arrays = dict[str, npt.NDArray[Any]]


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    """One that has saved a state of five iterations, with Adam, which has moments."""
    data, cfg = make(tmp_path)
    cfg.write_text(cfg.read_text().replace("[net]\n", "[net]\nadam=1\n"))
    with Trainer(cfg, data, max_batches=5) as trainer:
        trainer.run()
    return trainer


def unpacked(path: Path) -> tuple[Arrays, dict[str, Any]]:
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    return arrays, json.loads(arrays.pop("meta").tobytes())


def packed(
    arrays: Arrays, meta: Any, more: dict[str, bytes] | None = None, packing: int = zipfile.ZIP_STORED
) -> bytes:
    text = meta if isinstance(meta, bytes) else json.dumps(meta).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as file:
        for name, array in {"meta": np.frombuffer(text, np.uint8), **arrays}.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asanyarray(array))
            file.writestr(f"{name}.npy", content.getvalue())
        for name, data in (more or {}).items():
            file.writestr(name, data)
    return out.getvalue()


def header(text: bytes) -> bytes:
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text


def set_(*path: str, to: Any) -> Callable[[Arrays, dict[str, Any]], bytes]:
    def change(arrays: Arrays, meta: dict[str, Any]) -> bytes:
        place = meta
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to
        return packed(arrays, meta)

    return change


def array(name: str, to: Callable[[Any], Any]) -> Callable[[Arrays, dict[str, Any]], bytes]:
    return lambda arrays, meta: packed({**arrays, name: to(arrays[name])}, meta)


def without(name: str) -> Callable[[Arrays, dict[str, Any]], bytes]:
    return lambda arrays, meta: packed({key: a for key, a in arrays.items() if key != name}, meta)


def member(name: str, data: bytes) -> Callable[[Arrays, dict[str, Any]], bytes]:
    return lambda arrays, meta: packed({k: a for k, a in arrays.items() if f"{k}.npy" != name}, meta, {name: data})


def patched(offset: int, value: int) -> Callable[[Arrays, dict[str, Any]], bytes]:
    """A byte of the last member's two headers changed: its packing (8, 10), its flags (6, 8)."""

    def change(arrays: Arrays, meta: dict[str, Any]) -> bytes:
        data = bytearray(packed(arrays, meta))
        data[data.rfind(b"PK\3\4") + offset] = data[data.rfind(b"PK\1\2") + offset + 2] = value
        return bytes(data)

    return change


HUGE = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }\n"
HOSTILE: dict[str, Callable[[Arrays, dict[str, Any]], bytes]] = {
    "no JSON": lambda arrays, meta: packed(arrays, b"{"),
    "deep JSON": lambda arrays, meta: packed(arrays, b"[" * 100_000),
    "a list": lambda arrays, meta: packed(arrays, b"[1]"),
    "long digits": lambda arrays, meta: packed(arrays, b'{"seen": ' + b"9" * 10_000 + b"}"),
    "seen missing": lambda arrays, meta: packed(arrays, {k: v for k, v in meta.items() if k != "seen"}),
    "seen below 0": set_("seen", to=-400),
    "seen a flag": set_("seen", to=True),
    "seen a fraction": set_("seen", to=20.5),
    "cfg a number": set_("cfg", to=3),
    "cfg of numbers": set_("cfg", to=[["net", {"batch": 4}]]),
    "random a number": set_("random", to=3),
    "random of another kind": set_("random", "bit_generator", to="MT19937"),
    "random too large": set_("random", "state", "state", to=1 << 200),
    "random below 0": set_("random", "uinteger", to=-1),
    "average a text": set_("average", to="x"),
    "average no number": set_("average", to=float("nan")),
    "stride 0": set_("stride", to=0),
    "stride below 0": set_("stride", to=-1),
    "stride 3": set_("stride", to=3),
    "taken below 0": set_("samples", "taken", to=-5),
    "taken above seen": set_("samples", "taken", to=10**9),
    "order": set_("samples", "order", to="zzz"),
    "order a list": set_("samples", "order", to=[]),
    "other images": set_("samples", "count", to=9),
    "other seed": set_("samples", "seed", to=9),
    "first too late": set_("first", to=10**9),
    "updates below 0": set_("optimiser_updates", to=-7),
    "scores no number": set_("scores", to=[[1, float("nan")]]),
    "scores above 1": set_("scores", to=[[1, 2.0]]),
    "scores short": set_("scores", to=[[1]]),
    "another format": set_("format", to="x" * 1000),
    "another dialect": set_("dialect", to=["x"] * 1000),
    "two dimensions": array("values", lambda a: a.reshape(-1, 1)),
    "too short": array("values", lambda a: a[1:]),
    "NaN": array("values", lambda a: a * np.nan),
    "infinite": array("updates", lambda a: a + np.inf),
    "complex": array("values", lambda a: a.astype("c8") * 1j),
    "double": array("values", lambda a: a.astype("f8")),
    "other bytes first": array("values", lambda a: a.astype(">f4")),
    "texts": array("values", lambda a: a.astype("U4")),
    "objects": array("values", lambda a: np.array([{}] * len(a), object)),
    "negative variances": array("statistics", lambda a: -abs(a) - 5),
    "negative squares": array("v", lambda a: a - 1),
    "history a number": array("history", lambda a: np.array(3.0)),
    "history backwards": array("history", lambda a: a[::-1]),
    "history of the future": array("history", lambda a: a + 1e6),
    "history missing": without("history"),
    "moments missing": without("m"),
    "meta missing": lambda arrays, meta: packed(arrays, meta).replace(b"meta.npy", b"mete.npy"),
    "a terabyte claimed": member("history.npy", header((HUGE % 10**12).encode())),
    "more than there is": member("history.npy", header((HUGE % 10**20).encode())),
    "a header without end": member("history.npy", header(b"{'descr': ('<f4', (  ")),
    "a header that computes": member(
        "history.npy", header(b"{'descr': '<f8', 'fortran_order': False, 'shape': 9**9}\n")
    ),
    "something else": member("more.npy", header((HUGE % 0).encode())),
    "a path": member("../../x.npy", b"x"),
    "twice": lambda arrays, meta: packed(arrays, meta).replace(b"updates.npy", b"values.npy\0"),
    "packed": lambda arrays, meta: packed(arrays, meta, packing=zipfile.ZIP_DEFLATED),
    "packed in an unknown way": patched(8, 97),
    "encrypted": patched(6, 1),
}


def snapshot(trainer: Trainer) -> tuple[bytes, ...]:
    parameters = trainer.stepper.parameters
    arrays = (parameters.values, parameters.updates, parameters.statistics)
    return *(array.tobytes() for array in arrays), str(trainer.stepper.state).encode()


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.slow
def test_hostile_states(trainer: Trainer, case: str) -> None:
    path = trainer.files.state
    path.write_bytes(HOSTILE[case](*unpacked(path)))
    before = snapshot(trainer)
    with pytest.raises(DarknetError) as caught:
        trainer.samples.restore(read_state(path, trainer.stepper).meta["samples"])
    assert case == "other images" or isinstance(caught.value, TrainingError)
    assert len(str(caught.value)) < 400
    assert snapshot(trainer) == before
    assert trainer.files.state.exists()


def test_a_good_state_comes_back(trainer: Trainer) -> None:
    """As it is, and as it was packed by another hand; so does one that underflowed."""
    path = trainer.files.state
    arrays, meta = unpacked(path)
    arrays["statistics"][trainer.stepper.parameters.variances[0]] = -7e-44
    path.write_bytes(packed(arrays, meta))
    expected = snapshot(trainer)
    trainer.stepper.parameters.values[:] = 0
    apply_state(read_state(path, trainer.stepper), trainer.stepper)
    assert snapshot(trainer)[:2] == expected[:2]


@pytest.mark.slow
def test_a_bomb_is_not_unpacked(trainer: Trainer) -> None:
    """A member that would be a hundred megabytes, in a file of a hundred kilobytes, is refused by its header."""
    import tracemalloc

    path = trainer.files.state
    arrays, meta = unpacked(path)
    path.write_bytes(packed({**arrays, "more": np.zeros(100 << 20, np.uint8)}, meta, packing=zipfile.ZIP_DEFLATED))
    tracemalloc.start()
    with pytest.raises(TrainingError):
        read_state(path, trainer.stepper)
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()


VALUES: list[object] = [
    None,
    True,
    -1,
    0,
    1,
    3,
    1 << 70,
    -(1 << 70),
    0.5,
    -0.0,
    1e308,
    "",
    "x",
    [],
    [[]],
    {},
    [1, 2],
    "9" * 50,
]


def mutated(rng: random.Random, arrays: Arrays, meta: dict[str, Any], whole: bytes) -> bytes:
    """A state with damage of any kind: in its bytes, in what it says, in its arrays."""
    kind = rng.randrange(4)
    if kind == 0:
        data = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data[: rng.randint(0, len(data))] if rng.random() < 0.3 else data)
    if kind == 1:  # where zip keeps its names, lengths and offsets
        data = bytearray(whole)
        mark = rng.choice([b"PK\1\2", b"PK\3\4", b"PK\5\6", b"\x93NUMPY"])
        places = [i for i in range(len(data)) if data[i : i + len(mark)] == mark]
        place = min(rng.choice(places) + rng.randrange(60), len(data) - 1)
        data[place] = rng.randrange(256)
        return bytes(data)
    if kind == 2:
        meta = json.loads(json.dumps(meta))
        place = rng.choice([meta, meta, meta["samples"], meta["random"], meta["random"]["state"]])
        place[rng.choice(list(place))] = rng.choice(VALUES)
        return packed(arrays, meta)
    name = rng.choice(list(arrays))
    changed = arrays[name].copy()
    changed.reshape(-1)[rng.randrange(changed.size)] = rng.choice([np.nan, np.inf, -np.inf, -1.0, 1e30, 0.0])
    kind_ = rng.choice(["f2", "i4", "c8", "?"])
    changes: list[Callable[[Any], Any]] = [
        lambda a: a,
        lambda a: a[:-1],
        lambda a: a[None],
        lambda a: np.stack([a, a]),
        lambda a: a.astype(kind_),
    ]
    with np.errstate(all="ignore"):
        return packed({**arrays, name: rng.choice(changes)(changed)}, meta)


@pytest.mark.slow
def test_mutated_states(trainer: Trainer) -> None:
    """PYDARKNET_STATES of them: each is refused with a clear word, or is used and goes on."""
    path = trainer.files.state
    whole = path.read_bytes()
    arrays, meta = unpacked(path)
    good = read_state(path, trainer.stepper)
    said: list[str] = []
    for number in range(MUTATED):
        path.write_bytes(mutated(random.Random(f"{SEED} {number}"), arrays, meta, whole))
        try:
            state = read_state(path, trainer.stepper)
            trainer.samples.restore(state.meta["samples"])
            apply_state(state, trainer.stepper)
            assert np.isfinite(trainer.stepper.parameters.values).all()
            go_on(trainer, good)
        except DarknetError as error:
            said.append(str(error))
        except Exception as error:
            raise AssertionError(f"seed {SEED}, case {number}") from error
        with suppress(TrainingError):
            check_unused(trainer.files, None)
    assert len(said) > MUTATED // 2
    assert all(str(path) in text or "this list has 8" in text or "had mix" in text for text in said)


def go_on(trainer: Trainer, good: State) -> None:
    """An iteration from what was taken."""
    trainer.stepper.state.random.random()
    trainer.samples[0]
    trainer.stepper.schedule.rate(trainer.stepper.iteration, trainer.stepper.state.random)
    apply_state(good, trainer.stepper)
