"""A folder with a detector, a classifier, names and images, in which the scripts run."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pydarknet.network import Network
from tests.lib.toy_detector import NAMES, REGION, YOLO, write_folder

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture(params=[REGION, YOLO], ids=["region", "yolo"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, once with a [region] and once with a [yolo] detector."""
    write_folder(tmp_path, request.param)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Callable[[str], dict[str, Any]]:
    """Run a script in the folder; its variables."""
    return lambda name: runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")


@pytest.fixture
def net(folder: Path) -> Network:
    """The detector by our own interface."""
    return Network("cfg/small.cfg", "small.weights", names=NAMES)
