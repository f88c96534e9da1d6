"""Random command lines: every command and option, with words that fit, that don't, and that nobody would type."""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from random import Random

from pydarknet.cli.commands import COMMANDS
from pydarknet.cli.main import load, main
from pydarknet.cli.parser import Parser
from pydarknet.errors import DarknetError
from pydarknet.network import Network
from tests.lib import cli_nets, nets, toy_training

LEFT_OUT = ("weights", "speed", "ops", "serve")  # they download, measure for long, or serve until they are stopped
FILES = {
    "CFG": ["small.cfg", "toy.cfg", "classifier.cfg"], "WEIGHTS": ["small.weights", "none.weights"],
    "DATA": ["toy.data"], "IMAGE": ["p.png", "pictures", "train.txt"], "VIDEO": ["film.avi", "p.png"],
}  # fmt: skip
ODD = [
    "", "0", "1", "2", "3", "7", "-1", ".5", "1.5", "1e3", "1e309", "nan", "-inf", "abc", "1,2", ",", "é",
    "²", "-", "--", "1" * 400, ".", "..", "none/x", "/dev/null", "/dev/full", "a\nb", "\udc80", "out",
    "out.svg", "out.avi", "out.json", "small.cfg", "small.weights", "toy.data", "p.png", "pictures",
    "film.avi", "train.txt", "toy.names", "noise", "empty", "[", "%d", "%s%s", "*", "img_%04d.jpg",
    "train=.5", "valid=.5", "list", "check", "json", "cpu", "emu", "-thresh",
]  # fmt: skip
NOT_LONG = {"train": ["--max-batches", "2"], "demo": ["-time_limit_sec", "1"], "anchors": ["--restarts", "1"]}


def command_line(rng: Random) -> str:
    """A list of words, as JSON."""
    name = rng.choice([each for each in COMMANDS if each not in LEFT_OUT])
    options, places = _arguments(name)
    words: list[str] = []
    for action in places:
        words += [_word(rng, action) for _ in range(_how_many(rng, action))]
    for action in rng.sample(options, min(rng.choice([0, 1, 1, 2, 3, 5]), len(options))):
        place = rng.randint(0, len(words))
        words[place:place] = [
            rng.choice(action.option_strings),
            *(_word(rng, action) for _ in range(_how_many(rng, action))),
        ]
    if rng.random() < 0.1 and words:
        del words[rng.randrange(len(words))]
    if rng.random() < 0.1:
        words.insert(rng.randint(0, len(words)), rng.choice(ODD))
    kind = "train" if name.endswith("train") else "demo" if name.endswith("demo") else name
    return json.dumps([*name.split(), *words, *NOT_LONG.get("anchors" if "anchors" in name else kind, [])])


@cache
def _arguments(name: str) -> tuple[list[argparse.Action], list[argparse.Action]]:
    """The options of a command, and its positional arguments."""
    module = load(name)
    parser = Parser(name, COMMANDS[name][1], False)
    module.add_arguments(parser)
    actions = [action for action in parser._actions if not isinstance(action, argparse._SubParsersAction)]
    return [each for each in actions if each.option_strings], [each for each in actions if not each.option_strings]


def _how_many(rng: Random, action: argparse.Action) -> int:
    if isinstance(action.nargs, int):
        return action.nargs
    return 1 if action.nargs is None else rng.choice([0, 1, 1, 2])


def _word(rng: Random, action: argparse.Action) -> str:
    if rng.random() < 0.2:
        return rng.choice(ODD)
    if action.choices:
        return str(rng.choice(list(action.choices)))
    name = str(action.metavar or action.dest).upper()
    if name in FILES:
        return rng.choice(FILES[name])
    if name in ("OUT", "FOLDER", "PATH", "NAME", "FILE"):
        return rng.choice(["out", "out.onnx", "out.json", "out/sub", *ODD])
    return rng.choice(["0", "1", "2", "3", ".3", *ODD])


def run_command(path: Path) -> None:
    """0 and 1 are results, 2 is an error that is said; whatever else happens is a failure."""
    words = [
        os.fsdecode(each.encode("utf-8", "surrogateescape")).replace("\0", "")
        for each in json.loads(path.read_text())
    ]
    out, errors = (io.TextIOWrapper(io.BytesIO(), errors="surrogateescape") for _ in range(2))
    usual = sys.stdin
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        shutil.copytree(_set(), folder, dirs_exist_ok=True)
        stack.enter_context(chdir(folder))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(errors))
        sys.stdin = io.TextIOWrapper(io.BytesIO(b"p.png\nnone.png\n"))
        try:
            code = main(words)
        finally:
            sys.stdin = usual
        errors.flush()
        said = errors.buffer.getvalue().decode(errors="replace")  # type: ignore[attr-defined]
    if code == 2 and "pydarknet: error: " in said:
        raise DarknetError(said)
    if code not in (0, 1):
        raise RuntimeError(f"exit code {code}: {said}")


@cache
def _set() -> str:
    """A folder with everything a command may ask for; made once in a process."""
    folder = Path(tempfile.mkdtemp(prefix="pydarknet-commands-"))
    nets.write(folder, size=32)
    toy_training.make(folder, count=4)
    for name in ("toy.data", "train.txt"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace(f"{folder}/", ""))
    with (folder / "toy.data").open("a") as file:
        file.write("valid = train.txt\nlabels = toy.names\n")
    for i in range(2):
        cli_nets.write_picture(folder / "pictures" / f"{i}.png", seed=i)
    cli_nets.write_picture(folder / "p.png")
    cli_nets.write_video(folder / "film.avi")
    Network(folder / "classifier.cfg").save_weights(folder / "classifier.weights")
    (folder / "noise").write_bytes(Random(1).randbytes(3000))
    (folder / "empty").write_bytes(b"")
    return str(folder)


TARGETS = {"run": run_command}
