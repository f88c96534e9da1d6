"""Shells complete what the parser knows; each that is there is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

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


# A terminal with zsh in it, in which somebody types a line and a tab. It ends once the wanted text is to be seen.
ZSH = r"""
zmodload zsh/zpty
zpty terminal zsh -f -i
zpty -w terminal "PS1='> '; fpath=($PWD \$fpath); autoload -Uz compinit; compinit -u -D; $READ; print REA''DY"
zpty -r terminal seen '*READY*'
zpty -w -n terminal "$LINE"$'\t'
zpty -r terminal seen "*$WANTED*"
"""
LINES = [
    ("det", "detect"),
    ("tree pr", "tree prune"),
    ("detect --dial", "--dialect"),
    ("detector test a.data --dial", "--dialect"),
    ("detect stamps a_ph", "a_photo.jpg"),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an image and zsh's script; there are no settings of a user's."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "ZDOTDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("TERM", "dumb")
    (tmp_path / "a_photo.jpg").touch()
    (tmp_path / "_pydarknet").write_text(SHELLS["zsh"]())
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh isn't installed")
@pytest.mark.parametrize("read", [":", "source ./_pydarknet"], ids=["fpath", "source"])
@pytest.mark.parametrize(("line", "wanted"), LINES)
def test_zsh(home: Path, line: str, wanted: str, read: str) -> None:
    """From the first tab on, whichever way the script was found."""
    given = os.environ | {"LINE": f"pydarknet {line}", "WANTED": wanted, "READ": read}
    subprocess.run(["zsh", "-f", "-c", ZSH], env=given, check=True, timeout=60, stdout=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("fish"), reason="fish isn't installed")
def test_fish(home: Path) -> None:
    (home / "pydarknet.fish").write_text(SHELLS["fish"]())
    asked = "".join(f"; complete -C 'pydarknet {line}'" for line, _ in LINES)
    command = ["fish", "--no-config", "-c", f"source pydarknet.fish{asked}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    offered = [line.partition("\t")[0] for line in done.stdout.splitlines()]
    assert offered == ["detect", "detector", "prune", "--dialect", "--dialect", "a_photo.jpg"]


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
