"""What --help says: commands in groups, each with an example that it would take."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator

import pytest

from pydarknet.cli.commands import COMMANDS
from pydarknet.cli.examples import EXAMPLES
from pydarknet.cli.main import main, overview, parser_of


def verbs_of(command: str) -> list[str]:
    return [f"{command} {verb}" for verb in parser_of(command).verbs()]


def test_every_command_and_verb_has_examples():
    named = [name for command in COMMANDS for name in verbs_of(command) or [command]]
    assert sorted(EXAMPLES) == sorted(named)
    assert "data yolo" in named


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_every_example_is_a_command_line(line: str):
    program, *words = shlex.split(line.partition(" > ")[0])
    assert program == "pydarknet"
    name = words[0] if words[0] in COMMANDS else " ".join(words[:2])
    parser = parser_of(name)
    parser.parse(words[len(name.split()) :])
    assert parser.notes == []  # no option in it that is ignored


def test_help_ends_with_the_examples(capsys: pytest.CaptureFixture[str]):
    for name, lines in EXAMPLES.items():
        assert main([*name.split(), "--help"]) == 0
        out = capsys.readouterr().out
        assert out.endswith("\n".join(f"  {line}" for line in lines) + "\n")


@pytest.mark.parametrize("command", ["data", "tree", "weights"])
def test_help_of_a_verb_says_what_it_is_for(command: str):
    text = " ".join(parser_of(command).format_help().split())
    for verb in parser_of(command).verbs().values():
        assert verb.description
        assert " ".join(verb.description.split()) in text


def test_help_of_a_command_of_verbs_has_an_example_of_each():
    text = parser_of("tree").format_help()
    assert [name for name in verbs_of("tree") if f"  {EXAMPLES[name][0]}\n" not in text] == []


@pytest.mark.parametrize("command", ["train", "detect"])
def test_a_dialect_is_explained(command: str):
    text = " ".join(parser_of(command).format_help().split())
    assert "paper2017, darknet2018 or alexeyab" in text
    assert "default: that of the cfg, else by its head" in text or "default: the cfg's" in text


def arguments_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Those of a command, and of its verbs."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from arguments_of(verb)
        else:
            yield action


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_argument_is_explained(command: str):
    """In words of its own: not by a fragment that leans on what isn't there."""
    for action in arguments_of(parser_of(command)):
        name = f"{command} {action.option_strings or action.dest}"
        assert action.help, name
        assert not action.help.startswith(("of ", "default", "a hit")), f"{name}: {action.help}"
        assert not re.search(r"\((default )?[0-9.]+\)$", action.help), f"{name}: not (default: N) in {action.help}"


def test_commands_stand_in_groups():
    lines = overview().splitlines()
    assert "look at images:" in lines
    assert [sum(line.split("  ")[1:2] == [name] for line in lines) for name in COMMANDS] == [1] * len(COMMANDS)
