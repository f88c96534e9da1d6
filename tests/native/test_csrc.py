"""The house rules of csrc/, and that breaking one is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.check_csrc import findings

CSRC = Path(__file__).resolve().parents[2] / "csrc"
TENSOR = {"ops/tensor.h": '#include "host_device.h"'}


def test_csrc_keeps_them() -> None:
    assert findings(CSRC) == []


def found(folder: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return findings(folder)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu/pool.cpp": '#include "cuda/lib/a.h"', "cuda/lib/a.h": ""}, 'cpu may not include "cuda/lib/a.h"'),
        ({"ops/pool.h": '#include "shared/box.h"', "shared/box.h": ""}, 'ops may not include "shared/box.h"'),
        ({"cpu/simd/b.h": '#include "cpu/lib/a.h"', "cpu/lib/a.h": ""}, 'cpu/simd may not include "cpu/lib/a.h"'),
        ({"bindings/pool.cpp": '#include "cpu/pool.h"', "cpu/pool.h": ""}, 'bindings may not include "cpu/pool.h"'),
        ({"shared/box.h": '#include "device.h"'}, 'shared may not include "device.h"'),
        ({"cpu/pool.cpp": '#include "pool.h"'}, '"pool.h" is no file of csrc/'),
        ({"pool.cpp": ""}, "csrc/pool.cpp: in none of the rooms"),
        ({"cpu/a.h": '#include "cpu/b.h"', "cpu/b.h": '#include "cpu/a.h"'}, "a circle, cpu/a.h > cpu/b.h > cpu/a.h"),
    ],
)  # fmt: skip
def test_what_breaks_them_is_found(files: dict[str, str], expected: str, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, files)
    assert expected in finding


def test_an_arrow_that_points_the_right_way_is_none(tmp_path: Path) -> None:
    assert found(tmp_path, {**TENSOR, "cpu/pool.cpp": '#include "ops/tensor.h"'}) == []
