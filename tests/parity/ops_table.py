"""What Debian's `darknet ops CFG` says of a network: every layer's shape, its BFLOPs, and the sum.

Running it for all cfgs takes a minute, so that its answers are kept in `tests/goldens/debian_ops.json`;
`python -m tests.parity.ops_table` writes them anew.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SHARE = Path("/usr/share/darknet")
GOLDEN = Path(__file__).resolve().parents[1] / "goldens" / "debian_ops.json"
RECURRENT = ("gru", "rnn", "rnn.train")

_ROW = re.compile(r"^ *(\d+) (.*)$")
_OUT = re.compile(r"-> *(\d+)(?: x *(\d+) x *(\d+))?")
_BFLOPS = re.compile(r"([\d.]+) BFLOPs")
_TOTAL = re.compile(r"^Floating Point Operations: (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """One printed layer: `out` is (c, h, w), (outputs,) or () where nothing is printed."""

    name: str
    out: tuple[int, ...]
    bflops: float | None


@dataclass(frozen=True)
class Table:
    """All printed layers and the exact number of operations, in units of one multiply or one add."""

    rows: list[Row]
    operations: int


def parse(stdout: str, stderr: str) -> Table:
    """Read the two streams of `darknet ops`."""
    rows: list[Row] = []
    for line in stderr.splitlines():
        match = _ROW.match(line)
        if match and int(match[1]) == len(rows):
            rows.append(_row(match[2]))
    total = _TOTAL.search(stdout)
    if total is None or not rows:
        raise ValueError(f"not the output of darknet ops: {stdout!r}")
    return Table(rows, int(total[1]))


def _row(text: str) -> Row:
    out, bflops = _OUT.search(text), _BFLOPS.search(text)
    shape = tuple(int(v) for v in reversed(out.groups()) if v is not None) if out else ()
    return Row(text.split()[0], shape, float(bflops[1]) if bflops else None)


def run(cfg: Path) -> Table:
    """Ask Debian's program; it looks for trees below its own folder."""
    done = subprocess.run(["darknet", "ops", str(cfg)], cwd=SHARE, capture_output=True, text=True, check=True)
    return parse(done.stdout, done.stderr)


def load_golden() -> dict[str, dict[str, object]]:
    """{cfg name: {"operations": int, "layers": [[type, [c, h, w], bflops or null], ...]}}."""
    golden: dict[str, dict[str, object]] = json.loads(GOLDEN.read_text())
    return golden


def describe(cfg: Path) -> dict[str, object]:
    """One entry of the golden: types and shapes as the library holds them, checked against the print."""
    from .oracle import Oracle

    table = run(cfg)
    with Oracle(cfg) as network:
        layers = network.layers
    if len(layers) != len(table.rows):
        raise ValueError(f"{cfg}: {len(layers)} layers, {len(table.rows)} printed")
    for layer, row in zip(layers, table.rows, strict=True):
        if row.out not in ((), layer.out, (layer.outputs,)):
            raise ValueError(f"{cfg}: layer {layer.index} is {layer.out}, printed {row.out}")
    rows = [[layer.type, list(layer.out), row.bflops] for layer, row in zip(layers, table.rows, strict=True)]
    return {"operations": table.operations, "layers": rows}


def main() -> None:
    """Write the golden."""
    cfgs = [p for p in sorted((SHARE / "cfg").glob("*.cfg")) if p.stem not in RECURRENT]
    entries = []
    for cfg in cfgs:
        entry = describe(cfg)
        rows = ",\n  ".join(json.dumps(row) for row in entry["layers"])  # type: ignore[attr-defined]
        entries.append(f'"{cfg.stem}": {{"operations": {entry["operations"]}, "layers": [\n  {rows}]}}')
        sys.stderr.write(f"{cfg.stem}\n")
    GOLDEN.write_text("{\n" + ",\n".join(entries) + "\n}\n")


if __name__ == "__main__":
    main()
