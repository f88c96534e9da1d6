"""[crnn]: a plain recurrent layer of convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..plan.activations import read_activation
from ..plan.shapes import Shape
from .base import MAX_EXTENT, Layer, register
from .common.recurrent import Recurrent
from .convolutional import Convolutional
from .rnn import Elman


def read_window(layer: Recurrent, section: Section, activation: str) -> dict[str, object]:
    """AlexeyAB's keys of a convolution whose output is as wide and high as its input. CfgError for another one."""
    size = section.int_("size", 3, low=1, high=MAX_EXTENT)
    pad = section.bool_("pad", False)
    padding = section.int_("padding", 0, low=0, high=MAX_EXTENT)
    padding = size // 2 if pad else padding
    if section.int_("stride", 1) != 1 or 2 * padding != size - 1:
        raise section.error(
            f"size={size}, stride={section.int_('stride', 1)} and padding {padding}: a state is as wide and high as "
            "the input; expected an odd size, stride=1 and pad=1 (pad=0 with size=1)",
            "stride" if section.int_("stride", 1) != 1 else "size",
        )
    return {
        "size": size, "padding": padding, "dilation": section.int_("dilation", 1, low=1, high=MAX_EXTENT),
        "groups": section.int_("groups", 1, low=1), "xnor": section.bool_("xnor", False),
        "batch_normalize": layer.batch_normalize, "activation": activation,
    }  # fmt: skip


@register("crnn")
class Crnn(Elman):
    """Convolutions: pjreddie's with `output_filters` and `hidden_filters` are 3x3, AlexeyAB's with `output` and
    `hidden` have keys for their size."""

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        activation = read_activation(section, "logistic")
        self.shortcut = section.bool_("shortcut", False)
        plain = [key for key in ("output", "hidden") if section.has(key)]
        if plain and (section.has("output_filters") or section.has("hidden_filters")):
            raise section.error(
                f"has {plain[0]}, as AlexeyAB's Darknet, and output_filters or hidden_filters, as pjreddie's; "
                "expected one of the two spellings",
                plain[0],
            )
        if plain:
            window = read_window(self, section, activation)
            outputs, hidden = (section.int_(key, 1, low=1) for key in ("output", "hidden"))
        else:
            window = {"size": 3, "pad": 1, "batch_normalize": self.batch_normalize, "activation": activation}
            outputs, hidden = (section.int_(f"{key}_filters", 1, low=1) for key in ("output", "hidden"))
        state = Shape(hidden, self.inputs.h, self.inputs.w)
        layers = {"input": (self.inputs, hidden), "self": (state, hidden), "output": (state, outputs)}
        inner = {
            name: self.own(name, Convolutional, inputs, {**window, "filters": filters})
            for name, (inputs, filters) in layers.items()
        }
        self.compose(inner, {"state": state}, state._replace(c=outputs))
