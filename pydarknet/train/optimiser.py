"""What an update does with the accumulated deltas: Darknet's SGD with momentum, or Adam where [net] says so."""

from __future__ import annotations

import math

from ..backends.ops import Array
from ..dialects.base import Adam as Rules
from ..formats.cfg import Section
from .parameters import Parameters, Segment

DECAYED = "weights"
BELOW_ONE = 0.999999  # the greatest decay of a moment; 1 would never forget


class Sgd:
    """Darknet's step: u -= decay * batch * w; w += rate / batch * u; u *= momentum (u: updates, w: values).

    Only weights decay, neither biases nor scales.
    """

    name = "sgd"

    def __init__(self, parameters: Parameters, momentum: float, decay: float) -> None:
        self.parameters, self.momentum, self.decay = parameters, momentum, decay
        self.updates = 0  # since the start of the run

    def step(self, rate: float, batch: int, iteration: int) -> None:
        """One update, the `iteration`-th (from 1)."""
        self.updates += 1
        for segment in self.parameters.segments:
            self._sgd(segment, rate, batch)

    def moments(self) -> dict[str, Array]:
        """What it remembers beside the updates, by name."""
        return {}

    def __str__(self) -> str:
        return f"momentum {self.momentum:g}, decay {self.decay:g}"

    def _sgd(self, s: Segment, rate: float, batch: int) -> None:
        decay = self.decay * batch if s.name == DECAYED else 0.0
        values, updates = self.parameters.values[s.start : s.stop], self.parameters.updates[s.start : s.stop]
        self.parameters.backend.ops.sgd_update(values, updates, rate * s.rate / batch, self.momentum, decay)


class Adam(Sgd):
    """Adam as Darknet's GPU builds have it, by the rules of a dialect: the deltas are sums over the batch, the decay
    (times batch, of biases and scales too) is part of them. Parameters that the rules leave out learn by SGD.
    """

    name = "adam"

    def __init__(
        self, parameters: Parameters, momentum: float, decay: float, beta1: float, beta2: float, epsilon: float,
        rules: Rules,
    ) -> None:  # fmt: skip
        super().__init__(parameters, momentum, decay)
        self.beta1, self.beta2, self.epsilon, self.rules = beta1, beta2, epsilon, rules
        self.m, self.v = (parameters.backend.zeros(parameters.values.shape) for _ in range(2))

    def step(self, rate: float, batch: int, iteration: int) -> None:
        """One update."""
        self.updates += 1
        rules = self.rules
        t = self.updates if rules.ahead is None else iteration + rules.ahead
        # The op corrects the second moment before it adds epsilon; scaled like this it cancels out.
        epsilon = self.epsilon if rules.corrected else self.epsilon / math.sqrt(1 - self.beta2**t)
        for segment in self.parameters.segments:
            if segment.layer in rules.layers and segment.name in rules.records:
                self._adam(segment, rate / batch if rules.by_batch else rate, self.decay * batch, epsilon, t)
            else:
                self._sgd(segment, rate, batch)

    def moments(self) -> dict[str, Array]:
        """The first and second moments, flat like the parameters."""
        return {"m": self.m, "v": self.v}

    def __str__(self) -> str:
        return f"Adam {self.beta1:g} {self.beta2:g} eps {self.epsilon:g}, decay {self.decay:g}"

    def _adam(self, s: Segment, rate: float, decay: float, epsilon: float, t: int) -> None:
        p, cut = self.parameters, slice(s.start, s.stop)
        p.backend.ops.adam_update(
            p.values[cut], p.updates[cut], self.m[cut], self.v[cut],
            rate * s.rate, self.beta1, self.beta2, epsilon, decay, t,
        )  # fmt: skip


def read_optimiser(net: Section, parameters: Parameters, rules: Rules) -> Sgd:
    """`momentum`, `decay`, and `adam`, `B1`, `B2`, `eps` of [net]. CfgError for numbers that Adam can't use."""
    momentum, decay = net.float_("momentum", 0.9), net.float_("decay", 0.0001)
    if not net.bool_("adam", False):
        return Sgd(parameters, momentum, decay)
    beta1, beta2 = net.float_("B1", 0.9, 0.0, BELOW_ONE), net.float_("B2", 0.999, 0.0, BELOW_ONE)
    return Adam(parameters, momentum, decay, beta1, beta2, net.float_("eps", rules.epsilon, low=1e-30), rules)
