"""Mutations of cfg and weights files: bytes, and what a careless or hostile hand would do to their structure."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from pydarknet.formats.cfg import parse_cfg
from pydarknet.graph.graph import MISSING, NET_KEYS
from pydarknet.layers import REGISTRY
from pydarknet.layers.base import ANY_LAYER

Mutation = Callable[[Random, bytes], bytes]

VALUES = [
    *("", "0", "-1", "1", "2", "3", "7", "-7", "255", "65536", "1000000", "2147483647", "2147483648"),
    *("-2147483648", "4294967296", "99999999999999999999", "0x10", "1e3", "1e-3", ".1", "1e309", "nan", "-inf"),
    *("abc", "1,2,3", "1,", ",", "-1,-2", "-1,-99", "0,0,0,0", "é", "leaky", "linear", "softmax", "data/9k.tree"),
    *("/dev/null", ".", "1" * 400, "1," * 300),
]
WORDS = [0, 1, 2, 5, 9, 10, 999, 1000, 1001, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7F800000, 0x7FC00000, 0xFF800000]
TYPES = sorted({"net", "network", *REGISTRY, *MISSING})
CFGS = Path(__file__).resolve().parents[2] / "cfg"
READ = [key for path in CFGS.glob("*.cfg") for section in parse_cfg(path).sections for key in section.options]
DECLARED = [NET_KEYS, ANY_LAYER, *(layer.keys for layer in REGISTRY.values())]
KEYS = sorted({*READ, *(name for keys in DECLARED for name in keys.names)})


# Bytes


def flip(rng: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncate(rng: Random, data: bytes) -> bytes:
    return data[: rng.randint(0, len(data))]


def insert(rng: Random, data: bytes) -> bytes:
    place = rng.randint(0, len(data))
    return data[:place] + rng.randbytes(rng.randint(1, 16)) + data[place:]


def delete(rng: Random, data: bytes) -> bytes:
    place = rng.randint(0, len(data))
    return data[:place] + data[place + rng.randint(1, 64) :]


def repeat(rng: Random, data: bytes) -> bytes:
    place = rng.randint(0, len(data))
    return data[:place] + data[place : place + rng.randint(1, 200)] * rng.randint(2, 5) + data[place:]


# Lines of a cfg


def on_lines(change: Callable[[Random, list[bytes]], None]) -> Mutation:
    def mutation(rng: Random, data: bytes) -> bytes:
        lines = data.split(b"\n")
        change(rng, lines)
        return b"\n".join(lines)

    return mutation


def drop_line(rng: Random, lines: list[bytes]) -> None:
    del lines[rng.randrange(len(lines))]


def double_line(rng: Random, lines: list[bytes]) -> None:
    lines.insert(rng.randint(0, len(lines)), rng.choice(lines))


def swap_lines(rng: Random, lines: list[bytes]) -> None:
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]


def change_value(rng: Random, lines: list[bytes]) -> None:
    places = [i for i, line in enumerate(lines) if b"=" in line]
    if places:
        place = rng.choice(places)
        key = lines[place].partition(b"=")[0]
        lines[place] = key + b"=" + rng.choice(VALUES).encode()


def change_key(rng: Random, lines: list[bytes]) -> None:
    places = [i for i, line in enumerate(lines) if b"=" in line]
    if places:
        place = rng.choice(places)
        lines[place] = rng.choice(KEYS).encode() + b"=" + lines[place].partition(b"=")[2]


def add_option(rng: Random, lines: list[bytes]) -> None:
    option = f"{rng.choice(KEYS)}={rng.choice(VALUES)}".encode()
    lines.insert(rng.randint(0, len(lines)), option)


def change_type(rng: Random, lines: list[bytes]) -> None:
    places = [i for i, line in enumerate(lines) if line.startswith(b"[")]
    if places:
        lines[rng.choice(places)] = f"[{rng.choice(TYPES)}]".encode()


def add_section(rng: Random, lines: list[bytes]) -> None:
    lines.insert(rng.randint(0, len(lines)), f"[{rng.choice(TYPES)}]".encode())


def move_section(rng: Random, lines: list[bytes]) -> None:
    starts = [i for i, line in enumerate(lines) if line.startswith(b"[")]
    if starts:
        start = rng.choice(starts)
        end = min((i for i in starts if i > start), default=len(lines))
        block = lines[start:end]
        if rng.random() < 0.5:
            del lines[start:end]
        place = rng.randint(0, len(lines))
        lines[place:place] = block


def change_field(rng: Random, data: bytes) -> bytes:
    """A word of a line becomes another of the file's, or an odd one."""
    lines = [line.split(b" ") for line in data.split(b"\n")]
    line = rng.choice(lines)
    line[rng.randrange(len(line))] = rng.choice([*rng.choice(lines), rng.choice(VALUES).encode(), b"\x01", b'"'])
    return b"\n".join(b" ".join(line) for line in lines)


def empty(_: Random, data: bytes) -> bytes:
    return data[:0]


