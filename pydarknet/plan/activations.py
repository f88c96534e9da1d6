"""Names of the activations: Darknet's own, and the element-wise ones of AlexeyAB's fork."""

from __future__ import annotations

from ..formats.cfg import Section
from ..formats.text import did_you_mean

ACTIVATIONS = (
    "linear", "logistic", "loggy", "relu", "elu", "selu", "relie", "plse", "hardtan", "lhtan", "ramp",
    "leaky", "tanh", "stair", "relu6", "swish", "mish", "hard_mish", "gelu",
)  # fmt: skip

# Functions of all channels of a pixel, by what its channels become shares of; AlexeyAB's [convolutional] has them.
ACROSS_CHANNELS = {
    "normalize_channels": "relu", "normalize_channels_softmax": "softmax",
    "normalize_channels_softmax_maxval": "softmax_top",
}  # fmt: skip

# Other names that people's cfgs have.
SYNONYMS = {"silu": "swish"}

# max(v, slope * v), which batch normalisation makes of its values in the pass that writes them.
RECTIFIERS = frozenset({"linear", "relu", "leaky"})

# Darknet finds the slope of an activation from its output. These need the input.
SLOPE_OF_INPUT = frozenset({"swish", "mish", "hard_mish", "gelu"})


def read_activation(section: Section, default: str, across: bool = False, key: str = "activation") -> str:
    """The section's activation; one across channels only with `across`. Darknet falls back to relu for a name it does
    not know; that is an error here."""
    name = section.str_(key, default)
    name = SYNONYMS.get(name, name)
    if name in ACROSS_CHANNELS and not across:
        raise section.error(f"{key}={name}: no Darknet has it here; expected one number's function", key)
    if name not in ACTIVATIONS and name not in ACROSS_CHANNELS:
        hint = did_you_mean(name, ACTIVATIONS)
        raise section.error(f"unknown activation {name!r}{hint}; known: {', '.join(ACTIVATIONS)}", key)
    return name
