"""Kernels under wrong contents that no launcher has seen, as on a GPU, with every access watched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def test_kernels_survive_wrong_contents() -> None:
    environment = {**os.environ, "PYDARKNET_EMU_CONTENTS": "0", "PYDARKNET_TEST_BACKENDS": "emu"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "contents", str(TESTS / "ops")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
