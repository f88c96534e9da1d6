"""An argument parser that takes options as Darknet does: anywhere, and with a single dash."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ..errors import DarknetError
from ..text import did_you_mean

_NUMBER = re.compile(r"-[\d.]")


class UsageError(DarknetError):
    """Arguments that make no command."""


class Parser(argparse.ArgumentParser):
    """Options may stand anywhere among the words; whatever is wrong is a UsageError."""

    def __init__(self, prog: str | None = None, description: str | None = None, add_help: bool = True) -> None:
        super().__init__(prog=prog, description=description, add_help=add_help, allow_abbrev=False)
        self.color = False  # what Python 3.14 would put into the help, a terminal is not shown raw

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")

    def _print_message(self, message: str, file: Any = None) -> None:
        """argparse hides that help can't be written."""
        (file or sys.stdout).write(message)

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The arguments' values. argparse alone loses pictures that are named after an option."""
        if self._subparsers is not None:
            return self.parse_args(arguments)
        options, words = self._sort(list(arguments))
        return self.parse_args([*options, "--", *words])

    def _sort(self, arguments: list[str]) -> tuple[list[str], list[str]]:
        options: list[str] = []
        words: list[str] = []
        while arguments:
            argument = arguments.pop(0)
            if argument == "--":
                return options, words + arguments
            if is_word(argument):
                words.append(argument)
                continue
            name, equals, _ = argument.partition("=")
            action = self._option_string_actions.get(name)
            if action is None:
                hint = did_you_mean(name, self._option_string_actions)
                self.error(f"unknown option {name}{hint}")
            options.append(argument)
            wants_value = action.nargs is None or (
                action.nargs == argparse.OPTIONAL and _starts_with_number(arguments)
            )
            if wants_value and not equals:
                options += arguments[:1]
                del arguments[:1]
        return options, words


def is_word(argument: str) -> bool:
    """Whether an argument is no option: a name, a number below zero, or the `-` of standard input."""
    return not argument.startswith("-") or argument == "-" or bool(_NUMBER.match(argument))


def _starts_with_number(arguments: Sequence[str]) -> bool:
    return bool(arguments) and arguments[0].isdecimal()


def real(low: float, high: float, above: bool = False) -> Callable[[str], float]:
    """The type of an option that is a number from low (or only `above` it) to high."""
    begin = "above" if above else "from"

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high or (above and value == low):
            raise argparse.ArgumentTypeError(f"expected a number {begin} {low:g} to {high:g}, found {text!r}")
        return value

    return convert


def whole(low: int, high: int = 2**31 - 1) -> Callable[[str], int]:
    """The type of an option that is an integer from low to high."""

    def convert(text: str) -> int:
        value = int(text) if re.fullmatch(r"[+-]?[0-9]{1,10}", text) else low - 1
        if not low <= value <= high:
            limit = f"of at least {low}" if high == 2**31 - 1 else f"from {low} to {high}"
            raise argparse.ArgumentTypeError(f"expected an integer {limit}, found {text!r}")
        return value

    return convert