def huge(rng: Random, data: bytes) -> bytes:
    """A line over and over, or a letter."""
    line = rng.choice(data.split(b"\n"))[:100]
    return data + rng.choice([line + b"\n", line[:1]]) * rng.randint(1000, 100_000)


def other_line_ends(rng: Random, data: bytes) -> bytes:
    return data.replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\n", b" \n", b"\x0b\n"]))


def other_encoding(rng: Random, data: bytes) -> bytes:
    return data.decode("latin-1").encode(rng.choice(["utf-16", "utf-8-sig", "utf-32", "utf-7"]))


# Words of a weights file


def change_header(rng: Random, data: bytes) -> bytes:
    place = 4 * rng.randrange(5)
    return data[:place] + struct.pack("<I", rng.choice(WORDS)) + data[place + 4 :]


def change_word(rng: Random, data: bytes) -> bytes:
    place = rng.randrange(max(len(data) // 4, 1)) * 4
    return data[:place] + struct.pack("<I", rng.choice(WORDS)) + data[place + 4 :]


def change_end(rng: Random, data: bytes) -> bytes:
    length = len(data) + rng.randint(-12, 12)
    return data[:length] + rng.randbytes(max(length - len(data), 0))


def only_noise(rng: Random, data: bytes) -> bytes:
    return data[: rng.choice([0, 12, 16, 20])] + rng.randbytes(rng.randint(0, len(data)))


# Numbers in text, and the sizes in the headers of images

NUMBERS = [
    *("0", "-1", "1", "0.5", "1e999", "-1e999", "NaN", "Infinity", "1e-320", "1e308", "2147483648", "null", "true"),
    *("9223372036854775808", '"1"', '"é"', "[]", "{}", '"../a.jpg"', '"a.jpg"', '"\\ud800.jpg"', '"\\u0000"'),
    *("9" * 400, "9" * 5000, "9" * 50_000 + "x", "1_0", "٣", "&#49;", "&a;", "[" * 2000),
]
_NUMBER = re.compile(rb'-?[0-9.]+(?:e-?[0-9]+)?|"[^"]{0,40}"')
DOCTYPES = [
    b'<!DOCTYPE a [<!ENTITY a "1">]>',
    b"<!DOCTYPE a>",
    b'<!DOCTYPE a SYSTEM "/etc/passwd">',
    b"<!ENTITY a 'b'>",
]


def change_number(rng: Random, data: bytes) -> bytes:
    places = list(_NUMBER.finditer(data))
    if not places:
        return data
    place = rng.choice(places)
    return data[: place.start()] + rng.choice(NUMBERS).encode() + data[place.end() :]


def declare(rng: Random, data: bytes) -> bytes:
    return rng.choice(DOCTYPES) + data


def change_size(rng: Random, data: bytes) -> bytes:
    """Two or four bytes near the beginning, where most formats have width and height."""
    place = rng.randrange(max(min(len(data), 700), 1))
    number = rng.choice([0, 1, 2, 255, 1000, 30_000, 65_535, 1 << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
    layout = rng.choice(["<I", ">I", "<H", ">H"])
    changed = struct.pack(layout, number if layout[1] == "I" else number & 0xFFFF)
    return data[:place] + changed + data[place + len(changed) :]


BYTES: Sequence[Mutation] = [flip, truncate, insert, delete, repeat]
LINES: Sequence[Mutation] = [
    *map(
        on_lines, (drop_line, double_line, swap_lines, change_key, add_option, change_type, add_section, move_section)
    ),
    *([on_lines(change_value)] * 6),
    other_line_ends,
]
CFG: Sequence[Mutation] = [*BYTES, *(list(LINES) * 3), other_encoding]
TEXT: Sequence[Mutation] = [
    *BYTES,
    other_line_ends,
    other_encoding,
    *map(on_lines, (drop_line, double_line, swap_lines)),
]
TREE: Sequence[Mutation] = [*TEXT, *[change_number] * 2, *[change_field] * 3, *[empty, huge]]
JSON: Sequence[Mutation] = [*BYTES, *[change_number] * 8, other_encoding, *map(on_lines, (drop_line, double_line))]
LABEL: Sequence[Mutation] = [*TEXT, *[change_number] * 6]
XML: Sequence[Mutation] = [*JSON, declare]
PICTURE: Sequence[Mutation] = [*BYTES, truncate, truncate, *[change_size] * 4]
WEIGHTS: Sequence[Mutation] = [*BYTES, change_header, change_header, change_word, change_word, change_end, only_noise]


def mutated(seed: int, number: int, seeds: Sequence[bytes], mutations: Sequence[Mutation]) -> bytes:
    """Case `number` of the run `seed`: one of the seeds after one to six mutations; always the same bytes."""
    rng = Random(f"{seed}/{number}")
    data = rng.choice(seeds)
    for _ in range(min(1 + int(rng.expovariate(0.7)), 6)):
        data = rng.choice(mutations)(rng, data)
    return data
