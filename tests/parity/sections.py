"""Sections that only AlexeyAB's Darknet has, in small networks; as a program, what his CPU build gives for them.

    python -m tests.parity.sections CHECKOUT

CHECKOUT is his, with the libdarknet.so of `make LIBSO=1 OPENMP=1 AVX=1`. Writes tests/goldens/alexeyab_sections.npz.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.network import Network
from pydarknet.plan.activations import ACROSS_CHANNELS

from .oracle_library import Array
from .public_cfgs import Build, fill

GOLDEN = Path(__file__).parents[1] / "goldens" / "alexeyab_sections.npz"

NET = "[net]\nbatch=1\nheight=6\nwidth=12\nchannels=3\n"
CONV = "[convolutional]\nfilters={}\nsize=3\npad=1\nactivation={}\n"
SQUEEZE = CONV.format(7, "leaky") + "[avgpool]\n[convolutional]\nfilters=7\nsize=1\nactivation=logistic\n"
MAP = CONV.format(7, "leaky") + CONV.format(1, "logistic")

BLOCK = CONV.format(5, "leaky") + "batch_normalize=1\n"
XNOR = "[convolutional]\nxnor=1\nfilters={}\nsize={}\npad=1\nactivation=leaky\n"

SHORTCUT = CONV.format(5, "leaky") + CONV.format(4, "leaky") + CONV.format(6, "leaky") + CONV.format(5, "leaky")

# Each behind NET.
CASES = {
    "reorg3d": CONV.format(5, "leaky") + "[reorg3d]\nstride=2\n",
    "reorg3d, 3": CONV.format(4, "leaky") + "[reorg3d]\nstride=3\n",
    "reorg3d, reverse": CONV.format(32, "leaky") + "[reorg3d]\nstride=2\nreverse=1\n",
    "scale_channels": SQUEEZE + "[scale_channels]\nfrom=-3\nactivation=linear\n",
    "scale_channels, activation": SQUEEZE + "[scale_channels]\nfrom=0\nactivation=leaky\n",
    "scale_channels, scale_wh": MAP + "[scale_channels]\nfrom=-2\nscale_wh=1\nactivation=logistic\n",
    "sam": CONV.format(7, "leaky") + CONV.format(7, "logistic") + "[sam]\nfrom=-2\n",
    "sam, activation": CONV.format(7, "linear") + CONV.format(7, "linear") + "[sam]\nfrom=0\nactivation=leaky\n",
    "local_avgpool": CONV.format(5, "leaky") + "[local_avgpool]\nsize=2\nstride=2\n",
    "local_avgpool, 3": CONV.format(5, "leaky") + "[local_avg]\nsize=3\nstride=2\n",
    "local_avgpool, strides": CONV.format(5, "leaky") + "[local_avgpool]\nsize=3\nstride_x=3\nstride_y=1\n",
    "local_avgpool, padding": CONV.format(5, "leaky") + "[local_avgpool]\nsize=5\nstride=1\npadding=3\n",
    "Gaussian_yolo": CONV.format(36, "linear") + "[Gaussian_yolo]\nmask=0,2,1\nnum=3\nclasses=3\nscale_x_y=1.1\n"
    "anchors=4,4, 5,8, 9,6\n",
    "batchnorm": CONV.format(5, "leaky") + "[batchnorm]\n" + CONV.format(4, "linear"),
    "xnor": CONV.format(6, "linear") + XNOR.format(32, 3) + "batch_normalize=1\n" + XNOR.format(5, 1),
    "shortcut of several": CONV.format(5, "leaky") * 3 + "[shortcut]\nfrom=0,-2\nactivation=leaky\n",
    "shortcut, fewer and more channels": SHORTCUT + "[shortcut]\nfrom=1,2\nactivation=linear\n",
    **{
        f"shortcut, {kind} {by}": SHORTCUT + f"[shortcut]\nfrom=0,1,2\nweights_type={kind}\n"
        f"weights_normalization={by}\nactivation=mish\n"
        for kind, by in (
            ("per_feature", "relu"),
            ("per_feature", "softmax"),
            ("per_channel", "avg_relu"),
            ("per_channel", "softmax"),
        )
    },
    "shortcut of one, weighted": CONV.format(5, "leaky") * 2
    + "[shortcut]\nfrom=0\nweights_type=per_layer\nweights_normalization=softmax\nactivation=linear\n",
    "antialiasing": CONV.format(5, "mish")
    + "batch_normalize=1\nstride=2\nantialiasing=1\n"
    + CONV.format(4, "linear"),
    "antialiasing, 2": CONV.format(5, "leaky")
    + "stride_x=2\nstride_y=1\nantialiasing=2\n"
    + CONV.format(4, "linear"),
    "antialiasing of maxima": CONV.format(5, "leaky")
    + "[maxpool]\nsize=2\nstride=2\nantialiasing=1\n"
    + CONV.format(4, "linear"),
    "antialiasing of maxima, 2": CONV.format(5, "leaky") + "[maxpool]\nsize=2\nstride=3\nantialiasing=2\n",
    "share_index": CONV.format(5, "linear")
    + BLOCK
    + BLOCK
    + "share_index=1\ndilation=2\n"
    + BLOCK
    + "share_index=-1\n",
    "maxpool_depth": CONV.format(9, "leaky")
    + "[maxpool]\nmaxpool_depth=1\nout_channels=4\n"
    + CONV.format(4, "linear"),
    "maxpool_depth of all": CONV.format(9, "leaky") + "[maxpool]\nmaxpool_depth=1\n",
    "empty": CONV.format(5, "leaky") + "[empty]\n" + CONV.format(4, "leaky") + "[silence]\n[route]\nlayers=-1,1\n",
    "implicit": CONV.format(5, "leaky") + "[implicit]\nfilters=5\n[scale_channels]\nfrom=-2\nactivation=linear\n",
    "implicit, atoms": CONV.format(5, "leaky") + "[implicit]\nfilters=3\natoms=4\n",
    **{name: CONV.format(7, name) + "batch_normalize=1\n" + CONV.format(4, "linear") for name in ACROSS_CHANNELS},
    "xnor, stride": XNOR.format(32, 3) + XNOR.format(5, 5) + "stride=2\n",
}


def random_network(name: str) -> tuple[Network, Array]:
    """A case with random weights, and an input (1, C, H, W)."""
    net = Network(parse_cfg_text(NET + CASES[name], "case.cfg"), dialect="alexeyab")
    fill(net)
    return net, np.random.default_rng(4).standard_normal((1, *net.inputs), np.float32)


def main(checkout: str) -> None:
    """Write the golden."""
    made = {name: random_network(name) for name in CASES}
    arrays: dict[str, Array] = {}
    for name, (net, x) in made.items():
        with tempfile.TemporaryDirectory() as folder:
            cfg, weights = Path(folder) / "case.cfg", Path(folder) / "case.weights"
            cfg.write_text(NET + CASES[name])
            net.save_weights(weights)
            arrays |= {f"{name}/x": x, f"{name}/weights": np.frombuffer(weights.read_bytes(), np.uint8)}
            theirs = Build.of("AlexeyAB", Path(checkout)).load(cfg, weights)
        theirs.predict(x)
        # Behind what antialiasing leaves lies what was there before.
        arrays |= {f"{name}/{each.index}": theirs.output(each.index)[: each.out.size] for each in net.layers}
    np.savez_compressed(GOLDEN, **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1])
