"""Names of the activations: Darknet's own, and the element-wise ones of AlexeyAB's fork."""

from __future__ import annotations

from ..formats.cfg import Section
from ..formats.text import did_you_mean

ACTIVATIONS = (
    "linear", "logistic", "loggy", "relu", "elu", "selu", "relie", "plse", "hardtan", "lhtan", "ramp",
    "leaky", "tanh", "stair", "relu6", "swish", "mish", "hard_mish", "gelu",
)  # fmt: skip

# Darknet finds the slope of an activation from its output. These need the input.
SLOPE_OF_INPUT = frozenset({"swish", "mish", "hard_mish", "gelu"})


def read_activation(section: Section, default: str) -> str:
    """The section's activation. Darknet falls back to relu for a name it does not know; that is an error here."""
    name = section.str_("activation", default)
    if name not in ACTIVATIONS:
        hint = did_you_mean(name, ACTIVATIONS)
        raise section.error(f"unknown activation {name!r}{hint}; known: {', '.join(ACTIVATIONS)}", "activation")
    return name
