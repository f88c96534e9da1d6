"""Small networks for text."""

from __future__ import annotations

CFG = """[net]
inputs={inputs}
batch={batch}
subdivisions={subdivisions}
time_steps={steps}
momentum=.9
decay=.0001
learning_rate=.1
policy=constant
max_batches={batches}

{layer}

[connected]
output={inputs}
activation=linear

[softmax]
"""


def cfg(layer: str = "[gru]\noutput=16\ntanh=1", inputs: int = 128, steps: int = 8, batch: int = 4, batches: int = 40,
        subdivisions: int = 1) -> str:  # fmt: skip
    return CFG.format(
        layer=layer, inputs=inputs, steps=steps, batch=batch, batches=batches, subdivisions=subdivisions
    )
