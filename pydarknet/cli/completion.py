"""Scripts by which shells complete commands and options; for everything else they complete files, as always."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator

from .commands import COMMANDS

Path = tuple[str, ...]


def bash() -> str:
    """For bash."""
    return _BASH.replace("CASES", _cases())


def zsh() -> str:
    """For zsh, from a folder of its fpath or by source."""
    return _ZSH.replace("CASES", _cases())


def fish() -> str:
    """For fish."""
    lines = ["# Commands and options of pydarknet."]
    for path, choices in _following().items():
        seen = "".join(f"__fish_seen_subcommand_from {word}; and " for word in path)
        condition = f"{seen}not __fish_seen_subcommand_from {' '.join(choices)}"
        for word, purpose in choices.items():
            lines.append(f"complete -c pydarknet -n '{condition}' -a {word} -d {shlex.quote(purpose)}")
    for path, _, options in _paths():
        condition = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in path)
        lines += [f"complete -c pydarknet -n '{condition}' -l {option.removeprefix('--')}" for option in options]
    return "\n".join(lines) + "\n"


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}

_BASH = """# Commands and options of pydarknet.
_pydarknet() {
    local current=${COMP_WORDS[COMP_CWORD]} before= choices=
    printf -v before '%s ' "$COMP_CWORD" "${COMP_WORDS[@]:1:COMP_CWORD-1}"
    case "$before" in
CASES
    esac
    if [[ $current == -* || $choices != -* ]]; then
        COMPREPLY=($(compgen -W "$choices" -- "$current"))
    fi
}
complete -o default -o bashdefault -F _pydarknet pydarknet
"""

_ZSH = """#compdef pydarknet
# Commands and options of pydarknet.
_pydarknet() {
    local before= choices=
    printf -v before '%s ' "$((CURRENT - 1))" "${(@)words[2,CURRENT-1]}"
    case "$before" in
CASES
    esac
    if [[ $words[CURRENT] == -* || $choices != -* ]]; then
        compadd -- ${=choices} && return
    fi
    _files
}
if [[ $funcstack[1] == _pydarknet ]]; then
    _pydarknet "$@"
else
    compdef _pydarknet pydarknet
fi
"""


def _cases() -> str:
    """The choices for the current word by its number and the words before it, in the words of bash and zsh."""
    cases = [
        f'        "{len(path) + 1} {"".join(f"{word} " for word in path)}") choices={shlex.quote(" ".join(words))} ;;'
        for path, words in _following().items()
    ]
    longest_first = sorted(_paths(), key=lambda each: -len(each[0]))
    cases += [
        f'        *[0-9]" {" ".join(path)} "*) choices={shlex.quote(" ".join(options))} ;;'
        for path, _, options in longest_first
    ]
    return "\n".join(cases)


def _paths() -> Iterator[tuple[Path, str, list[str]]]:
    """The words of each command, what it is for, and its options."""
    from .main import parser_of

    for name, (_, purpose) in COMMANDS.items():
        parser, path = parser_of(name), tuple(name.split())
        yield path, purpose, _options(parser)
        for verb, of_verb in _verbs(parser).items():
            yield (*path, verb), of_verb.description or "", _options(of_verb)


def _following() -> dict[Path, dict[str, str]]:
    """The words that may follow others in a command's name, each with what it is for."""
    found: dict[Path, dict[str, str]] = {}
    for path, purpose, _ in _paths():
        for i, word in enumerate(path):
            whole = i == len(path) - 1
            found.setdefault(path[:i], {}).setdefault(word, purpose if whole else f"{word}'s commands")
    return found


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return sorted(option for action in parser._actions for option in action.option_strings if option[:2] == "--")


def _verbs(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands behind a command: `tree build`."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}
