"""The documentation as a site, and what it must name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pydarknet.formats.data import KNOWN_KEYS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ENVIRONMENT = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # what a theme says of MkDocs' next version


def test_every_key_of_a_data_file_is_documented():
    page = (DOCS / "files.md").read_text()
    assert [key for key in sorted(KNOWN_KEYS) if f"`{key}`" not in page] == []


def test_every_environment_variable_is_documented():
    sources = "".join(path.read_text() for path in (ROOT / "pydarknet").rglob("*.py"))
    used = set(re.findall(r"environ(?:\.get\(|\[)\s*\"(PYDARKNET_\w+)", sources))
    page = (DOCS / "files.md").read_text()
    assert used
    assert [name for name in sorted(used) if f"`{name}`" not in page] == []


def test_every_page_is_in_the_site():
    nav = (ROOT / "mkdocs.yml").read_text()
    assert [page.name for page in sorted(DOCS.glob("*.md")) if page.name not in nav] == []


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--site-dir",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=ENVIRONMENT)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    commands = (tmp_path / "commands" / "index.html").read_text()
    assert "pydarknet detect cfg/yolov2.cfg" in commands
    assert "Detections" in (tmp_path / "reference" / "index.html").read_text()
    images = {"stamps.jpg", "levels.jpg", "birds.jpg", "why/stamps_1.jpg", "vertebrates.svg"}
    assert {path for path in images if (tmp_path / "gallery" / path).stat().st_size > 5000} == images
    assert 'src="stamps.jpg"' in (tmp_path / "gallery" / "index.html").read_text()
