"""Network descriptions: Darknet's cfg grammar, with its quirks, into sections and typed options.

Blanks and tabs vanish wherever they stand; `#` and `;` start a comment in column 0 only; the first of two
equal keys wins; numbers follow C, so `1e3`, `.1` and `3#three` are numbers. What Darknet lets pass in
silence is noted in `Cfg.warnings`; what it would crash on is a `CfgError` with file and line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import TypeVar

from ..errors import CfgError, DataError, locate
from .cfg_keys import Keys, equals
from .numbers import FLOAT_MAX, INT_MAX, INT_MIN, NOT_A_NUMBER, read_float, read_int
from .resources import find
from .text import did_you_mean, lines, read_text, refuse_kinds, short

MAX_BYTES = 16 << 20  # a thousand times the longest published cfg
OTHERS = ("a .data file", "a data.yaml")  # that are taken for one
MAX_UNKNOWN = 20  # warnings about unknown keys in one section

_T = TypeVar("_T")
_N = TypeVar("_N", int, float)
_BLANKS = str.maketrans("", "", " \t")
_HEADER = re.compile(r"\[([^\]]*)\](.*)", re.DOTALL)


@dataclass
class Section:
    """One `[type]` of a cfg with its options as text.

    `index` is the layer's number (0 for the first section after [net], -1 for [net]). `lines` has the line
    of each key, `spelling` the line as written. A getter marks its key as used and adds its warnings to
    `warnings`, which all sections of a cfg share. `keys` are those that the section's owner declared.
    """

    type: str
    file: str
    line: int
    index: int
    options: dict[str, str]
    lines: dict[str, int] = field(default_factory=dict)
    spelling: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    keys: Keys = field(default_factory=Keys)
    warned: set[tuple[str | None, str]] = field(default_factory=set)

    def has(self, key: str) -> bool:
        """Whether the key is given; marks it as used."""
        self.used.add(key)
        return key in self.options

    def str_(self, key: str, default: str | None = None) -> str:
        """The option's text, blanks removed; without a default a missing key is a CfgError."""
        return self.options[key] if self.has(key) else self._default(key, default)

    def path(self, key: str) -> Path:
        """The file that an option names, whatever the current folder; DataError with the places tried."""
        try:
            return find(self.str_(key), relative_to=self.file)
        except DataError as error:
            place = locate(self.file, self.lines.get(key, self.line))
            raise DataError(f"{place}: [{self.type}] {key}: {error}") from error

    def int_(self, key: str, default: int | None = None, low: int = INT_MIN, high: int = INT_MAX) -> int:
        """The option as atoi reads it, clamped to 32 bits; a CfgError outside low..high."""
        if not self.has(key):
            return self._default(key, default)
        return self._checked(key, *read_int(self.options[key]), low, high)

    def float_(
        self, key: str, default: float | None = None, low: float = -FLOAT_MAX, high: float = FLOAT_MAX
    ) -> float:
        """The option as atof reads it; a CfgError outside low..high, infinite or NaN."""
        if not self.has(key):
            return self._default(key, default)
        return self._checked(key, *read_float(self.options[key]), low, high)

    def bool_(self, key: str, default: bool | None = None) -> bool:
        """The option as a C flag: every integer but 0 is true."""
        return self.int_(key, default) != 0

    def choice(self, key: str, allowed: Iterable[str]) -> str:
        """One of the allowed words, the first where the key is missing; a CfgError for another."""
        known = list(allowed)
        text = self.str_(key, known[0])
        if text not in known:
            expected = f"expected {', '.join(known[:-1])} or {known[-1]}"
            raise self.error(f"{key}={short(text)}: {expected}{did_you_mean(text, known)}", key)
        return text

    def ints(self, key: str, default: Iterable[int] | None = None, at_least: int = 1) -> list[int]:
        """Comma-separated integers; a CfgError if the list is missing, short, or holds anything else."""
        if not self.has(key):
            return list(self._default(key, default))
        return self._list(key, read_int, at_least)

    def floats(self, key: str, default: Iterable[float] | None = None, at_least: int = 1) -> list[float]:
        """Comma-separated numbers; a CfgError if the list is missing, short, or holds anything else."""
        if not self.has(key):
            return list(self._default(key, default))
        return self._list(key, read_float, at_least)

    def set(self, key: str, value: object) -> None:
        """Replace or append an option, for `dump`."""
        self.options[key] = str(value)
        self.spelling.pop(key, None)

    def part(self, options: dict[str, str]) -> Section:
        """A section of these options for something that this one is made of: errors and warnings are told of here."""
        return Section(self.type, self.file, self.line, self.index, options, self.lines, warnings=self.warnings)

    def error(self, message: str, key: str | None = None) -> CfgError:
        """The error to raise, placed at the key's line if it is given, else at the section's."""
        return CfgError(self.file, self._line(key), f"[{self.type}] {message}")

    def warn(self, message: str, key: str | None = None) -> None:
        """Note a warning, once, in the warnings of the cfg, placed like an error."""
        if (key, message) not in self.warned:
            self.warned.add((key, message))
            self.warnings.append(f"{self._place(key)}: [{self.type}] {message}")

    def declare(self, keys: Keys) -> None:
        """Take what the section's owner says of keys that it doesn't read. CfgError for one that is refused; numbers
        that only training reads are doubted now."""
        self.keys = keys
        for key in self.options.keys() & keys.refused.keys():
            refusal, text = keys.refused[key], self.options[key]
            if not refusal.allows(text):
                harmless = "".join(f"{key}={value}, or " for value in refusal.harmless[:1])
                message = f"{key}={short(text)} is not supported: it would {refusal.what}"
                raise self.error(f"{message}. Harmless is {harmless}no such line", key)
        for key in self.options.keys() & keys.training.keys():
            value = keys.training[key]
            if isinstance(value, (int, float)):
                read = read_int if isinstance(value, int) else read_float
                self._note(key, read(self.options[key])[1])

    def unfollowed(self, followed: Iterable[str]) -> dict[str, str]:
        """Warnings, by key, about keys of training that were not asked for, here or (`followed`) in a section of this
        type."""
        ignored = [key for key in self.options if key in self.keys.training.keys() - self.used - {*followed}]
        texts = {key: self.options[key] for key in ignored}
        return {
            key: f"{self._place(key)}: [{self.type}] {key}={short(text)} is not followed in training"
            for key, text in texts.items()
            if not equals(text, self.keys.training[key])
        }

    def unused(self) -> list[str]:
        """Warnings about keys that neither a getter asked for nor the section's owner declared."""
        known = self.keys.names | self.used
        unknown = [key for key in self.options if key not in known]
        texts = [self._unknown(key, did_you_mean(key, known)) for key in unknown[:MAX_UNKNOWN]]
        more = len(unknown) - len(texts)
        return texts + [f"{self.file}: [{self.type}] {more} more unknown keys are ignored"] * (more > 0)

    def misspelt(self) -> list[str]:
        """The same where an error ended the reading: only those that look like a key which was asked for in vain."""
        rest = [key for key in self.options if key not in self.keys.names | self.used]
        asked = {key: {each for each in self.used - self.options.keys() if not key.startswith(each)} for key in rest}
        return [self._unknown(key, hint) for key in rest if (hint := did_you_mean(key, asked[key]))][:MAX_UNKNOWN]

    def _unknown(self, key: str, hint: str) -> str:
        return f"{self._place(key)}: [{self.type}] unknown key {short(key)!r} is ignored{hint}"

    def _place(self, key: str | None) -> str:
        return locate(self.file, self._line(key))

    def _line(self, key: str | None) -> int:
        return self.line if key is None else self.lines.get(key, self.line)

    def _default(self, key: str, default: _T | None) -> _T:
        if default is None:
            raise self.error(f"{key!r} is missing; add a line {key}=...")
        return default

    def _checked(self, key: str, value: _N, warning: str, low: _N, high: _N) -> _N:
        self._note(key, warning)
        if not low <= value <= high:
            text = short(self.options[key])
            raise self.error(f"{key}={text}: expected {_range(low, high)}, found {value}", key)
        return value

    def _note(self, key: str, warning: str) -> None:
        text = short(self.options[key])
        if warning == NOT_A_NUMBER:
            self.warn(f"value {text!r} for {key} is not a number, read as 0", key)
        elif warning:
            self.warn(f"{key}={text}: {warning}", key)

    def _list(self, key: str, read: Callable[[str], tuple[_N, str]], at_least: int) -> list[_N]:
        items = self.options[key].split(",")
        if len(items) < at_least:
            raise self.error(f"{key}: expected at least {at_least} numbers, found {len(items)}", key)
        return [self._item(key, f"{key}, item {i}", item, *read(item)) for i, item in enumerate(items, 1)]

    def _item(self, key: str, where: str, text: str, value: _N, warning: str) -> _N:
        if warning == NOT_A_NUMBER or not abs(value) <= FLOAT_MAX:
            raise self.error(f"{where}: expected a finite number, found {short(text)!r}", key)
        if warning:
            self.warn(f"{where}: {warning}", key)
        return value


