"""Keys of [net] that the programs of pjreddie, AlexeyAB and hank-ai read, by their class, as in test_keys.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pydarknet.train.trainer import Trainer
from tests.lib.toy_training import make

FOLLOWED = """batch=2 subdivisions=4 learning_rate=.5 momentum=.5 decay=.1 max_batches=30
    policy=poly power=2 scales=.3 steps=7 step=3 scale=.5 gamma=.5 sgdr_cycle=9
    sgdr_mult=3 learning_rate_min=.1 adam=1 saturation=2 exposure=2 hue=.2 flip=0 width=64 height=64
    dialect=alexeyab"""
OF_CLASSIFIERS = "min_crop=9 max_crop=30 angle=7 aspect=.5 center=1 random=1"
OF_ALEXEYAB = """letter_box=1 blur=1 gaussian_noise=1 mixup=1 mosaic=1 ema_alpha=.9 track=1"""
MIXED_CLASSES = "mixup=1 cutmix=1 mosaic=1 blur=1 label_smooth_eps=.1"
OF_OTHERS = {  # which count beside another key of [net], or of the head
    "policy=poly": "burn_in=5", "adam=1": "B1=.5 B2=.5 eps=.1", "classifier random=1": "min_ratio=.5 max_ratio=3",
    "head random=1": "min_size=48 max_size=48 resize_step=8 dynamic_minibatch=1",
    "track=1": "time_steps=2 augment_speed=5 sequential_subdivisions=1 seq_scales=.5",
    "mosaic=1": "mosaic_bound=1", "random=0": OF_ALEXEYAB, "classifier random=0": MIXED_CLASSES,
}  # fmt: skip
OF_HEADS = "jitter=.1 random=1 resize=1.5"
NOT_FOLLOWED = """letter_box=1 blur=1 gaussian_noise=1 mixup=1 cutmix=1 mosaic=1 mosaic_bound=1 label_smooth_eps=.1
    attention=1 adversarial_lr=.1 contrastive=1 contrastive_jit_flip=1 contrastive_color=1 unsupervised=1 track=1
    dynamic_minibatch=1 loss_scale=2 try_fix_nan=1 weights_reject_freq=1 equidistant_point=1 time_steps=2
    badlabels_rejection_percentage=.1 num_sigmas_reject_badlabels=1 ema_alpha=.9 notruth=1 seq_scales=1,2"""
IDLE = """optimized_memory=1 workspace_size_limit_MB=9 use_cuda_graph=1 max_chart_loss=9 show_receptive_field=1
    augment_speed=1 sequential_subdivisions=1 seen=5"""


def with_key(text: str, section: str, option: str) -> str:
    """The cfg with this option in its first section of that name, in place of its own."""
    key = option.partition("=")[0]
    before, header, rest = text.partition(f"[{section}]\n")
    own, blank, after = rest.partition("\n\n")
    lines = [line for line in own.splitlines() if line.partition("=")[0] != key]
    return before + header + "\n".join([*lines, option]) + blank + after


def training(folder: Path, *options: str, cfg: str = "toy.cfg") -> tuple[list[Any], list[str]]:
    """What decides how a training with more lines in [net], or "head KEY=VALUE", goes, and its warnings."""
    data, _ = make(folder)
    path = folder / cfg
    for option in options:
        where, _, line = option.rpartition(" ")
        path.write_text(with_key(path.read_text(), "region" if where == "head" else "net", line))
    warnings: list[str] = []
    with Trainer(path, data, warn=warnings.append) as t:
        s = t.stepper
        deciding = [
            s.batch,
            s.subdivisions,
            s.dialect,
            s.schedule,
            str(s.optimiser),
            t.sizes,
            t.track,
            t.source.task,
            s.average and s.average.alpha,
        ]
    return [*map(str, deciding)], [text for text in warnings if "map" not in text]


@pytest.mark.parametrize("option", [*FOLLOWED.split(), *OF_CLASSIFIERS.split()])
def test_keys_of_net_that_training_follows(tmp_path: Path, option: str) -> None:
    cfg = "classifier.cfg" if option in OF_CLASSIFIERS.split() else "toy.cfg"
    changed, warnings = training(tmp_path / "changed", option, cfg=cfg)
    assert changed != training(tmp_path / "base", "dialect=paper2017", cfg=cfg)[0]
    assert not any("not followed" in text and option in text for text in warnings)


@pytest.mark.parametrize(
    ("beside", "option"), [(beside, option) for beside, options in OF_OTHERS.items() for option in options.split()]
)
def test_keys_of_net_that_training_follows_beside_others(tmp_path: Path, beside: str, option: str) -> None:
    cfg = "classifier.cfg" if beside.startswith("classifier") else "toy.cfg"
    other = beside.removeprefix("classifier ")
    changed, warnings = training(tmp_path / "changed", "dialect=alexeyab", other, option, cfg=cfg)
    assert changed != training(tmp_path / "base", "dialect=alexeyab", other, cfg=cfg)[0]
    assert not any("not followed" in text and option in text for text in warnings)


@pytest.mark.parametrize("option", OF_HEADS.split())
def test_keys_of_heads_that_vary_images(tmp_path: Path, option: str) -> None:
    assert training(tmp_path / "same", "dialect=alexeyab", "head random=0") == training(
        tmp_path / "again", "dialect=alexeyab", "head random=0"
    )
    changed, warnings = training(tmp_path / "changed", "dialect=alexeyab", f"head {option}")
    assert changed != training(tmp_path / "base", "dialect=alexeyab", "head random=0")[0]
    assert not any("not followed" in text and option in text for text in warnings)


def test_burn_in_is_followed_with_policy_poly(tmp_path: Path) -> None:
    """This dialect has it with no other; tests/train/test_schedule.py has the other dialects."""
    changed, _ = training(tmp_path / "changed", "policy=poly\nburn_in=5")
    assert changed != training(tmp_path / "base", "policy=poly")[0]


@pytest.mark.parametrize("option", NOT_FOLLOWED.split())
def test_keys_of_net_that_training_warns_about(tmp_path: Path, option: str) -> None:
    _, warnings = training(tmp_path, option)
    assert [text.rpartition("] ")[2] for text in warnings] == [f"{option} is not followed in training"]


def test_keys_of_net_that_change_nothing(tmp_path: Path) -> None:
    for option in IDLE.split():
        assert training(tmp_path / "changed", option) == training(tmp_path / "base", "dialect=paper2017")
