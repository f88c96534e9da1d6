"""Layers and options that the well-known networks don't use, one small cfg each, against Debian's libdarknet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .oracle_library import ACTIVATIONS
from .random_weights import random_oracle
from .test_layers import engine_like, errors

# One or two float32 layers, no long sums.
TOLERANCE = 2e-6

CONV = "[convolutional]\nfilters={0}\nsize=3\nstride={1}\npad=1\nactivation=leaky\n"
# name -> (channels, height, width of the input, the cfg's sections)
CASES: dict[str, tuple[tuple[int, int, int], str]] = {
    "normalization": ((9, 6, 7), "[normalization]\nsize=5\nalpha=.01\nbeta=.75\nkappa=1"),
    "normalization, even": ((9, 6, 7), "[normalization]\nsize=4\nalpha=.01\nbeta=.5\nkappa=2"),
    "normalization, size 1": ((4, 5, 5), "[lrn]\nsize=1\nalpha=.01"),
    "l2norm": ((21, 5, 6), "[l2norm]"),
    "crop": ((3, 9, 12), "[crop]\ncrop_height=6\ncrop_width=7\nflip=1"),
    "crop, noadjust": ((3, 9, 12), "[crop]\ncrop_height=6\ncrop_width=7\nnoadjust=1"),
    # Darknet counts a local layer's workspace in floats but allocates bytes: a larger convolution must be there.
    "local": ((20, 7, 6), CONV.format(5, 1) + "[local]\nfilters=4\nsize=3\nstride=1\npad=1\nactivation=leaky"),
    "local, no pad": (
        (20, 9, 8),
        CONV.format(5, 1) + "[local]\nfilters=3\nsize=3\nstride=2\npad=0\nactivation=logistic",
    ),
    "reorg": ((20, 6, 8), "[reorg]\nstride=2"),
    "reorg, 3": ((18, 6, 9), "[reorg]\nstride=3"),
    "reorg, reverse": ((20, 6, 8), "[reorg]\nstride=2\nreverse=1"),
    "reorg, flatten": ((20, 6, 8), "[reorg]\nstride=1\nflatten=1"),
    "reorg, flatten and reverse": ((20, 6, 8), "[reorg]\nstride=1\nflatten=1\nreverse=1"),
    "reorg, extra": ((5, 6, 8), "[reorg]\nstride=1\nextra=7"),
    "upsample": ((5, 3, 4), "[upsample]\nstride=3\nscale=.5"),
    "upsample-negative": ((5, 6, 4), "[upsample]\nstride=-2\nscale=.5"),
    "maxpool, even": ((5, 8, 6), "[maxpool]\nsize=2\nstride=2"),
    "maxpool, odd": ((5, 7, 9), "[maxpool]\nsize=2\nstride=2"),
    "maxpool, stride 1": ((5, 7, 9), "[maxpool]\nsize=2\nstride=1"),
    "maxpool, padding 3": ((5, 7, 9), "[maxpool]\nsize=3\nstride=2\npadding=3"),
    "maxpool, no padding": ((5, 7, 9), "[maxpool]\nsize=5\nstride=2\npadding=0"),
    "avgpool": ((5, 7, 9), "[avgpool]"),
    "softmax": ((30, 1, 1), "[softmax]\ngroups=3\ntemperature=.5"),
    "softmax of an image": ((4, 3, 5), "[softmax]\ngroups=2"),
    "shortcut, smaller": ((3, 8, 8), CONV.format(6, 1) + CONV.format(9, 2) + "[shortcut]\nfrom=-2\nactivation=leaky"),
    "shortcut, weights": (
        (3, 8, 8),
        CONV.format(6, 1) + CONV.format(6, 1) + "[shortcut]\nfrom=-2\nalpha=.5\nbeta=-2\nactivation=linear",
    ),
    "shortcut, larger": (
        (3, 8, 8),
        CONV.format(6, 2) + CONV.format(4, 1) + "[upsample]\nstride=2\n[shortcut]\nfrom=-2\nactivation=linear",
    ),
    "xnor": (
        (3, 8, 8),
        CONV.format(7, 1) + CONV.format(9, 2) + "xnor=1\nbatch_normalize=1\n"
        "[convolutional]\nfilters=4\nsize=1\nxnor=1\nactivation=linear",
    ),
    "route": ((3, 8, 8), CONV.format(5, 1) + CONV.format(7, 1) + "[route]\nlayers=-1,-2"),
    "detection": ((2 * 2 * 13, 1, 1), "[detection]\nclasses=3\ncoords=4\nside=2\nnum=2\nsoftmax=1"),
    "region": ((2 * 9, 3, 4), "[region]\nclasses=4\ncoords=4\nnum=2\nsoftmax=1\nanchors=1,1,2,2"),
    "region, logistic": ((2 * 9, 3, 4), "[region]\nclasses=4\ncoords=4\nnum=2\nanchors=1,1,2,2"),
    "region, background": ((2 * 9, 3, 4), "[region]\nclasses=4\nnum=2\nsoftmax=1\nbackground=1\nanchors=1,1,2,2"),
    "yolo": ((2 * 9, 3, 4), "[yolo]\nclasses=4\nnum=3\nmask=0,2\nanchors=1,1,2,2,3,3"),
    **{f"activation {name}": ((3, 9, 9), f"[activation]\nactivation={name}") for name in ACTIVATIONS},
}


@pytest.mark.parametrize("name", CASES)
def test_layer(name: str, tmp_path: Path) -> None:
    (channels, height, width), sections = CASES[name]
    cfg = tmp_path / "rare.cfg"
    cfg.write_text(f"[net]\nbatch=1\nchannels={channels}\nheight={height}\nwidth={width}\n{sections}\n")
    weights = tmp_path / "random.weights"
    with random_oracle(cfg, weights, seed=1) as oracle:
        engine = engine_like(cfg, oracle, weights)
        x = np.random.default_rng(2).normal(0, 2, (1, *oracle.input_shape)).astype(np.float32)
        theirs, ours = oracle.predict(x), engine.forward(x)
        for error, where in errors(engine, oracle):
            assert error < TOLERANCE, f"{where}: {error:.1e}"
        assert np.linalg.norm(ours.reshape(-1) - theirs) <= TOLERANCE * np.linalg.norm(theirs)
