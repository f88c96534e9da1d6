"""Every command line and every Python block of README.md and docs/ is run as it is written, page by page, in a folder
with small stand-ins (stage.py). What can't be run is in not_run.csv, with the reason."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import cv2
import pytest

from pydarknet.cli.commands import COMMANDS
from pydarknet.cli.main import parser_of, split_command
from pydarknet.cli.parser import UsageError
from pydarknet.results import detections

from .pages import ELSEWHERE, PAGES, ROOT, blocks, hidden_commands, inline_commands
from .stage import BEFORE, write_stage

with (Path(__file__).parent / "not_run.csv").open(encoding="utf-8", newline="") as _file:
    NOT_RUN = {(row["page"], row["command"]): row["reason"] for row in csv.DictReader(_file)}
RUN = [page for page in PAGES if page not in ELSEWHERE and any(b.language in ("sh", "python") for b in blocks(page))]
WORDNET = Path("/usr/share/wordnet/data.noun")


def without_comment(command: str) -> str:
    return re.sub(r"\s+#.*", "", command)


def stripped(page: str) -> list[str]:
    """The commands, and the first lines of blocks of Python."""
    first = [b.text.splitlines()[0] for b in blocks(page) if b.language == "python"]
    return first + [without_comment(each) for b in blocks(page) if b.language == "sh" for _, each in b.commands()]


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stage") / "stage"
    write_stage(folder)
    return folder


@pytest.fixture
def folder(stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the stage as the working directory, `pydarknet` and `python` on the PATH, and no window to open."""
    shutil.copytree(stage, tmp_path / "here", symlinks=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", f"{tmp_path / 'here' / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "pydarknet").symlink_to(tmp_path / "here" / "weights")
    return tmp_path / "here"


@contextmanager
def started(command: str) -> Iterator[None]:
    """A server, until it is asked to stop."""
    process = subprocess.Popen(["sh", "-c", f"exec {command}"], stderr=subprocess.PIPE, text=True)
    assert process.stderr
    told = ""
    try:
        while "http://" not in told:
            line = process.stderr.readline()
            assert line, told
            told += line
        yield
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130)
    finally:
        process.kill()
        process.communicate()


def run(command: str, where: str, servers: ExitStack) -> None:
    if command.startswith("pydarknet serve"):
        servers.enter_context(started(without_comment(command)))
        return
    done = subprocess.run(
        ["sh", "-c", command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{where}: {command}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_a_page_runs_as_written(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """State goes from block to block, as it does for a reader."""
    monkeypatch.setattr(detections, "has_display", lambda: True)
    monkeypatch.setattr(detections, "display_problem", lambda: None)
    for name in ("imshow", "waitKey", "destroyWindow"):
        monkeypatch.setattr(cv2, name, lambda *_: 0)
    frame = cv2.imread("dog.jpg")
    names = {"frame": frame, "data": Path("dog.jpg").read_bytes()}
    exec("import pydarknet", names)
    with ExitStack() as servers:
        for command in BEFORE.get(page, ()):
            run(command, page, servers)
        for block in blocks(page):
            if block.language == "python" and (page, block.text.splitlines()[0]) not in NOT_RUN:
                exec(compile("\n" * (block.line - 1) + block.text, page, "exec"), names)
            for line, command in block.commands() if block.language == "sh" else []:
                if not reason_not_to_run(page, command):
                    run(command, f"{page}:{line}", servers)


def reason_not_to_run(page: str, command: str) -> str | None:
    bare = without_comment(command)
    if "/usr/share/wordnet" in bare and not WORDNET.is_file():
        return "WordNet isn't installed"
    return NOT_RUN.get((page, bare))


def test_what_is_not_run_stands_in_its_page() -> None:
    assert [(page, command) for page, command in NOT_RUN if page not in RUN or command not in stripped(page)] == []
    assert all(NOT_RUN.values())


def test_what_is_not_run_is_a_command() -> None:
    """As far as that can be said without running it: pydarknet's arguments are parsed, make's targets are there."""
    for _, command in NOT_RUN:
        if command.startswith(("from ", "import ")):
            continue
        words = [word for word in shlex.split(command) if not re.match(r"\w+=", word)]
        if words[0] == "pydarknet":
            check_words(words[1:])
        elif words[0] == "make":
            targets = (ROOT / "Makefile").read_text()
            assert all(re.search(rf"(?m)^{target}:", targets) for target in words[1:]), command


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_the_text_are_commands(page: str) -> None:
    assert hidden_commands(page) == []  # a block with commands begins with ```sh
    for command in inline_commands(page):
        words = shlex.split(command.partition(" | ")[0])[1:]
        assert words[0] in {name.partition(" ")[0] for name in COMMANDS}, command
        if len(words) > 2:
            check_words(words, whole=False)


def check_words(words: list[str], whole: bool = True) -> None:
    """The options are known; if it is the `whole` command, nothing is missing either."""
    name, rest = split_command(words)
    parser = parser_of(name)
    try:
        parser.parse(rest)
    except UsageError as error:
        if whole or "the following arguments are required" not in str(error):
            raise
    assert parser.notes == [], words
