"""`pydarknet` as a rank whose process id others can find: in RANK.pid."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pydarknet.cli.main import main
from pydarknet.scale.mpi import RANKS

if __name__ == "__main__":
    rank = next(os.environ[name] for name in RANKS if name in os.environ)
    Path(f"{rank}.pid").write_text(str(os.getpid()))
    sys.exit(main())
