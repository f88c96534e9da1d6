"""WordNet's noun file, as Debian's `wordnet-base` has it: synsets, their words, and what each is a kind of.

A synset is named as in ImageNet: `n` and the eight digits of its place in `data.noun`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

from ..errors import DataError
from ..formats.data import read_names
from ..formats.named_classes import plain
from ..formats.text import lines, read_text, short

MAX_BYTES = 256 << 20  # WordNet 3.1's nouns take 16 MB
SYNSET = re.compile(r"n[0-9]{8}")
HYPERNYMS = ("@", "@i")  # a kind of; an instance of
# Everything is an entity, and nearly everything that can be seen a physical one: the published tree begins below.
TOO_GENERAL = ("n00001740", "n00001930")
SHOWN = 4  # synsets that have a word
PATHS_MOST = 10_000  # to the root, of one synset; WordNet 3.0 has 37 at most


@dataclass(frozen=True)
class WordNet:
    """The nouns: `words` of each synset, the most usual first, and its `hypernyms` in WordNet's order."""

    file: str
    words: dict[str, tuple[str, ...]]
    hypernyms: dict[str, tuple[str, ...]]

    def name(self, synset: str) -> str:
        """The first word."""
        return self.words[synset][0]

    def paths(self, synset: str) -> list[tuple[str, ...]]:
        """Every way from a root down to the synset, in the order of WordNet's file. DataError for a cycle."""
        found: list[tuple[str, ...]] = []
        open_ends: list[tuple[str, ...]] = [(synset,)]
        while open_ends:
            path = open_ends.pop()
            above = self.hypernyms[path[0]]
            if not above:
                found.append(path)
            for hypernym in above:
                if hypernym in path:
                    raise DataError.at(self.file, None, f"{hypernym} is a kind of itself; is the file damaged?")
                open_ends.append((hypernym, *path))
            if len(found) + len(open_ends) > PATHS_MOST:
                raise DataError.at(
                    self.file, None, f"{synset} has over {PATHS_MOST} ways to the root; is it damaged?"
                )
        return sorted(found)


def read_wordnet(folder: str | PathLike[str]) -> WordNet:
    """The nouns of the folder that holds `data.noun`. DataError with the line if that is another file."""
    path = Path(fspath(folder))
    file = str(path / "data.noun" if path.is_dir() else path)
    where = "expected WordNet's nouns (Debian: wordnet-base, in /usr/share/wordnet)"
    text = read_text(file, MAX_BYTES, lambda message: DataError.at(file, None, f"{message}; {where}"))
    words: dict[str, tuple[str, ...]] = {}
    hypernyms: dict[str, tuple[str, ...]] = {}
    at: dict[str, int] = {}  # the line of each
    for number, line in enumerate(lines(text), 1):
        if not line or line.startswith(" "):  # the licence
            continue
        try:
            synset, words_of, above = _parse(line.partition(" | ")[0].split())
        except (ValueError, IndexError):
            message = f"expected a synset as in WordNet's data.noun, found {short(line)!r}"
            raise DataError.at(file, number, message) from None
        if synset in words:
            raise DataError.at(file, number, f"{synset} is on line {at[synset]} already; is the file damaged?")
        words[synset], hypernyms[synset], at[synset] = words_of, above, number
    lost = next(((each, h) for each, above in hypernyms.items() for h in above if h not in hypernyms), None)
    if lost is not None:
        raise DataError.at(file, at[lost[0]], f"names a synset {lost[1]} that isn't there; is the file whole?")
    if not words:
        raise DataError.at(file, None, "names no synset; is the file whole?")
    return WordNet(file, words, hypernyms)


def _parse(fields: list[str]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Of the fields before the gloss: offset, file, `n`, how many words, each with an id; how many pointers, each of
    four fields."""
    synset = f"n{fields[0]}"
    if not SYNSET.fullmatch(synset) or fields[2] != "n":
        raise ValueError(fields[0])
    count = int(fields[3], 16)
    words = tuple(word.replace("_", " ") for word in fields[4 : 4 + 2 * count : 2])
    first, linked = 5 + 2 * count, int(fields[4 + 2 * count])
    links = fields[first : first + 4 * linked]
    if not words or (len(words), len(links)) != (count, 4 * linked):
        raise ValueError(count)
    pointers = zip(links[::4], links[1::4], links[2::4], strict=True)
    return (
        synset,
        words,
        tuple(f"n{place}" for symbol, place, kind in pointers if symbol in HYPERNYMS and kind == "n"),
    )


def read_synsets(path: str | PathLike[str], wordnet: WordNet) -> list[str]:
    """A list of synsets, one a line. DataError with the line for anything that isn't one of WordNet's, and for those
    above all roots of a tree."""
    file = fspath(path)
    names = read_names(file)
    for number, name in enumerate(names, 1):
        if name in TOO_GENERAL:
            what = "it is above everything: a tree begins below `physical entity`"
            raise DataError.at(file, number, f"{name} ({wordnet.name(name)}) can't be a class: {what}")
        if name not in wordnet.hypernyms:
            what = "of this WordNet" if SYNSET.fullmatch(name) else "such as n02084071"
            meant = _meant(name, wordnet)
            raise DataError.at(file, number, f"expected a synset {what}, found {short(name)!r}{meant}")
    return list(dict.fromkeys(names))


def _meant(text: str, wordnet: WordNet) -> str:
    """The synsets that have a word, or the one with which a line begins."""
    first = text.split()[0] if text.split() else ""
    if first != text and SYNSET.fullmatch(first):
        return "; it stands alone on its line"
    word = plain(text)
    found = [synset for synset, words in wordnet.words.items() if word and word in map(plain, words)]
    found += [f"n{text}"] if f"n{text}" in wordnet.words else []
    shown = ", ".join(f"{synset} ({', '.join(wordnet.words[synset][:3])})" for synset in found[:SHOWN])
    return f"; did you mean {shown}{' or another' if len(found) > SHOWN else ''}?" if found else ""
