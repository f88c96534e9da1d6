"""[connected]: every input to every output, which is a convolution whose kernel is the whole input."""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.cfg import Section
from ..formats.layouts import Record
from ..plan.activations import read_activation
from ..plan.shapes import Shape
from . import batchnorm
from .base import Layer, register
from .convolutional import Convolution


@register("connected", "conn")
class Connected(Convolution):
    """Weights are (outputs, inputs) in NCHW order of the input; batch norm's records follow them in the file."""

    transposable = True

    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        outputs = section.int_("output", 1, low=1)
        self.batch_normalize = section.bool_("batch_normalize", False)
        self.activation = read_activation(section, "logistic")
        self.kernel = (self.inputs.h, self.inputs.w)
        self.out = Shape(outputs, 1, 1)
        norm = batchnorm.records(outputs) if self.batch_normalize else []
        weights = Record("weights", (outputs, self.inputs.size))
        self.records = [Record("biases", (outputs,)), weights, *norm]
        self.flops = 2 * weights.size
