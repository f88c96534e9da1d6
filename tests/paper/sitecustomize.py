"""A GPU of paper for whole programs: with this folder on PYTHONPATH, `cupy` and `pydarknet._cuda` are those of
paper.py. Python imports this file when it starts."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = str(Path(__file__).resolve().parents[2])
os.environ["PYDARKNET_EMU_CONTENTS"] = "0"


class Paper(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the two modules before anything else does."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name in ("cupy", "pydarknet._cuda") else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        if ROOT not in sys.path:
            sys.path.append(ROOT)
        return getattr(importlib.import_module("tests.paper.paper"), "cupy" if spec.name == "cupy" else "extension")

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing left to do."""


sys.meta_path.insert(0, Paper())
