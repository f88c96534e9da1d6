"""Parameters as a PyTorch state dict (.pt)."""

from __future__ import annotations

from os import PathLike, fspath

import numpy as np

from ..errors import ExportError
from ..formats.atomic import replacing
from ..graph.engine import Engine
from .state import state_dict


def save(network: Engine, path: str | PathLike[str], *, keep_bn: bool = True) -> None:
    """Write an ordinary dict of tensors, for `torch.load`. ExportError without PyTorch, or if it can't be written."""
    try:
        import torch
    except ImportError as error:
        raise ExportError("a state dict needs PyTorch: pip install torch; or export to .npz, same names") from error
    # Copies: PyTorch has no read-only tensors, and ours may be views of the weights file.
    state = {name: torch.from_numpy(np.array(array)) for name, array in state_dict(network.layers, keep_bn).items()}
    try:
        with replacing(path) as file:
            torch.save(state, file)
    except OSError as error:
        raise ExportError(f"{fspath(path)}: can't write the state dict: {error.strerror or error}") from error