@dataclass
class Cfg:
    """A parsed file: `[net]` and the layers' sections in order. `warnings` grows while getters are called."""

    file: str
    net: Section
    sections: list[Section]
    warnings: list[str]


def parse_cfg(path: str | PathLike[str]) -> Cfg:
    """Read a cfg file. CfgError if it is missing, a folder, empty, not text, or doesn't start with [net]."""
    name = fspath(path)
    return parse_cfg_text(read_text(name, MAX_BYTES, lambda message: CfgError(name, None, message)), name)


def parse_cfg_text(text: str, name: str = "<text>") -> Cfg:
    """Parse the text of a cfg; `name` stands for the file in errors and warnings."""
    warnings: list[str] = []
    sections: list[Section] = []
    for number, raw in enumerate(lines(text), 1):
        line = raw.translate(_BLANKS)
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            kind = _section_type(line, name, number, warnings)
            sections.append(Section(kind, name, number, len(sections) - 1, {}, warnings=warnings))
        elif not sections:
            refuse_kinds([raw], OTHERS, "a cfg", partial(CfgError, name, number))
            raise CfgError(name, number, f"expected [net] first, found {short(line)!r}; is this a cfg file?")
        else:
            _add_option(sections[-1], line, raw.strip(" \t"), number)
    if not sections:
        raise CfgError(name, None, "is empty: expected [net] and the layers after it")
    net, *layers = sections
    if net.type not in ("net", "network"):
        raise CfgError(name, net.line, f"expected [net] as the first section, found [{short(net.type)}]")
    return Cfg(name, net, layers, warnings)


