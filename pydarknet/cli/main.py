"""`pydarknet`: finds the command, runs it, and turns what went wrong into one line and an exit code.

0: all is well. 1: some images of several failed. 2: an error. 130: Ctrl-C, and 128 + n another signal.
141: the reader of the output is gone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from .._version import __version__
from ..errors import DarknetError
from ..formats.text import did_you_mean
from ..system import signals
from . import console, environment, habits
from .commands import COMMANDS, GROUPS
from .messages import image_warnings, warn
from .parser import Parser, UsageError

ERROR, INTERRUPTED, UNREAD = 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    _hush_opencv()
    with console.ready():
        try:
            with signals.stopping():
                code = dispatch(list(sys.argv[1:] if argv is None else argv))
            sys.stdout.flush()
            _settle_messages()
        except SystemExit as stop:  # --help
            return _flushed(int(stop.code or 0))
        except KeyboardInterrupt as stop:
            return _stopped(stop)
        except DarknetError as error:
            warn(error.warnings, quiet=False)
            return _report(f"error: {error}", ERROR)
        except OSError as error:
            return _failed(error)
        except ImportError as error:
            return _report(f"error: {_unloadable(error)}", ERROR)
        except MemoryError:
            return _report("error: out of memory; use a smaller input size or batch", ERROR)
        return code


def _unloadable(error: ImportError) -> str:
    """What to say of a package, or a library of one, that isn't there or can't be loaded."""
    told = f"a package can't be loaded: {error}"
    if "libGL" in str(error) or "libgthread" in str(error):
        return f"{told}; on Debian apt-get install libgl1 libglib2.0-0, or pip install opencv-python-headless"
    return f"{told}; is it installed whole, and is there memory enough?"


def dispatch(arguments: list[str]) -> int:
    """Run the command that the arguments name. UsageError if there is none."""
    if arguments[:1] == ["help"] and arguments[1:]:
        arguments = [*arguments[1:], "--help"]
    if not arguments or arguments[0] in HELP:
        print(overview())
        return 0
    if arguments[0] in VERSION:
        print(f"pydarknet {__version__}")
        return 0
    if arguments[0] in _firsts() - COMMANDS.keys() and (len(arguments) == 1 or arguments[1] in HELP):
        print(overview(arguments[0]))
        return 0
    name, rest = split_command(habits.renamed(arguments))
    module = load(name)
    parser = parser_of(name)
    try:
        args = parser.parse(rest)
    except UsageError as error:
        if hasattr(module, "refuse"):
            module.refuse(error)
        raise
    quiet = getattr(args, "quiet", False)
    warn([*parser.notes, *environment.slips()], quiet)
    with image_warnings(quiet):
        code: int = module.run(args)
    return code


def parser_of(name: str) -> Parser:
    """The parser of a command."""
    from .examples import epilog

    known = (habits.FLAGS, habits.VALUES, habits.INSTEAD, habits.IN_CFG)
    parser = Parser(f"pydarknet {name}", COMMANDS[name][1], name not in OWN_HELP, *known)
    parser.epilog = epilog(name)
    load(name).add_arguments(parser)
    for verb, its_own in parser.verbs().items():
        its_own.epilog = epilog(f"{name} {verb}")
    return parser


HELP = ("help", "--help", "-help", "-h")
VERSION = ("version", "--version", "-version", "-V", "-v")

# `-h` is the camera's height there, as in Darknet; with no number behind it, it is help all the same.
OWN_HELP = ("demo", "detector demo", "track")


def split_command(arguments: list[str]) -> tuple[str, list[str]]:
    """The command and the arguments without its words. As in Darknet, options may stand before them."""
    first = _take(arguments, _firsts(), "command")
    if first in COMMANDS:
        _look_for_verb(first, arguments)
        return first, arguments
    return f"{first} {_take(arguments, _verbs(first), f'{first} verb')}", arguments


def _firsts() -> set[str]:
    return {name.partition(" ")[0] for name in COMMANDS}


def _verbs(first: str) -> set[str]:
    return {name.partition(" ")[2] for name in COMMANDS if name.startswith(f"{first} ")}


def _look_for_verb(command: str, arguments: list[str]) -> None:
    """UsageError for `detect test DATA ...`, which means `detector test`."""
    first = {"detect": "detector", "classify": "classifier"}.get(command)
    if first and arguments and arguments[0] in _verbs(first) and not os.path.exists(arguments[0]):
        raise UsageError(f"did you mean pydarknet {first} {arguments[0]}? {command} takes CFG WEIGHTS IMAGE...")


def _take(arguments: list[str], choices: set[str], what: str) -> str:
    """Remove and return the word that is one of the choices: the first argument, or one behind options."""
    candidates = range(len(arguments)) if arguments and arguments[0].startswith("-") else range(len(arguments[:1]))
    for i in candidates:
        if arguments[i] in choices:
            return arguments.pop(i)
    listed = ", ".join(sorted(choices))
    word = next((each for each in arguments if not each.startswith("-")), arguments[0])
    see = f"see pydarknet {what.removesuffix('verb') if what != 'command' else ''}--help"
    raise UsageError(f"unknown {what} {word!r}{did_you_mean(word, choices)} (one of {listed}); {see}")


def load(name: str) -> Any:
    """A command: a module, or an object in one that stands for it."""
    module, _, member = COMMANDS[name][0].partition(".")
    found = import_module(f".commands.{module}", __package__)
    return getattr(found, member) if member else found


def overview(first: str | None = None) -> str:
    """What `pydarknet --help` prints; with the first word of two-word commands, those."""
    shown = [name for name in COMMANDS if first is None or name.startswith(f"{first} ")]
    width = max(map(len, shown))
    lines = []
    for title, group in GROUPS.items():
        if names := [name for name in group if name in shown]:
            lines += ["", f"{title}:", *(f"  {name:<{width}}  {COMMANDS[name][1]}" for name in names)]
    return "\n".join(
        [
            f"pydarknet {__version__}: Darknet's networks from their original .cfg and .weights files",
            "",
            f"usage: pydarknet {f'{first} VERB' if first else 'COMMAND'} [ARGUMENTS]",
            *lines,
            "",
            f"pydarknet {f'{first} VERB' if first else 'COMMAND'} --help tells more. Options may stand anywhere, "
            "spelled as in Darknet (-thresh .3)",
            "or with two dashes (--thresh .3).",
        ]
    )


def _hush_opencv() -> None:
    """What OpenCV finds wrong with a file is in our error. It reads these when it is loaded, which is later."""
    for variable, level in (("OPENCV_LOG_LEVEL", "SILENT"), ("OPENCV_FFMPEG_LOGLEVEL", "-8")):
        os.environ.setdefault(variable, level)


def _settle_messages() -> None:
    """Give up messages that can't be written, which else would be an error of Python's (120) when it ends."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _flushed(code: int) -> int:
    """The code, once standard output has all that was printed."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return _failed(error)
    return code


def _stopped(stop: KeyboardInterrupt) -> int:
    """Say what ended the program. A closed terminal takes neither this nor what was printed before."""
    try:
        sys.stdout.flush()
    except OSError:
        console.give_up_output()
    if isinstance(stop, signals.Stopped):
        return _report(str(stop), signals.exit_code(stop.number))
    return _report("interrupted", INTERRUPTED)


def _failed(error: OSError) -> int:
    """A file that nobody named in an error of ours; without a name it is standard output."""
    if error.filename is None:
        console.give_up_output()
    if isinstance(error, BrokenPipeError):
        return UNREAD
    where = "standard output" if error.filename is None else os.fsdecode(error.filename)
    return _report(f"error: {where}: {error.strerror or error}", ERROR)


def _report(message: str, code: int) -> int:
    with suppress(OSError):
        print(f"pydarknet: {message}", file=sys.stderr, flush=True)
    return code
