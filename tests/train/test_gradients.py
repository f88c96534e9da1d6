"""Whole small networks: the updates a step accumulates against finite differences of its loss."""

from __future__ import annotations

import numpy as np
import pytest

from pydarknet.dialects import DIALECTS
from pydarknet.formats.cfg import parse_cfg_text
from pydarknet.graph.engine import Engine
from pydarknet.layers.dropout import Dropout
from pydarknet.plan.tape import Tape
from pydarknet.train.step import Stepper

NET = "[net]\nbatch=3\nwidth=8\nheight=6\nchannels=3\ndecay=0\n"
CONV = "[conv]\nfilters={}\nsize=3\npad=1\nactivation={}\n"
HEAD = CONV.format(2, "linear") + "[cost]\n"
GROUPS = "[route]\nlayers=-1,-2\ngroups=2\ngroup_id=1\n"
STRIDE = "[conv]\nfilters=6\nsize=3\nstride=2\npad=1\ngroups=2\nactivation=elu\n"
DILATED = "[conv]\nfilters=6\nsize=3\npad=1\ndilation=2\nactivation=elu\n"
OF_INPUT = ("swish", "mish", "hard_mish", "gelu")  # activations whose slope needs the input
BODIES = {
    "convolution": CONV.format(5, "logistic"),
    "batch norm": CONV.format(5, "logistic") + "batch_normalize=1\n",
    "stride and groups": CONV.format(4, "tanh") + STRIDE,
    "dilation": "[conv]\nfilters=4\nsize=3\npad=1\ndilation=2\nactivation=tanh\n",
    "dilation behind a layer": CONV.format(5, "tanh") + DILATED + "batch_normalize=1\n",
    "dilation and strides": CONV.format(4, "tanh") + DILATED + "stride_x=2\nstride_y=3\ngroups=2\n",
    "strides": CONV.format(4, "tanh") + CONV.format(3, "elu") + "stride_x=2\n",
    "maxpool with strides": CONV.format(4, "linear") + "[maxpool]\nsize=2\nstride=1\nstride_y=2\n",
    "shortcut of mish": CONV.format(4, "tanh") + CONV.format(4, "linear") + "[shortcut]\nfrom=-2\nactivation=mish\n",
    "local gelu": "[local]\nfilters=3\nsize=3\nstride=1\npad=1\nactivation=gelu\n",
    **{f"{name} layer": f"{CONV.format(4, 'linear')}[activation]\nactivation={name}\n" for name in OF_INPUT},
    **{name: CONV.format(5, name) for name in OF_INPUT},
    **{f"{name} after batch norm": CONV.format(5, name) + "batch_normalize=1\n" for name in OF_INPUT},
    "depthwise on an image": "[conv]\nfilters=3\nsize=3\npad=1\ngroups=3\nactivation=tanh\n",
    "groups on an image": "[conv]\nfilters=6\nsize=3\nstride=2\ngroups=3\nbatch_normalize=1\nactivation=elu\n",
    "depthwise": CONV.format(4, "tanh") + "[conv]\nfilters=4\nsize=3\npad=1\ngroups=4\nactivation=linear\n",
    "5x5 without padding": "[conv]\nfilters=4\nsize=5\nactivation=linear\n",
    "maxpool": CONV.format(4, "linear") + "[maxpool]\nsize=2\nstride=2\n",
    "maxpool that overlaps": CONV.format(4, "linear") + "[maxpool]\nsize=3\nstride=1\n",
    "local_avgpool": CONV.format(4, "linear") + "[local_avgpool]\nsize=3\nstride=2\n",
    "reorg3d": CONV.format(4, "tanh") + "[reorg3d]\nstride=2\n",
    "reorg3d, reverse": CONV.format(16, "tanh") + "[reorg3d]\nstride=2\nreverse=1\n",
    "sam": CONV.format(4, "tanh") + CONV.format(4, "logistic") + "[sam]\nfrom=0\nactivation=tanh\n",
    "sam with itself": CONV.format(4, "tanh") + "[sam]\nfrom=-1\n",
    "scale_channels": CONV.format(4, "tanh") + "[avgpool]\n" + CONV.format(4, "linear")
    + "[scale_channels]\nfrom=0\nactivation=mish\n",
    "scale_channels, pixels": CONV.format(5, "tanh") + CONV.format(1, "linear")
    + "[scale_channels]\nfrom=0\nscale_wh=1\n",
    "upsample": CONV.format(4, "linear") + "[upsample]\nstride=2\nscale=.5\n",
    "upsample down": CONV.format(4, "linear") + "[upsample]\nstride=-2\n",
    "route": CONV.format(4, "tanh") + CONV.format(5, "linear") + "[route]\nlayers=-1,-2\n",
    "route of groups": CONV.format(4, "tanh") + CONV.format(6, "relu") + GROUPS,
    "shortcut": CONV.format(4, "tanh") + CONV.format(4, "linear") + "[shortcut]\nfrom=-2\nactivation=tanh\n",
    "shortcut of several": CONV.format(4, "tanh") + CONV.format(6, "tanh") + CONV.format(4, "linear")
    + "[shortcut]\nfrom=0,1\nactivation=tanh\n",
    **{
        f"shortcut {kind}": CONV.format(4, "tanh") + CONV.format(3, "tanh") + CONV.format(6, "tanh")
        + CONV.format(4, "linear") + f"[shortcut]\nfrom=0,1,2\nweights_type={kind}\nactivation=mish\n"
        for kind in ("per_feature", "per_channel")
    },
    "antialiasing": CONV.format(4, "tanh") + CONV.format(5, "mish") + "batch_normalize=1\nstride=2\nantialiasing=1\n",
    "antialiasing, 2": CONV.format(4, "linear") + "stride=3\nantialiasing=2\n",
    "antialiasing of maxima": CONV.format(4, "linear") + "[maxpool]\nsize=2\nstride=2\nantialiasing=1\n",
    "maxpool_depth": CONV.format(5, "linear") + "[maxpool]\nmaxpool_depth=1\nout_channels=2\n",
    "share_index": CONV.format(4, "tanh") + CONV.format(4, "tanh") + CONV.format(4, "elu")
    + "share_index=-1\ndilation=2\n",
    "share_index with batch norm": CONV.format(4, "tanh") + CONV.format(4, "tanh") + "batch_normalize=1\n"
    + CONV.format(4, "elu") + "batch_normalize=1\nshare_index=1\n",
    "empty": CONV.format(4, "tanh") + "[empty]\n[silence]\n[route]\nlayers=-1,-2,0\n",
    "implicit": CONV.format(4, "tanh") + "[implicit]\nfilters=4\n[scale_channels]\nfrom=0\n",
    "coordconv": CONV.format(4, "tanh") + "coordconv=1\n" + CONV.format(5, "tanh")
    + "batch_normalize=1\ncoordconv=1\n",
    "channels": CONV.format(4, "tanh") + "[implicit_add]\nfilters=4\n[implicit_mul]\nfilters=4\n[route]\nlayers=0\n"
    "[shift_channels]\nfrom=1\n[control_channels]\nfrom=2\n",
    "implicit, atoms": "[implicit]\nfilters=4\natoms=3\n",
    **{
        f"deconvolutional {stride} {act}": CONV.format(4, "tanh") + "[deconvolutional]\nfilters=5\nsize=3\n"
        f"stride={stride}\npadding=1\nactivation={act}\n" for stride, act in ((1, "tanh"), (2, "mish"))
    },
    "deconvolutional, batch norm": CONV.format(4, "tanh") + "[deconvolutional]\nfilters=5\nsize=4\nstride=2\n"
    "batch_normalize=1\nactivation=logistic\n",
    "reorg": CONV.format(4, "linear") + "[reorg]\nstride=2\n",
    "activation": CONV.format(4, "linear") + "[activation]\nactivation=tanh\n",
    "batchnorm layer": CONV.format(4, "tanh") + "[batchnorm]\n",
    "biased batchnorm": CONV.format(4, "tanh") + "[batchnorm]\n",
    "dropout of none": CONV.format(4, "tanh") + "[dropout]\nprobability=0\n",
    "local": "[local]\nfilters=3\nsize=3\nstride=1\npad=1\nactivation=tanh\n",
}  # fmt: skip
WHOLE = {
    "avgpool": CONV.format(5, "tanh") + "[avgpool]\n[cost]\n",
    "connected": CONV.format(3, "tanh") + "[connected]\noutput=4\nactivation=logistic\n[connected]\noutput=3\n"
    "activation=linear\n[cost]\n",
}
NETS = {**{name: body + HEAD for name, body in BODIES.items()}, **WHOLE}
STEP = 1e-2
# Differences of float32 losses over steps of 1e-2: the second-order term and the rounding are each about 1e-3.
TOLERANCE = 1e-2


