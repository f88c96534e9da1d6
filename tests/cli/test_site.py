"""The documentation as a site, and what it must name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pydarknet.formats.data import KNOWN_KEYS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NOTEBOOKS = sorted(DOCS.glob("notebooks/*.ipynb"))
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
    assert [path.name for path in NOTEBOOKS if f"notebooks/{path.stem}.md" not in nav] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs(path: Path):
    """The site has them, made anew."""
    cells = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert [cell["source"] for cell in cells if cell["outputs"] or cell["execution_count"]] == []


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    pytest.importorskip("nbconvert")
    pytest.importorskip("ipykernel")
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
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, env=ENVIRONMENT)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    commands = (tmp_path / "commands" / "index.html").read_text()
    assert "pydarknet detect cfg/yolov2.cfg" in commands
    assert "Detections" in (tmp_path / "reference" / "index.html").read_text()
    images = {"stamps.jpg", "levels.jpg", "birds.jpg", "why/stamps_1.jpg", "vertebrates.svg"}
    assert {path for path in images if (tmp_path / "gallery" / path).stat().st_size > 5000} == images
    assert 'src="stamps.jpg"' in (tmp_path / "gallery" / "index.html").read_text()
    steps, training = ((tmp_path / "notebooks" / f"{path.stem}" / "index.html").read_text() for path in NOTEBOOKS)
    assert "domestic fowl" in steps  # what the cells gave, which were run from start to end
    assert int(re.findall(r"mean average precision (\d+)%", training)[-1]) > 60
