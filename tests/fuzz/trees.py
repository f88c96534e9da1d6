"""Every verb of `pydarknet tree` with files that a careless or hostile hand has been at."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random

from pydarknet.cli.main import main
from pydarknet.errors import DarknetError

from . import mutate

SYNSET = "{:08} 03 n {:02x} {} {:03}{} | a gloss\n"
FILES = {
    "mine.tree": "animal -1\nvehicle -1\ndog 0\nbear 0\ncar 1\nice_bear 3\nbrown_bear 3\n",
    "mine.names": "animal\nvehicle\ndog\nbear\ncar\nice bear\nbrown bear\n",
    "mine.labels": "animal\nvehicle\ndog\nbear\ncar\nice_bear\nbrown_bear\n",
    "mine.map": "2\n3\n5\n4\n",
    "classes.names": "dogs\nbear\nIce_Bear\ncar\n",
    "mine.csv": 'child,parent\ndog,animal\n"ice bear",bear\nbear,animal\ncar,vehicle\n',
    "synsets.txt": "n00000013\nn00000012\nn00000011\n",
    "data.noun": "  1 a licence\n"
    + "".join(
        SYNSET.format(number, 1, f"word_{number} 0", len(above), "".join(f" @ {each:08} n 0000" for each in above))
        for number, above in {1740: (), 1930: (1740,), 10: (1930,), 11: (10,), 12: (10,), 13: (11, 12)}.items()
    ),
}
VERBS = [
    "build --csv mine.csv --out out", "build --wordnet data.noun --synsets synsets.txt --out out",
    "check mine.tree --map mine.map --classes classes.names", "show mine.tree", "show mine.tree --format dot",
    "show mine.tree --format svg --out out.svg --root bear", "find mine.tree bear", "path mine.tree brown_bear",
    "subset mine.tree --keep bear,car --out out", "map mine.tree classes.names --wordnet data.noun --out out.map",
]  # fmt: skip


def command(rng: Random) -> str:
    """A verb and the files, one or two of them damaged, as JSON."""
    verb = rng.choice(VERBS)
    files = {name: text.encode() for name, text in FILES.items()}
    named = sorted({word for word in verb.split() if word in files} | ({"mine.names", "mine.labels"} & set(files)))
    for name in rng.sample(named, rng.choice([1, 1, 2])):
        for _ in range(rng.choice([1, 1, 2, 4])):
            files[name] = rng.choice(mutate.TREE)(rng, files[name])
    return json.dumps([verb, {name: data.decode("latin-1") for name, data in files.items()}])


def run_command(path: Path) -> None:
    """0 and 1 are results; 2 is one error that is said, and nothing is written. What is written can be read."""
    verb, files = json.loads(path.read_text())
    out, errors = io.StringIO(), io.StringIO()
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for name, text in files.items():
            Path(name).write_bytes(text.encode("latin-1"))
        with redirect_stdout(out), redirect_stderr(errors):
            code = main(["tree", *verb.split()])
            if code == 0 and Path("out.tree").exists():
                assert main(["tree", "check", "out.tree"]) == 0
        written = {each.name for each in Path().iterdir()} - set(files)
    said = errors.getvalue()
    if code == 2 and said.startswith("pydarknet: error: ") and said.count("\n") == 1 and not written:
        raise DarknetError(said)
    if code not in (0, 1):
        raise RuntimeError(f"exit code {code}, {sorted(written)}: {said}")


TARGETS = {"run": run_command}
