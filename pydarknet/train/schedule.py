"""Learning rates: Darknet's policies and burn-in, and AlexeyAB's sgdr."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise, takewhile

import numpy as np

from ..dialects import DIALECTS, Dialect
from ..errors import TrainingError
from ..formats.cfg import Section

POLICIES = ("constant", "step", "steps", "exp", "poly", "sigmoid", "random", "sgdr")


@dataclass(frozen=True)
class Schedule:
    """The [net] keys that decide the learning rate. Iterations count updates, from 1 for the first. `burn_in` is 0
    where the dialect doesn't follow it under this policy."""

    learning_rate: float
    policy: str
    burn_in: int
    power: float
    max_batches: int
    step: int
    scale: float
    steps: tuple[int, ...]
    scales: tuple[float, ...]
    gamma: float
    sgdr_cycle: int
    sgdr_mult: int
    rate_min: float

    def rate(self, iteration: int, random: np.random.Generator | None = None) -> float:
        """The learning rate of an iteration. Policy `random` draws from `random`. TrainingError if no float holds it,
        as after many steps with a scale above 1."""
        try:
            rate = self._rate(iteration, random)
        except (OverflowError, ZeroDivisionError):
            rate = math.inf
        if not math.isfinite(rate):
            raise TrainingError(
                f"the learning rate of iteration {iteration} is no number that can be used ({rate}); check "
                f"learning_rate, burn_in, policy={self.policy} and what belongs to it in [net]"
            )
        return rate

    def _rate(self, iteration: int, random: np.random.Generator | None) -> float:
        base = self.learning_rate
        if iteration < self.burn_in:
            return float(base * (iteration / self.burn_in) ** self.power)
        if self.policy == "steps":
            reached = takewhile(lambda pair: pair[0] <= iteration, zip(self.steps, self.scales, strict=True))
            return base * math.prod(scale for _, scale in reached)
        if self.policy == "step":
            return float(base * self.scale ** (iteration // self.step))
        if self.policy == "exp":
            return float(base * self.gamma**iteration)
        if self.policy == "poly":
            return float(base * max(0.0, 1 - iteration / self.max_batches) ** self.power)
        if self.policy == "sigmoid":
            return base / (1 + math.exp(min(700.0, self.gamma * (iteration - self.step))))
        if self.policy == "random":
            return float(base * (random or np.random.default_rng()).random() ** self.power)
        if self.policy == "sgdr":
            return self._sgdr(iteration)
        return base

    def _sgdr(self, iteration: int) -> float:
        start, cycle = 0, self.sgdr_cycle
        if self.sgdr_mult == 1:
            start = max(0, iteration - 1) // cycle * cycle
        while iteration > start + cycle:
            start, cycle = start + cycle, cycle * self.sgdr_mult
        wave = 1 + math.cos((iteration - start) * math.pi / cycle)
        return self.rate_min + 0.5 * (self.learning_rate - self.rate_min) * wave


def read_schedule(net: Section, dialect: Dialect) -> Schedule:
    """The schedule in [net]. CfgError for an unknown policy, what would divide by zero, or a learning rate that no
    float holds at the first or the last iteration."""
    policy = {"sig": "sigmoid"}.get(name := net.str_("policy", "constant"), name)
    if policy not in POLICIES:
        raise net.error(f"unknown policy {policy!r}; known: {', '.join(POLICIES)}", "policy")
    max_batches = net.int_("max_batches", 0, low=0)
    steps = tuple(net.ints("steps")) if policy == "steps" else ()
    scales = tuple(net.floats("scales")) if policy == "steps" else ()
    if len(steps) != len(scales):
        raise net.error(f"steps has {len(steps)} numbers, scales {len(scales)}; they go together", "steps")
    if policy == "poly" and not max_batches:
        raise net.error("policy=poly needs max_batches", "policy")
    if late := next((after for before, after in pairwise(steps) if after < before), None):
        net.warn(f"steps: {late} comes after a larger one, and counts only from there; put them in order", "steps")
    learning_rate = net.float_("learning_rate", 0.001)
    if learning_rate <= 0 or learning_rate > 1:
        what = "nothing is learnt" if learning_rate <= 0 else "weights will grow without end"
        net.warn(f"learning_rate={learning_rate:g}: {what}; a usual rate is 0.001", "learning_rate")
    if (momentum := net.float_("momentum", 0.9)) >= 1:
        net.warn(f"momentum={momentum:g}: updates never end growing; a usual one is 0.9", "momentum")
    schedule = Schedule(
        learning_rate=learning_rate,
        policy=policy,
        burn_in=_burn_in(net, dialect, policy),
        power=net.float_("power", dialect.power),
        max_batches=max_batches,
        step=net.int_("step", 1, low=1),
        scale=net.float_("scale", 1.0),
        steps=steps,
        scales=scales,
        gamma=net.float_("gamma", 1.0),
        sgdr_cycle=max(1, net.int_("sgdr_cycle", max_batches, low=0)),
        sgdr_mult=net.int_("sgdr_mult", 2, low=1),
        rate_min=net.float_("learning_rate_min", 1e-5),
    )
    try:
        for iteration in (1, max(1, max_batches)):
            schedule.rate(iteration)
    except TrainingError as error:
        raise net.error(str(error)) from error
    return schedule


def _burn_in(net: Section, dialect: Dialect, policy: str) -> int:
    """Iterations in which the rate grows, as far as the dialect knows them."""
    burn_in = net.int_("burn_in", 0, low=0)
    if not burn_in or dialect.burn_in_always or policy == "poly":
        return burn_in
    always = ", ".join(each.name for each in DIALECTS.values() if each.burn_in_always)
    net.warn(
        f"burn_in={burn_in} isn't followed: dialect {dialect.name} has it only with policy=poly; the full rate "
        f"counts from the first iteration (dialects that follow it always: {always})",
        "burn_in",
    )
    return 0
