"""compile_commands.json, by which editors find their way through the C++ sources."""

from __future__ import annotations

import json
from pathlib import Path

from .extensions import Native, cpu_extension, emu_extension
from .flags import ROOT
from .isas import chosen_isas


def compile_commands() -> list[dict[str, object]]:
    """How each source is compiled: for the last instruction set; kernels for the emulator, which needs no nvcc."""
    entries = {source: _entry(each, source) for each in (emu_extension(), cpu_extension(chosen_isas()[-1]))
               for source in each.sources}  # fmt: skip
    return list(entries.values())


def _entry(extension: Native, source: str) -> dict[str, object]:
    command = [*extension.commands[Path(source).suffix], "-c", source]
    return {"directory": str(ROOT), "file": source, "arguments": command}


def write_compile_commands() -> None:
    path, text = ROOT / "compile_commands.json", json.dumps(compile_commands(), indent=1) + "\n"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
