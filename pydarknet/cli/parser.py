"""An argument parser that takes options as Darknet does: anywhere, and with a single dash."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

from ..errors import DarknetError
from ..formats.text import did_you_mean
from ..system.arguments import percent_hint

_NONE: Mapping[str, str | None] = {}
_NUMBER = re.compile(r"-[\d.]")
_ADDRESS = re.compile(r"auto|(ray://)?[\w.-]+:[0-9]+")


class UsageError(DarknetError):
    """Arguments that make no command."""


class Parser(argparse.ArgumentParser):
    """Options may stand anywhere among the words; whatever is wrong is a UsageError."""

    def __init__(
        self,
        prog: str | None = None,
        description: str | None = None,
        add_help: bool = True,
        flags: Mapping[str, str | None] = _NONE,
        values: Mapping[str, str | None] = _NONE,
        instead: Mapping[str, str] = MappingProxyType({}),
        in_cfg: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`flags` and `values` are options without and with a value that change nothing, with what to warn of;
        `instead` has what to give for options of other programs, `in_cfg` which key of [net] says it."""
        # Of the formatters of argparse this one leaves examples as they are written.
        shape = argparse.RawDescriptionHelpFormatter
        super().__init__(prog, None, description, add_help=add_help, allow_abbrev=False, formatter_class=shape)
        self.color = False  # what Python 3.14 would put into the help, a terminal is not shown raw
        self.notes: list[str] = []
        self._ignored = {name: (0, missing) for name, missing in flags.items()}
        self._ignored |= {name: (1, missing) for name, missing in values.items()}
        self._instead, self._in_cfg = instead, in_cfg

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")

    def _print_message(self, message: str, file: Any = None) -> None:
        """argparse hides that help can't be written."""
        (file or sys.stdout).write(message)

    def verbs(self) -> dict[str, Parser]:
        """The parsers of the command's verbs, if it has any, each with its purpose."""
        if self._subparsers is None:
            return {}
        action: Any = self._subparsers._group_actions[0]
        for listed in action._choices_actions:
            action.choices[listed.dest].description = listed.help
        return dict(action.choices)

    def note(self, text: str) -> None:
        """Something to warn of before the command runs."""
        self.notes.append(text)

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The arguments' values. argparse alone loses images that are named after an option."""
        if self._subparsers is not None:
            if not arguments:
                self.print_help()
                raise SystemExit(0)
            return self.parse_args(arguments)
        options, words = self._sort(list(arguments))
        return self.parse_args([*options, "--", *words])

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Of a verb's parser an unknown option is named here, with the verb's own --help."""
        known, rest = super().parse_known_args(args, namespace)
        if rest and rest[0].startswith("-"):
            self.error(f"unknown option {rest[0]}{self._hint(rest[0])}")
        return known, rest

    def _sort(self, arguments: list[str]) -> tuple[list[str], list[str]]:
        options: list[str] = []
        words: list[str] = []
        flag: str | None = None  # the argument before, if it was an option without a value
        while arguments:
            argument = arguments.pop(0)
            if argument == "--":
                return options, words + arguments
            if is_word(argument):
                if flag is None or not self._is_stray(argument):
                    words.append(argument)
                else:
                    self.note(f"{argument!r} behind {flag} is ignored: {flag} takes no value")
                flag = None
                continue
            taken = self._take_option(argument, arguments)
            options += taken
            flag = argument if len(taken) < 2 and "=" not in argument else None
        return options, words

    def _take_option(self, argument: str, rest: list[str]) -> list[str]:
        """The option and its value, taken from the rest; nothing for one that changes nothing here."""
        name, equals, _ = argument.partition("=")
        action = self._option_string_actions.get(name)
        if action is None:
            return self._ignore(name, rest)
        wants_value = action.nargs is None or (action.nargs == argparse.OPTIONAL and _starts_with_value(rest))
        taken = rest[:1] if wants_value and not equals else []
        del rest[: len(taken)]
        return [argument, *taken]

    def _ignore(self, name: str, rest: list[str]) -> list[str]:
        """Take an option that only other Darknets need, and note what is not done. UsageError for an unknown one."""
        if name not in self._ignored:
            self.error(f"unknown option {name}{self._hint(name)}")
        takes_value, missing = self._ignored[name]
        value = "".join(f" {each}" for each in rest[:takes_value])
        if missing is not None:
            self.note(f"{name}{value}: {missing}")
        del rest[:takes_value]
        return []

    def _hint(self, name: str) -> str:
        """What an unknown option may stand for."""
        plain = name.lstrip("-").replace("_", "-").lower()
        other = self._instead.get(plain)
        if os.path.exists(name):
            return f"; the file of this name is './{name}'"
        words = [str(each.metavar) for each in self._get_positional_actions() if each.metavar]
        if other in self._option_string_actions:
            return f"; here it is {other!r}"
        if other == "" and words:
            return f"; here files need no option, but their order: {' '.join(words)}"
        if plain in self._in_cfg and {"CFG", "cfg"} & {*words}:
            return f"; here the cfg says it, {self._in_cfg[plain]} in [net]"
        known = [*self._option_string_actions, *self._ignored]
        return did_you_mean(name, [each for each in known if each.startswith("--") == name.startswith("--")])

    def _is_stray(self, word: str) -> bool:
        """Whether a word behind an option without a value is the 1 of `-clear 1`: no command has such a word but
        those that take a number or a camera."""
        numbers = any(each.type is not None or each.metavar == "VIDEO" for each in self._get_positional_actions())
        return word in ("0", "1") and not numbers and not os.path.exists(word)


def is_word(argument: str) -> bool:
    """Whether an argument is no option: a name, a number below zero, or the `-` of standard input."""
    return not argument.startswith("-") or argument == "-" or bool(_NUMBER.match(argument))


def _starts_with_value(arguments: Sequence[str]) -> bool:
    """Whether a value follows that an option may have or not: a number, or an address of a cluster."""
    return bool(arguments) and (arguments[0].isdecimal() or bool(_ADDRESS.fullmatch(arguments[0])))


def real(low: float, high: float, above: bool = False) -> Callable[[str], float]:
    """The type of an option that is a number from low (or only `above` it) to high."""
    begin = "above" if above else "from"

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high or (above and value == low):
            hint = percent_hint(value) if high == 1 else ""
            raise argparse.ArgumentTypeError(f"expected a number {begin} {low:g} to {high:g}, found {text!r}{hint}")
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
