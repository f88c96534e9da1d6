"""The gallery of the documentation: images that the commands beside them draw when the site is built."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINES = 14  # of output that is shown


@dataclass(frozen=True)
class Piece:
    """A command without `pydarknet`, the image that it writes, if it writes one, and what is to be seen."""

    title: str
    command: str
    image: str
    text: str


PIECES = (
    Piece(
        "A YOLO9000 of our own", "detect stamps --path --out stamps.jpg", "stamps.jpg",
        "The weights come with the package. In training dogs and wrasses never had a box.",
    ),
    Piece(
        "As far as one likes", "detect stamps --depth 4 --out levels.jpg", "levels.jpg",
        "The same detections, named at the fourth level of the tree.",
    ),
    Piece(
        "A branch", "detect stamps --classes bird --out birds.jpg", "birds.jpg",
        "A name stands for all that is below it.",
    ),
    Piece(
        "What a detection rests on", "detect stamps --classes dog --explain why --no-draw", "why/stamps_1.jpg",
        "Red: without this part the dog would not be found again (D-RISE).",
    ),
    Piece(
        "A WordTree", "tree show data/stamps.tree --root vertebrate --format svg --out vertebrates.svg",
        "vertebrates.svg", "Built from WordNet by `tree build`.",
    ),
    Piece("Layer by layer", "info stamps", "", "Shapes, operations and parameters."),
)  # fmt: skip


def page(folder: Path) -> tuple[str, list[Path]]:
    """The page, in Markdown, and the images that it shows, made in `folder`. RuntimeError if a command fails."""
    rows, images = ["# Gallery", "", "Each image is drawn by the command above it when this site is built.", ""], []
    for piece in PIECES:
        said = _run(piece.command, folder)
        rows += [f"## {piece.title}", "", piece.text, "", "```sh", f"pydarknet {piece.command}", "```", ""]
        if piece.image:
            images.append(Path(piece.image))
            rows += [f"![{piece.title}](gallery/{piece.image})", ""]
        else:
            rows += ["```text", *said.splitlines()[:LINES], "...", "```", ""]
    return "\n".join(rows), images


def _run(command: str, folder: Path) -> str:
    words = [sys.executable, "-m", "pydarknet", *command.split(), "--quiet"]
    done = subprocess.run(
        words[: -1 if command.split()[0] in ("tree", "info") else None],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"gallery: pydarknet {command}: {done.stderr.strip()}")
    return done.stdout
