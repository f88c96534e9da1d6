"""A good data set."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lib.toy_datasets import picture


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two classes; six images to train on, two to validate on."""
    for i in range(8):
        image = picture(tmp_path / "images" / f"{i}.png", shade=i)
        label = Path(image.replace("images", "labels")).with_suffix(".txt")
        label.parent.mkdir(exist_ok=True)
        label.write_text(f"{i % 2} .5 .5 .{i + 1} .2\n" + "1 .25 .5 .1 .1\n" * (i == 0))
    (tmp_path / "train.txt").write_text("".join(f"images/{i}.png\n" for i in range(6)))
    (tmp_path / "val.txt").write_text("\n".join(f"{tmp_path}/images/{i}.png\r" for i in (6, 7)))
    (tmp_path / "a.names").write_text("dog\ncat\n")
    (tmp_path / "a.data").write_text("classes=2\ntrain=train.txt\nvalid=val.txt\nnames=a.names\n")
    return tmp_path / "a.data"
