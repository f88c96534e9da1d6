"""`pydarknet detector test` and `detector demo`: `detect` and `demo` with a .data file in front, as Darknet's."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

from . import demo as plain_demo
from . import detect


@dataclass(frozen=True)
class WithData:
    """A command as that module is, but for the order of its files."""

    module: Any

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the files and all options."""
        self.module.add_arguments(parser, data_first=True)

    def run(self, args: argparse.Namespace) -> int:
        """As the module's."""
        code: int = self.module.run(args)
        return code


test = WithData(detect)
demo = WithData(plain_demo)
