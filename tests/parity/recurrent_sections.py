"""Recurrent layers as AlexeyAB's Darknet has them, in small networks; as a program, what his CPU build gives.

    python -m tests.parity.recurrent_sections CHECKOUT

CHECKOUT is his, with the libdarknet.so of `make LIBSO=1`. Writes tests/goldens/alexeyab_recurrent.npz.
"""

from __future__ import annotations

import ctypes
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.network import Network

from .oracle_library import Array, quiet
from .public_cfgs import Build, fill

GOLDEN = Path(__file__).parents[1] / "goldens" / "alexeyab_recurrent.npz"
STEPS = 5

NET = "[net]\nbatch=1\nheight=6\nwidth=8\nchannels=3\n"
CONV = "[convolutional]\nfilters=4\nsize=5\npad=1\nactivation=leaky\n"
FLAT = NET + CONV + "[connected]\noutput=9\nactivation=leaky\n"  # he divides by the number of pictures

CASES = {
    "rnn": FLAT + "[rnn]\noutput=7\nhidden=5\nactivation=leaky\nlogistic=1\n[rnn]\noutput=4\nhidden=6\nshortcut=1\n",
    "rnn, loggy": FLAT + "[rnn]\noutput=7\nhidden=5\nactivation=tanh\nlogistic=2\nbatch_normalize=1\n",
    "gru": FLAT + "[gru]\noutput=7\n[gru]\noutput=5\nbatch_normalize=1\n",
    "lstm": FLAT + "[lstm]\noutput=7\n[lstm]\noutput=5\nbatch_normalize=1\n",
    "crnn": NET + CONV + "[crnn]\noutput=5\nhidden=4\nsize=3\npad=1\nactivation=leaky\nbatch_normalize=1\n",
    "crnn, shortcut": NET + CONV + "[crnn]\noutput=5\nhidden=4\nsize=5\npadding=2\ngroups=1\nshortcut=1\n",
    "crnn, 1 x 1": NET + CONV + "[crnn]\noutput=6\nhidden=4\nsize=1\npad=0\ngroups=2\nactivation=tanh\n",
    "conv_lstm": NET + CONV + "[conv_lstm]\noutput=5\nsize=3\npad=1\nbatch_normalize=1\nactivation=leaky\n",
    "conv_lstm, peephole": NET + CONV + "[conv_lstm]\noutput=5\nsize=3\npad=1\npeephole=1\n",
    "conv_lstm, constrained": NET + CONV + "[conv_lstm]\noutput=4\nsize=1\ngroups=2\nstate_constrain=1\n",
    "history": NET.replace("batch=1", f"batch=1\ntime_steps={STEPS}") + CONV + "[history]\nhistory_size=3\n",
}


def random_network(name: str) -> tuple[Network, Array]:
    """The case's network, and inputs for twice as many times as a run has."""
    net = Network(parse_cfg_text(CASES[name], "case.cfg"), dialect="alexeyab")
    fill(net)
    return net, np.random.default_rng(4).standard_normal((2 * STEPS, *net.inputs), np.float32)


def their_outputs(build: Build, name: str, cfg: Path, weights: Path, x: Array) -> Array:
    """What the last layer gives at each time: one time a run, but for [history], which remembers nothing then."""
    theirs = build.load(cfg, weights)
    steps = STEPS if name == "history" else 1
    if steps > 1:  # as its training is run
        library = theirs._lib  # type: ignore[union-attr]
        library.load_network.restype = ctypes.c_void_p
        library.load_network.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
        with quiet():
            theirs._net = library.load_network(str(cfg).encode(), str(weights).encode(), 0)
    found = []
    last = cfg.read_text().count("[") - 2
    for part in x.reshape(-1, steps, *x.shape[1:]):
        theirs.predict(part)
        found.append(outputs_of(theirs, last, steps))
    return np.concatenate(found)


def outputs_of(theirs: object, index: int, steps: int) -> Array:
    """A layer's output for all times of a run."""
    at = theirs._at  # type: ignore[attr-defined]
    layer = ctypes.c_void_p.from_address(theirs._net + at["network.layers"]).value  # type: ignore[attr-defined]
    layer += index * at["layer"]  # type: ignore[operator]
    address = ctypes.c_void_p.from_address(layer + at["layer.output"]).value
    count = ctypes.c_int.from_address(layer + at["layer.outputs"]).value
    flat = np.ctypeslib.as_array((ctypes.c_float * (steps * count)).from_address(address))  # type: ignore[arg-type]
    return flat.reshape(steps, count).copy()


def main(checkout: str) -> None:
    """Write the golden."""
    build = Build.of("AlexeyAB", Path(checkout))
    arrays: dict[str, Any] = {}
    for name in CASES:
        net, x = random_network(name)
        with tempfile.TemporaryDirectory() as folder:
            cfg, weights = Path(folder) / "case.cfg", Path(folder) / "case.weights"
            cfg.write_text(CASES[name])
            net.save_weights(weights)
            kept = np.frombuffer(weights.read_bytes(), np.uint8)
            arrays |= {f"{name}/x": x, f"{name}/weights": kept}
            arrays[f"{name}/y"] = their_outputs(build, name, cfg, weights, x)
    np.savez_compressed(GOLDEN, **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