def stepper(body: str, dialect: str = "paper2017") -> Stepper:
    return Stepper(Engine(parse_cfg_text(NET + body), seed=3, dialect=dialect), DIALECTS[dialect])


@pytest.mark.parametrize("name", NETS)
def test_updates_are_the_gradient(name: str) -> None:
    s = stepper(NETS[name], "alexeyab" if name == "biased batchnorm" else "paper2017")
    random = np.random.default_rng(5)
    x = random.standard_normal((3, 3, 6, 8), dtype=np.float32)
    truth = random.standard_normal((3, s.engine.outputs.size), dtype=np.float32)
    s.mini(x, truth)
    updates = s.parameters.updates.copy()
    for segment in s.parameters.segments:
        direction = np.zeros_like(updates)
        part = slice(segment.start, segment.stop)
        direction[part] = random.standard_normal(segment.stop - segment.start)
        direction /= np.linalg.norm(direction)
        # cost = sum (truth - y)^2 and Darknet's delta is truth - y, so that updates are -1/2 of its gradient.
        slope = (moved(s, x, truth, direction) - moved(s, x, truth, -direction)) / (2 * STEP)
        expected = -2 * float(updates @ direction)
        scale = 2 * float(np.linalg.norm(updates[part]))
        assert abs(slope - expected) < TOLERANCE * scale + 1e-3, segment


