"""A network that reads a text symbol by symbol: what it would write next, and how surprised it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..graph.engine import Engine
from ..layers.softmax import Softmax
from .crandom import CRandom
from .symbols import check_text_network

LEAST = np.float32(0.0001)  # what is less probable is never written
SPACES = frozenset(b" \n\t")


class Reader:
    """A network with its place in a text. CfgError for a network that isn't one for text."""

    def __init__(self, net: Engine) -> None:
        self.symbols = check_text_network(net)
        self._net, self.state = net, net.state()
        self._input = np.zeros((1, *net.inputs), np.float32)

    def read(self, symbol: int) -> npt.NDArray[np.float32]:
        """The probability of each symbol after this one."""
        row = self._input.reshape(-1)
        row[symbol] = 1
        output: npt.NDArray[np.float32] = self._net.forward(self._input, session=self.state).reshape(-1)
        row[symbol] = 0
        return output


def set_temperature(net: Engine, temperature: float) -> None:
    """Divide what every [softmax] gets by this."""
    for layer in net.layers:
        if isinstance(layer, Softmax):
            layer.temperature = temperature
    net.parameters_changed()


def darknet_random(net: Engine, srand: int) -> CRandom:
    """The random numbers of Darknet's `rnn generate -srand`, which draws the first for weights that it then loads."""
    random, uniform, normal = CRandom(srand), 0, 0
    for layer in net.layers:
        for each in layer.learners:
            evenly = each.type in net.dialect.uniform
            size = sum(record.size for record in each.records if record.name == "weights")
            uniform, normal = uniform + size * evenly, normal + size * (not evenly)
    random.skip(uniform + (normal + 1) // 2 * 2)  # normal ones are made in pairs
    return random


def generate(reader: Reader, seed: Iterable[int], length: int, random: CRandom) -> Iterator[int]:
    """The symbols of the seed, and as many more as `length` says, each drawn by its probability."""
    symbol = 0
    for i, following in enumerate(seed):
        if i:
            reader.read(symbol)
        symbol = following
        yield symbol
    for _ in range(length):
        symbol = draw(reader.read(symbol), random)
        yield symbol


def draw(probabilities: npt.NDArray[np.float32], random: CRandom) -> int:
    """One of the symbols, in Darknet's arithmetic."""
    kept = np.where(probabilities < LEAST, np.float32(0), probabilities)
    total = np.float32(np.cumsum(kept)[-1])  # one after the other
    scaled = kept * np.float32(1.0 / float(total)) if total else kept
    left = np.cumsum(np.concatenate([[random.uniform()], -scaled]), dtype=np.float32)[1:]
    found = np.flatnonzero(left <= 0)
    return int(found[0]) if len(found) else len(kept) - 1


@dataclass
class Surprise:
    """How well a text has been foretold so far: `bits` in all, over `count` symbols and `words` words."""

    bits: float = 0.0
    count: int = 0
    words: int = 1

    def add(self, probability: float, symbol: int) -> None:
        """What was thought of a symbol, and it came."""
        self.count += 1
        self.words += symbol in SPACES
        self.bits += -math.log2(probability) if probability > 0 else math.inf

    def __str__(self) -> str:
        """Darknet's line."""
        a_symbol, a_word = self.bits / self.count, self.bits / self.words
        return (
            f"{self.count} BPC: {a_symbol:4.4f}   Perplexity: {_power(a_symbol):4.4f}    "
            f"Word Perplexity: {_power(a_word):4.4f}"
        )


def judge(reader: Reader, seed: Iterable[int], text: Iterable[int]) -> Iterator[Surprise]:
    """How surprising each symbol of a text is after those before it, the `seed` first; the same object every time."""
    for symbol in seed:
        reader.read(symbol)
    told = Surprise()
    following = iter(text)
    symbol = next(following, 0)
    for after in following:
        told.add(float(reader.read(symbol)[after]), after)
        symbol = after
        yield told


def _power(bits: float) -> float:
    return 2**bits if bits < 1024 else math.inf
