"""A .data file for the toy networks, whose answers are known by hand: images of a cat, a dog, and nothing."""

from __future__ import annotations

from pathlib import Path

from tests.lib.cli_nets import write_picture

NETWORK = ("net.cfg", "net.weights")
TREE = ("tree.cfg", "tree.weights")
# The box that `net` finds in every image of 40 x 30: 20 x 20 pixels in the middle; cat .839, dog .114.
BOX = "0.5 0.5 0.5 0.66666667"
CAT, DOG = 0.9525741 * 0.8807971, 0.9525741 * 0.1192029


def write_set() -> None:
    """The images, their labels, valid.list and v.data, in the present folder."""
    for stem, label in (("p_1", f"0 {BOX}\n"), ("p_2", f"1 {BOX}\n"), ("p_3", "")):
        write_picture(Path("images", f"{stem}.jpg"))
        write_text(f"labels/{stem}.txt", label)
    write_text("valid.list", "".join(f"images/p_{i}.jpg\n" for i in (1, 2, 3)))
    write_text("tree.names", "animal\nthing\ncat\ndog\n")
    data()


def write_text(path: str, text: str) -> None:
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(text)


def data(**keys: str) -> None:
    """v.data with these keys besides the usual ones."""
    lines = {"classes": "2", "valid": "valid.list", "names": "toy.names", **keys}
    write_text("v.data", "".join(f"{key}={value}\n" for key, value in lines.items()))


def break_picture(stem: str = "p_2") -> None:
    Path("images", f"{stem}.jpg").write_bytes(b"no image")


def images() -> list[str]:
    return Path("valid.list").read_text().split()
