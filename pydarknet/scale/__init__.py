"""Beyond one machine: training by several processes over MPI (`mpi`), detection in bulk on a Ray cluster."""

from __future__ import annotations

from .actors import detect_all
from .bulk import Summary, detect
from .cluster import Pool

__all__ = ["Pool", "Summary", "detect", "detect_all"]
