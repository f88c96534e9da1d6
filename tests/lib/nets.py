"""Small networks for tests: one for every type of layer, and writers of their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from pydarknet import Network
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.engine import Engine

NET = "[net]\nwidth={size}\nheight={size}\nchannels={channels}\n"

# Detector: 2 anchors x (5 + 3 classes) on a quarter of the input's width.
DETECTOR = """
[convolutional]
batch_normalize=1
filters=16
size=3
pad=1
activation=leaky
[maxpool]
size=2
stride=2
[convolutional]
batch_normalize=1
filters=24
size=3
pad=1
activation=leaky
[maxpool]
size=2
stride=2
[convolutional]
filters=16
activation=linear
[region]
anchors=1,1, 2,2
classes=3
num=2
softmax=1
"""

CONV = "[convolutional]\nfilters={filters}\nsize={size}\npad=1\nactivation=leaky\n"

# Section by section, behind an 8-channel convolution at 8x8 that is layer 0.
LAYERS = {
    "activation": "[activation]\nactivation=tanh",
    "avgpool": "[avgpool]",
    "batchnorm": "[batchnorm]",
    "connected": "[connected]\noutput=7\nactivation=relu",
    "convolutional": "[convolutional]\nfilters=9\nsize=3\nstride=2\ngroups=1\nbatch_normalize=1\nactivation=elu",
    "cost": "[cost]\ntype=sse",
    "crop": None,  # first layer only
    "detection": "[connected]\noutput=44\nactivation=linear\n[detection]\nclasses=1\ncoords=4\nside=2\nnum=2",
    "dilation": "[convolutional]\nfilters=9\nsize=3\npad=1\nstride=2\ndilation=3\nbatch_normalize=1\nactivation=mish",
    "antialiasing": "[convolutional]\nfilters=9\nsize=3\npad=1\nstride=2\nantialiasing=1\nactivation=mish\n"
    "[maxpool]\nsize=2\nstride=2\nantialiasing=2",
    "deconvolutional": "[deconvolutional]\nfilters=9\nsize=3\nstride=2\npadding=1\nbatch_normalize=1\n"
    "activation=leaky",
    "empty": "[empty]\n[silence]\n[route]\nlayers=-1,-2",
    "implicit": "[implicit]\nfilters=8\n[scale_channels]\nfrom=0\n[implicit]\nfilters=5\natoms=3",
    "coordconv": CONV.format(filters=9, size=3) + "coordconv=1\nstride=2\nantialiasing=1",
    "maxpool_zero_nonmax": "[maxpool]\nsize=3\nmaxpool_zero_nonmax=1",
    "channels": "[implicit_add]\nfilters=8\n[implicit_mul]\nfilters=8\n[route]\nlayers=0\n[shift_channels]\n"
    "from=1\n[control_channels]\nfrom=-3",
    "maxpool_depth": "[maxpool]\nmaxpool_depth=1\nout_channels=3",
    "normalize_channels": "[convolutional]\nfilters=9\nactivation=normalize_channels_softmax_maxval",
    "share_index": CONV.format(filters=8, size=1) + CONV.format(filters=8, size=1) + "stride=2\nshare_index=1",
    "weighted shortcut": CONV.format(filters=5, size=1) + CONV.format(filters=8, size=1) + "[shortcut]\nfrom=0,1\n"
    "weights_type=per_channel\nweights_normalization=softmax\nactivation=leaky",
    "local_avgpool": "[local_avgpool]\nsize=3\nstride=2",
    "reorg3d": "[reorg3d]\nstride=2",
    "sam": CONV.format(filters=8, size=3) + "[sam]\nfrom=0\nactivation=tanh",
    "scale_channels": "[avgpool]\n" + CONV.format(filters=8, size=1) + "[scale_channels]\nfrom=0",
    "scale_wh": CONV.format(filters=1, size=3) + "[scale_channels]\nfrom=0\nscale_wh=1\nactivation=mish",
    "xnor": "[convolutional]\nfilters=9\nsize=3\npad=1\nxnor=1\nbatch_normalize=1\nactivation=leaky",
    "dropout": "[dropout]\nprobability=.5",
    "groups": "[convolutional]\nfilters=8\nsize=3\npad=1\ngroups=8\nactivation=swish",
    "l2norm": "[l2norm]",
    "local": "[local]\nfilters=3\nsize=3\npad=1\nactivation=leaky",
    "logistic": "[logistic]",
    "maxpool": "[maxpool]\nsize=3\nstride=2",
    "normalization": "[normalization]\nsize=5\nalpha=.0001\nbeta=.75\nkappa=1",
    "region": "[convolutional]\nfilters=16\n[region]\nanchors=1,1, 2,2\nclasses=3\nnum=2\nsoftmax=1",
    "reorg": "[reorg]\nstride=2",
    "route": "[convolutional]\nfilters=5\n[route]\nlayers=-1,0",
    "shortcut": "[convolutional]\nfilters=8\n[shortcut]\nfrom=-2\nactivation=linear",
    "softmax": "[softmax]",
    "strides": "[convolutional]\nfilters=5\nsize=3\nstride_x=2\nactivation=elu\n[maxpool]\nsize=2\nstride_y=2",
    "upsample": "[upsample]\nstride=2",
    "gaussian_yolo": "[convolutional]\nfilters=24\n[Gaussian_yolo]\nanchors=8,8, 16,16\nclasses=3\nnum=2",
    "rnn": "[rnn]\noutput=7\nhidden=5\nactivation=tanh\nbatch_normalize=1",
    "gru": "[gru]\noutput=7",
    "lstm": "[lstm]\noutput=7",
    "crnn": "[crnn]\noutput=7\nhidden=5\npad=1\nactivation=leaky",
    "conv_lstm": "[conv_lstm]\noutput=8\npad=1\npeephole=1\n[conv_lstm]\noutput=8\nsize=1\nbottleneck=1\nshortcut=1",
    "history": "[history]\nhistory_size=3",
    "yolo": "[convolutional]\nfilters=16\n[yolo]\nanchors=8,8, 16,16\nmask=0,1\nclasses=3\nnum=2",
}


def net_text(layers: str, size: int = 16, channels: int = 3) -> str:
    return NET.format(size=size, channels=channels) + layers


def network(layers: str = DETECTOR, size: int = 16, channels: int = 3, seed: int = 0) -> Network:
    """A network from the text of its layers, with random parameters."""
    return from_text(net_text(layers, size, channels), seed)


def from_text(text: str, seed: int = 0) -> Network:
    """A network from the text of a whole cfg, called small.cfg in messages."""
    return Network(parse_cfg_text(text, "small.cfg"), seed=seed)


def layer_network(kind: str) -> Network:
    """A network in which a layer of this type stands."""
    section = LAYERS[kind]
    if section is None:
        return network("[crop]\ncrop_height=6\ncrop_width=6\n" + CONV.format(filters=4, size=3), 8)
    return network(CONV.format(filters=8, size=3) + section, 8)


def batch(net: Engine, count: int = 1, seed: int = 1) -> npt.NDArray[np.float32]:
    """Random inputs (count, C, H, W), 0..1."""
    return np.random.default_rng(seed).random((count, *net.inputs), dtype=np.float32)


def picture(width: int = 40, height: int = 30, seed: int = 2) -> npt.NDArray[np.uint8]:
    """A random BGR image (height, width, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write(folder: Path, layers: str = DETECTOR, size: int = 16, channels: int = 3) -> tuple[Path, Path]:
    """Files of a cfg and of matching random weights."""
    cfg, weights = folder / "small.cfg", folder / "small.weights"
    cfg.write_text(net_text(layers, size, channels))
    Network(cfg).save_weights(weights)
    return cfg, weights
