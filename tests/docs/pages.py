"""The fenced blocks of README.md and docs/, and the commands in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path.relative_to(ROOT).as_posix(): path for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]}
# Every line of docs/yolo9000.md is run by a test of its own, which looks at the results, too.
ELSEWHERE = {"docs/yolo9000.md": "tests/train/test_yolo9000_page.py"}
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROGRAM = re.compile(r"^(\w+=\S+ )*(pydarknet|python3?|pip|make|curl|git|cat .*\|) ")
_PLACEHOLDER = re.compile(r"\b[A-Z]{2,}\b|[\[\]|]|\.\.\.")


@dataclass(frozen=True)
class Block:
    """What stands between two fences: its language, the line of its first line, its text."""

    language: str
    line: int
    text: str

    def commands(self) -> list[tuple[int, str]]:
        """The commands of a shell block with their lines; one that ends in a backslash goes on."""
        found: list[tuple[int, str]] = []
        whole = ""
        for number, line in enumerate(self.text.splitlines(), self.line):
            whole += line + "\n"
            if not line.endswith("\\"):
                if command := whole.strip():
                    found.append((number, command))
                whole = ""
        return [(number, command) for number, command in found if not command.startswith("#")]


def blocks(page: str) -> list[Block]:
    """The blocks of a page in their order."""
    text = PAGES[page].read_text("utf-8")
    return [
        Block(match[1].partition(" ")[0], text.count("\n", 0, match.start()) + 2, match[2])
        for match in _FENCE.finditer(text)
    ]


def hidden_commands(page: str) -> list[str]:
    """Lines that look like commands in blocks that aren't said to be any; forms of commands, with [WEIGHTS] or
    OUT.onnx|OUT.npz, are none."""
    lines = [
        line for block in blocks(page) if block.language not in ("sh", "python") for line in block.text.splitlines()
    ]
    return [line for line in lines if _PROGRAM.match(line) and not _PLACEHOLDER.search(line)]


def inline_commands(page: str) -> list[str]:
    """Commands within the text, that name neither placeholders nor a part only."""
    text = _FENCE.sub("", PAGES[page].read_text("utf-8"))
    found = [re.sub(r"\s+", " ", each) for each in re.findall(r"`(pydarknet [^`]+)`", text)]
    return [each for each in found if not _PLACEHOLDER.search(each)]