def dump(cfg: Cfg) -> str:
    """The cfg as text: sections and keys in order, unchanged options as they were spelled, no comments."""
    blocks = []
    for section in [cfg.net, *cfg.sections]:
        options = [section.spelling.get(key, f"{key}={value}") for key, value in section.options.items()]
        blocks.append("\n".join([f"[{section.type}]", *options]) + "\n")
    return "\n".join(blocks)


def _section_type(line: str, name: str, number: int, warnings: list[str]) -> str:
    match = _HEADER.match(line)
    if not match:
        raise CfgError(name, number, f"expected ']' at the end of {short(line)!r}")
    kind, tail = match.groups()
    if tail:
        warnings.append(f"{locate(name, number)}: {short(tail)!r} after [{kind}] is ignored")
    return kind


def _add_option(section: Section, line: str, spelling: str, number: int) -> None:
    key, equals, value = line.partition("=")
    place = f"{locate(section.file, number)}: [{section.type}]"
    if not equals:
        section.warnings.append(f"{place} {short(line)!r} is ignored: expected key=value")
    elif not value:
        section.warnings.append(f"{place} {key!r} has no value: its default is used")
    elif key in section.options:
        first = section.lines[key]
        section.warnings.append(f"{place} {key!r} is given again: line {first} counts, as in Darknet")
    else:
        section.options[key], section.lines[key], section.spelling[key] = value, number, spelling


def _range(low: float, high: float) -> str:
    if high >= INT_MAX:
        return "a finite number" if low <= -FLOAT_MAX else f"at least {low}"
    return f"{low} to {high}" if low > INT_MIN else f"at most {high}"
