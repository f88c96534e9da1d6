"""The house rules of size: files of at most 400 lines, folders of fewer than 40 source files. `make lint` runs it.

python tools/check_sizes.py
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

ROOMS = ("benchmarks", "csrc", "pydarknet", "tests", "tools")
SOURCES = (".py", ".h", ".cpp", ".cu", ".sh")
MOST_FILES, MOST_LINES = 40, 400


def findings(root: Path) -> list[str]:
    """What is too large below the project's folder, one line each."""
    files = [p for room in ROOMS for p in sorted((root / room).rglob("*")) if p.suffix in SOURCES and p.is_file()]
    folders = Counter(path.parent.relative_to(root).as_posix() for path in files)
    full = [
        f"{folder}: {count} source files, expected fewer than {MOST_FILES}"
        for folder, count in folders.items()
        if count >= MOST_FILES
    ]
    lines = ((path.relative_to(root).as_posix(), path.read_bytes().count(b"\n")) for path in files)
    return full + [
        f"{name}: {count} lines, expected at most {MOST_LINES}" for name, count in lines if count > MOST_LINES
    ]


if __name__ == "__main__":
    found = findings(Path(__file__).resolve().parents[1])
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(1 if found else 0)
