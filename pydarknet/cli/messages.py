"""What is said on standard error, and the progress bar."""

from __future__ import annotations

import sys
import warnings as python_warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import ImageWarning
from ..system.progress import say as say
from .console import harmless, raw

if TYPE_CHECKING:
    from ..datasets.check import Finding

MAX_WARNINGS = 20
FAILED = 1  # exit code when some images of several could not be read
CLEAR = "\033[2J\033[1;1H"


def warn(warnings: Iterable[str], quiet: bool) -> None:
    """The warnings, each once, unless there are too many to read."""
    unique = list(dict.fromkeys(warnings))
    for warning in unique[:MAX_WARNINGS]:
        say(f"warning: {warning}", quiet)
    if len(unique) > MAX_WARNINGS:
        say(f"warning: {len(unique) - MAX_WARNINGS} more", quiet)


@contextmanager
def image_warnings(quiet: bool) -> Iterator[None]:
    """What is doubtful about images as lines on standard error, each once, from whatever thread reads them."""
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore" if quiet else "default", ImageWarning)
        usual = python_warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
            if issubclass(category, ImageWarning):
                say(f"warning: {message}")
            else:
                usual(message, category, *place)

        python_warnings.showwarning = show  # type: ignore[assignment]
        yield


def print_findings(findings: Iterable[Finding], most: int) -> Counter[bool]:
    """Print `most` of what was found wrong; how many are errors, and how many are not."""
    count: Counter[bool] = Counter()
    shown = 0
    for finding in findings:
        count[finding.error] += 1
        if count[True] <= most if finding.error else count.total() <= most:  # warnings hide no error
            print(finding)
            shown += 1
    if more := count.total() - shown:
        print(f"... and {more} more; see --max")
    return count


class Lines:
    """Results on standard output, with or without a bar on standard error below them."""

    def __init__(self, bar: Any = None) -> None:
        self._bar = bar

    def print(self, lines: Iterable[str]) -> None:
        """Print the lines of one result; whoever reads them has them at once. A name with a line break in it stays
        in its line."""
        lines = [line.replace("\n", "\\n").replace("\r", "\\r") for line in lines]
        if sys.stdout.isatty():
            lines = (harmless(line, line=True) for line in lines)
        text = "".join(f"{line}\n" for line in lines)
        if self._bar is None:
            sys.stdout.write(text)
        else:
            self._bar.write(text, file=sys.stdout, end="")
        sys.stdout.flush()

    def clear(self) -> None:
        """Begin at the top of an empty screen, if standard output is one, as Darknet's demo does."""
        if sys.stdout.isatty():
            raw(sys.stdout).write(CLEAR)

    def complain(self, text: str) -> None:
        """An error that doesn't end the work."""
        self.say(text)

    def say(self, text: str, quiet: bool = False) -> None:
        """A line on standard error, above the bar."""
        if self._bar is None:
            say(text, quiet)
        elif not quiet:
            self._bar.write(f"pydarknet: {text}", file=sys.stderr)

    def done(self, count: int = 1, note: str = "") -> None:
        """So many more images or iterations are finished; the note stands behind the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(count)


@contextmanager
def progress(
    total: int | None, unit: str, *, quiet: bool, force: bool = False, first: int = 0, leave: bool = True
) -> Iterator[Lines]:
    """Lines, with a bar of rate and time left on a terminal, or with `force`.

    `first` are done already. With `leave` the bar stays where it was when all is done.
    """
    if quiet or not (force or sys.stderr.isatty()):
        yield Lines()
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, initial=first, leave=leave, dynamic_ncols=True, file=raw(sys.stderr)) as bar:
        yield Lines(bar)
