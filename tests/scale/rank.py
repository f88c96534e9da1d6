"""`pydarknet` as a rank whose process id others can find: in RANK.pid."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pydarknet.cli.main import main

if __name__ == "__main__":
    rank = os.environ.get("OMPI_COMM_WORLD_RANK") or os.environ["PMI_RANK"]
    Path(f"{rank}.pid").write_text(str(os.getpid()))
    sys.exit(main())
