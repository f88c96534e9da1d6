"""What a command does as one of several ranks: those that don't lead say and write nothing but what is theirs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import options
from .messages import say

if TYPE_CHECKING:
    from ..train.team import Team


class TeamPlace:
    """This process in its team; the arguments of one that doesn't lead become quiet. `started`: whether training has
    begun, until when all warn of the same."""

    def __init__(self, team: Team, args: argparse.Namespace) -> None:
        self._team, self._args = team, args
        self._quiet = args.quiet
        self.started = False
        if not team.leads:
            args.quiet, args.no_chart, args.log, args.tensorboard = True, True, [], None

    def warn(self, text: str, known: Sequence[str]) -> None:
        """Say a warning, unless it is known or another rank says it."""
        if self._team.leads:
            say(f"warning: {text}", self._quiet or text in known)
        elif self.started:
            say(f"warning: rank {self._team.rank}: {text}", self._quiet)

    def threads(self) -> int | None:
        """Those that are asked for; of several ranks each gets its part of the machine's."""
        asked = self._args.threads or any(os.environ.get(f"{name}_NUM_THREADS") for name in ("PYDARKNET", "OMP"))
        if asked or self._team.size == 1:
            threads: int | None = self._args.threads
            return threads
        from ..scale.mpi import local_threads

        return local_threads()

    def device(self) -> str:
        """The device that is asked for; on a machine with several ranks each takes the next GPU."""
        device = options.device_of(self._args)
        kind, _, number = device.partition(":")
        if self._team.size == 1 or kind not in ("cuda", "auto"):
            return device
        from ..scale.mpi import local_rank

        return f"{kind}:{int(number or 0) + local_rank()}"
