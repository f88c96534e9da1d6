"""`pydarknet rnn train`, `rnn generate`, `rnn valid`: recurrent networks on text, as Darknet's commands."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING

from ...system import signals
from .. import options
from ..messages import say, warn
from ..parser import real, whole

if TYPE_CHECKING:
    from ...network import Network
    from ...texts.reading import Reader
    from ...texts.training import TextTrainer


class Train:
    """`pydarknet rnn train CFG [WEIGHTS]`."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add files and options."""
        _add_network(parser, "the weights to go on from; default: random ones")
        parser.add_argument("-file", "--file", default="data/shakespeare.txt", metavar="FILE",
                            help="the text (data/shakespeare.txt)")  # fmt: skip
        parser.add_argument("-tokenized", "--tokenized", action="store_true",
                            help="FILE holds numbers of tokens, not characters")  # fmt: skip
        parser.add_argument("-clear", "--clear", action="store_true", help="count from 0, whatever WEIGHTS says")
        parser.add_argument(
            "--backup", default="backup", metavar="FOLDER", help="where weights are saved (default: backup)"
        )
        parser.add_argument(
            "--max-batches", type=whole(1), metavar="N", help="number of iterations, instead of the cfg's"
        )
        _add_srand(parser)
        options.add_machine(parser)
        options.add_quiet(parser, bar=False)

    def run(self, args: argparse.Namespace) -> int:
        """0, or 128 + n when a signal stopped it; errors are raised."""
        from ...catalog import find_weights
        from ...texts.symbols import read_characters, read_tokens
        from ...texts.training import TextTrainer
        from .train import Stopping

        read = read_tokens if args.tokenized else read_characters
        trainer = TextTrainer(
            args.cfg, lambda symbols: read(args.file, symbols),
            weights=find_weights(args.weights) if args.weights else None, dialect=args.dialect, clear=args.clear,
            srand=args.srand, backup=args.backup, keep=True, max_batches=args.max_batches, threads=args.threads,
            device=options.device_of(args), precision=args.precision,
            warn=lambda text: say(f"warning: {text}", args.quiet),
        )  # fmt: skip
        stopping = Stopping(trainer)
        with signals.handled(stopping):
            _describe(trainer, args.quiet)
            for progress in trainer:
                if not args.quiet:
                    print(progress, flush=True)
        done = trainer.stepper.iteration >= trainer.max_batches
        say(f"{'done' if done else 'stopped'}: {trainer.files.final if done else trainer.backup}", args.quiet)
        return stopping.code


class Generate:
    """`pydarknet rnn generate CFG [WEIGHTS]`."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add files and options."""
        _add_network(parser, "its weights; default: random ones")
        _add_seed(parser)
        parser.add_argument("-len", "--len", dest="length", type=whole(0), default=1000, metavar="N",
                            help="number of characters after the seed (default: 1000)")  # fmt: skip
        parser.add_argument("-temp", "--temp", type=real(0, 1e6, above=True), default=0.7, metavar="T",
                            help="below 1: probable ones come more often; above 1: less (default: 0.7)")  # fmt: skip
        parser.add_argument("-tokens", "--tokens", metavar="FILE", help="what each token is printed as, line by line")
        _add_srand(parser)
        options.add_machine(parser)
        options.add_quiet(parser, bar=False)

    def run(self, args: argparse.Namespace) -> int:
        """0; errors are raised."""
        from ...texts.reading import darknet_random, generate, set_temperature
        from ...texts.symbols import numbers_of, printed, read_names

        names = read_names(args.tokens) if args.tokens else None
        reader, net = _open(args)
        set_temperature(net, args.temp)
        seed = numbers_of(os.fsencode(args.seed), reader.symbols, "-seed")
        out = sys.stdout.buffer
        for symbol in generate(reader, seed, args.length, darknet_random(net, args.srand)):
            out.write(printed(symbol, names))
            out.flush()
        out.write(b"\n")
        return 0


class Valid:
    """`pydarknet rnn valid CFG [WEIGHTS] [-file TEXT]`."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add files and options."""
        _add_network(parser, "its weights; default: random ones")
        _add_seed(parser)
        parser.add_argument("-file", "--file", metavar="FILE", help="the text (default: standard input)")
        parser.add_argument("--last", action="store_true", help="print only the line of the whole text")
        options.add_machine(parser)
        options.add_quiet(parser, bar=False)

    def run(self, args: argparse.Namespace) -> int:
        """0; errors are raised."""
        import numpy as np

        from ...texts.reading import judge
        from ...texts.symbols import checked, numbers_of, read_characters

        reader, _ = _open(args)
        seed = numbers_of(os.fsencode(args.seed), reader.symbols, "-seed")
        if args.file:
            text = read_characters(args.file, reader.symbols)
        else:
            typed = np.frombuffer(sys.stdin.buffer.read(), np.uint8).astype(np.int64)
            text = checked("standard input", typed, reader.symbols, "byte")
        told = None
        for told in judge(reader, seed, text.tolist()):
            if not args.last:
                print(told)
        if args.last:
            print(told)
        return 0


train, generate, valid = Train(), Generate(), Valid()


def _add_network(parser: argparse.ArgumentParser, weights: str) -> None:
    parser.add_argument("cfg", metavar="CFG", help="a network with as many outputs as inputs, one for each character")
    parser.add_argument("weights", metavar="WEIGHTS", nargs="?", help=weights)
    parser.add_argument("--dialect", metavar="NAME",
                        help="whose Darknet: darknet2018, alexeyab or paper2017; default: that of the cfg, else "
                             "alexeyab where it has a [cost], else darknet2018")  # fmt: skip


def _add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-seed", "--seed", default="\n\n", metavar="TEXT", help="what is read first (two new lines)")


def _add_srand(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-srand", "-rseed", "--srand", type=whole(0), default=int(time.time()) % 2**31, metavar="N",
                        help="seed of the random numbers, which are Darknet's (default: the time)")  # fmt: skip


def _open(args: argparse.Namespace) -> tuple[Reader, Network]:
    """The network at the beginning of a text."""
    from ...catalog import find_weights
    from ...formats.cfg import parse_cfg
    from ...formats.resources import find_cfg
    from ...network import Network
    from ...texts.dialect import text_dialect
    from ...texts.reading import Reader

    cfg = parse_cfg(find_cfg(args.cfg))
    net = Network(
        cfg, find_weights(args.weights) if args.weights else None, threads=args.threads,
        device=options.device_of(args), precision=args.precision, dialect=text_dialect(cfg, args.dialect),
    )  # fmt: skip
    warn(net.warnings, args.quiet)
    say(f"{net.cfg.file}: {net.backend.describe()}, dialect {net.dialect.name}", args.quiet)
    return Reader(net), net


def _describe(trainer: TextTrainer, quiet: bool) -> None:
    s = trainer.stepper
    streams = len(trainer.streams.offsets)
    say(f"dialect {s.dialect.name}; {len(trainer.text)} symbols of {trainer.symbols}; {streams} streams of {s.steps} "
        f"time_steps, {s.subdivisions} subdivisions", quiet)  # fmt: skip
    say(f"{s.schedule.policy} rate {s.schedule.learning_rate:g}, {s.optimiser}; iterations {s.iteration} to "
        f"{trainer.max_batches}; {s.engine.backend.describe()}, about {trainer.bytes_needed / 2**20:.0f} MiB; "
        f"weights go to {trainer.backup}", quiet)  # fmt: skip
