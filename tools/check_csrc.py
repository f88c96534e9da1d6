"""The house rules of csrc/: includes point one way. `make lint` runs it.

python tools/check_csrc.py
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

# What each room may include besides its own files; a room that isn't here is none. The closest one counts.
ARROWS: dict[str, tuple[str, ...]] = {
    "ops": (),
    "shared": ("ops",),
    "cpu/shim": (),
    "cpu/simd": ("ops", "shared"),
    "cpu/lib": ("ops", "shared", "cpu/simd"),
    "cpu/matrices": ("ops", "shared", "cpu/simd", "cpu/lib"),
    "cpu/conv": ("ops", "shared", "cpu/simd", "cpu/lib", "cpu/matrices"),
    "cpu/bf16": ("ops", "shared", "cpu/simd", "cpu/lib", "cpu/matrices"),
    "cpu/wgrad": ("ops", "shared", "cpu/simd", "cpu/lib", "cpu/conv"),
    "cpu/int8": ("ops", "shared", "cpu/simd", "cpu/lib", "cpu/matrices"),
    "cpu": ("ops", "shared", "cpu/simd", "cpu/lib"),
    "cuda/shim": ("ops", "shared", "cuda/lib/reduce.h"),
    "cuda/lib": ("ops", "shared"),
    "cuda/conv": ("ops", "shared", "cuda/lib"),
    "cuda": ("ops", "shared", "cuda/lib"),
    "emu": ("ops", "shared", "cpu/shim", "cuda/lib/reduce.h"),
    "bindings": ("ops", "shared"),
    "bindings/lib/interface_emu.cpp": ("bindings", "emu/machine/memory.h"),
    "cpuid": (),
}
# Headers of several meanings, which the build finds in cpu/shim, cuda/shim or emu/vocabulary; who may ask for them.
SHIMS = {
    "host_device.h": ("ops", "shared", "cuda/shim"),
    "product.h": ("shared",),
    "device.h": ("cuda", "cuda/lib", "cuda/conv"),
}


def sources(csrc: Path) -> dict[str, str]:
    """Text of each source, by its path in csrc/."""
    files = (p for p in sorted(csrc.rglob("*")) if p.suffix in (".h", ".cpp", ".cu"))
    return {p.relative_to(csrc).as_posix(): p.read_text() for p in files}


def room_of(name: str) -> str:
    """The closest room of a file; empty if it lies in none."""
    parts = name.split("/")
    heads = ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((head for head in heads if head in ARROWS), "")


def belongs(name: str, room: str) -> bool:
    return name == room or (name.startswith(room + "/") and room_of(name) in (room, name))


def includes(text: str) -> list[str]:
    return re.findall(r'^\s*#\s*include "([^"]+)"', text, re.MULTILINE)


def wrong_arrows(files: dict[str, str]) -> Iterator[str]:
    for name, text in files.items():
        room = room_of(name)
        if not room:
            yield f"csrc/{name}: in none of the rooms {', '.join(ARROWS)}"
            continue
        for target in includes(text):
            if target in SHIMS:
                allowed = room in SHIMS[target]
            elif target not in files:
                yield f'csrc/{name}: "{target}" is no file of csrc/; includes begin there'
                continue
            else:
                allowed = any(belongs(target, to) for to in (room, *ARROWS[room]))
            if not allowed:
                yield f'csrc/{name}: {room} may not include "{target}"'


def circles(files: dict[str, str]) -> Iterator[str]:
    """Headers that include each other."""
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> Iterator[str]:
        if name in path:
            yield "csrc: a circle, " + " > ".join([*path[path.index(name) :], name])
        elif name not in done:
            for target in includes(files.get(name, "")):
                yield from visit(target, (*path, name))
            done.add(name)

    for name in files:
        yield from visit(name, ())


def findings(csrc: Path) -> list[str]:
    files = sources(csrc)
    return [*wrong_arrows(files), *circles(files)]


if __name__ == "__main__":
    found = findings(Path(__file__).resolve().parents[1] / "csrc")
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(1 if found else 0)
