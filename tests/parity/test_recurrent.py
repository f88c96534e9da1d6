"""Recurrent layers, step after step, against Debian's libdarknet; and what it leaves undone named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.network import Network

from . import recurrent_sections
from .oracle import Oracle
from .public_cfgs import fill

TOLERANCE = 1e-5  # relative, in the norm
FLAT = "[net]\ninputs=9\nbatch=1\n"
IMAGE = "[net]\nwidth=6\nheight=6\nchannels=3\nbatch=1\n[convolutional]\nfilters=4\nsize=5\npad=1\nactivation=leaky\n"

CASES = {
    "rnn": FLAT + "[rnn]\noutput=7\nactivation=leaky\n[connected]\noutput=5\n[softmax]\n",
    "rnn, normalised": FLAT + "[rnn]\noutput=7\nactivation=tanh\nbatch_normalize=1\n",
    "rnn, shortcut": FLAT + "[rnn]\noutput=7\nactivation=tanh\nshortcut=1\n",
    "gru": FLAT + "[gru]\noutput=7\n[gru]\noutput=5\ntanh=1\n",
    "gru, normalised": FLAT + "[gru]\noutput=7\nbatch_normalize=1\n",
    "lstm": FLAT + "[lstm]\noutput=7\n[lstm]\noutput=5\nbatch_normalize=1\n",
    # It forgets the workspace of a crnn's convolutions: another one has to ask for more.
    "crnn": IMAGE + "[crnn]\noutput_filters=5\nhidden_filters=4\nactivation=relu\n",
    "crnn, normalised": IMAGE + "[crnn]\noutput_filters=5\nhidden_filters=4\nbatch_normalize=1\nshortcut=1\n",
}


@pytest.mark.parametrize("name", CASES)
def test_one_step_after_the_other(name: str, tmp_path: Path) -> None:
    net = Network(parse_cfg_text(CASES[name]), dialect="darknet2018")
    fill(net)
    cfg, weights = tmp_path / "a.cfg", tmp_path / "a.weights"
    cfg.write_text(CASES[name])
    net.save_weights(weights)
    x = np.random.default_rng(1).random((6, *net.inputs), dtype=np.float32)
    session = net.state()
    ours = [net.forward(each[None], session=session).reshape(-1) for each in x]
    whole = net.forward(x, steps=len(x))
    with Oracle(cfg, weights) as oracle:
        for each, output, of_all in zip(x, ours, whole, strict=True):
            theirs = oracle.predict(each)
            norm = np.linalg.norm(theirs)
            assert np.linalg.norm(output - theirs) < TOLERANCE * norm
            assert np.linalg.norm(of_all.reshape(-1) - theirs) < TOLERANCE * norm


@pytest.mark.parametrize("name", recurrent_sections.CASES)
def test_layers_of_alexeyab(name: str, tmp_path: Path) -> None:
    with np.load(recurrent_sections.GOLDEN) as golden:
        (tmp_path / "case.weights").write_bytes(golden[f"{name}/weights"].tobytes())
        x, expected = golden[f"{name}/x"], golden[f"{name}/y"]
    cfg = parse_cfg_text(recurrent_sections.CASES[name], "case.cfg")
    net = Network(cfg, tmp_path / "case.weights", dialect="alexeyab")
    session = net.state()
    for each, theirs in zip(x, expected, strict=True):
        ours = net.forward(each[None], session=session).reshape(-1)
        assert np.linalg.norm(ours - theirs) < TOLERANCE * np.linalg.norm(theirs)
    whole = net.forward(x, steps=len(x)).reshape(len(x), -1)
    assert np.linalg.norm(whole - expected) < TOLERANCE * np.linalg.norm(expected)
