"""The recipes of packages say what pyproject.toml says; what they are made of is elsewhere's to run."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pydarknet._version import __version__
from pydarknet.cli.main import parser_of

tomllib = pytest.importorskip("tomllib")
yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((ROOT / "packaging" / "docker").iterdir())


@pytest.fixture
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_condas_recipe(project: dict[str, Any]) -> None:
    recipe = yaml.safe_load((ROOT / "packaging" / "conda" / "recipe.yaml").read_text())
    assert recipe["package"] == {"name": "pydarknet", "version": __version__}
    assert recipe["about"]["license"] == project["project"]["license"]
    assert recipe["about"]["summary"] == project["project"]["description"]
    wanted = [each.replace("opencv-python", "py-opencv") for each in project["project"]["dependencies"]]
    assert [each.replace(" ", "") for each in recipe["requirements"]["run"]] == ["python", *wanted]
    assert {each.replace(" ", "") for each in recipe["requirements"]["host"]} >= set(
        project["build-system"]["requires"]
    )
    (name,) = recipe["build"]["python"]["entry_points"]
    assert name == "pydarknet = " + project["project"]["scripts"]["pydarknet"]


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda path: path.name)
def test_images_for_containers(file: Path, project: dict[str, Any]) -> None:
    text = file.read_text()
    assert f"-f {file.relative_to(ROOT)} ." in text
    (extras,) = re.findall(r"whl\)\[([\w,]+)\]", text)
    assert set(extras.split(",")) <= project["project"]["optional-dependencies"].keys()
    for command in re.findall(r'"\$PWD:/data" pydarknet(?::cuda)? (.*)', text):
        name, *words = shlex.split(command)
        parser_of(name).parse(words)


def test_the_wheels_test_is_a_command(project: dict[str, Any]) -> None:
    program, name, *words = shlex.split(project["tool"]["cibuildwheel"]["test-command"])
    assert program == "pydarknet"
    parser_of(name).parse(words)


@pytest.mark.parametrize("script", ["wheel.sh", "sbom.sh"])
def test_scripts_are_shell(script: str) -> None:
    subprocess.run(["sh", "-n", str(ROOT / "tools" / script)], check=True)
    assert script in (ROOT / "Makefile").read_text()
