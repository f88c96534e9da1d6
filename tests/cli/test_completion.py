"""Shells complete what the parser knows: bash is asked, the others read their scripts where they are there."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from pydarknet.cli.commands import COMMANDS
from pydarknet.cli.completion import SHELLS
from pydarknet.cli.main import main


def completed(*words: str) -> list[str]:
    """What bash offers in place of the last word."""
    line = " ".join(f"'{word}'" for word in ("pydarknet", *words))
    script = f"{SHELLS['bash']()}\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}; _pydarknet; echo ${{COMPREPLY[@]}}"
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split()


def test_commands_and_their_verbs() -> None:
    assert set(completed("")) == {name.partition(" ")[0] for name in COMMANDS}
    assert completed("cla") == ["classify", "classifier"]
    assert {"test", "map", "train"} <= set(completed("detector", ""))
    assert completed("tree", "pr") == ["prune"]


def test_options_and_files() -> None:
    assert completed("detect", "--thr") == ["--threads", "--thresh"]
    assert "--map-every" in completed("detector", "train", "a.data", "--map")
    assert completed("tree", "prune", "--kee") == ["--keep"]
    assert completed("detect", "yolov2.cfg", "") == []  # files are the shell's own


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert script.endswith("\n")
    assert "calc_anchors" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_another_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "bash" in capsys.readouterr().err