def moved(s: Stepper, x: np.ndarray, truth: np.ndarray, direction: np.ndarray) -> float:
    before = s.parameters.values.copy()
    s.parameters.values += np.float32(STEP) * direction
    for plan in s._plans.values():
        for step in plan.refresh:
            step()
    cost = s.mini(x, truth).cost
    s.parameters.values[...] = before
    return cost


def test_each_mini_batch_draws_its_own_mask() -> None:
    s = stepper(CONV.format(16, "linear") + "[dropout]\nprobability=.25\n" + HEAD)
    x = np.ones((3, 3, 6, 8), np.float32)
    s.mini(x, np.zeros((3, s.engine.outputs.size), np.float32))
    first = s.parameters.updates.copy()
    s.mini(x, np.zeros((3, s.engine.outputs.size), np.float32))
    second = s.parameters.updates - first
    assert not np.allclose(first, second)


BLOCKS = CONV.format(16, "linear") + "[dropout]\nprobability=.9\ndropblock=1\ndropblock_size_abs=3\n" + HEAD


def test_blocks_are_dropped_as_squares_of_one_scale() -> None:
    s = stepper(BLOCKS + "\n", "alexeyab")
    layer = s.engine.layers[1]
    assert isinstance(layer, Dropout)
    random = np.random.default_rng(1)
    kept = np.stack([layer.draw(random, 0.9, 3) for _ in range(200)])
    assert set((~kept).sum(axis=(2, 3)).ravel()) == {0, 9}
    first_rows = (~kept).any(axis=3).argmax(axis=2)[(~kept).any(axis=(2, 3))]
    assert set(first_rows) == {0, 1, 2, 3}
    wanted = 1 - (1 - 0.9 / 9) ** 48  # of the channels
    assert abs((~kept).any(axis=(2, 3)).mean() - wanted) < 0.01


def test_blocks_grow_with_the_training() -> None:
    layer = stepper(BLOCKS).engine.layers[1]
    assert isinstance(layer, Dropout)
    assert [layer.side(grown) for grown in (0.0, 0.3, 0.7, 1.0)] == [1, 1, 2, 3]


@pytest.mark.parametrize("device", ["cpu", pytest.param("emu", marks=pytest.mark.emulator)])
def test_what_stays_of_an_image_is_scaled_by_what_was_dropped(device: str) -> None:
    text = NET + "[dropout]\nprobability=.9\ndropblock=1\ndropblock_size_abs=3\n" + HEAD
    s = Stepper(Engine(parse_cfg_text(text), seed=3, device=device), DIALECTS["alexeyab"])
    tape = Tape(s.engine.backend, 3, s.engine.inputs, s.parameters, s.dialect, s.state)
    layer = s.engine.layers[0]
    y = tape.plain(layer.train(tape, tape.input))
    plan = tape.finish({0: y}, keep_all=True)
    s.engine.backend.write(plan.input, np.ones((3, 3, 6, 8), np.float32))
    plan.run()
    found = s.engine.backend.to_host(plan.outputs[0])
    for image in found:
        np.testing.assert_allclose(image.mean(), 1, rtol=1e-6)
        assert len(np.unique(image)) <= 2
    assert (found == 0).any()
