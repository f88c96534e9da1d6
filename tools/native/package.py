"""What the installed package holds besides the extensions."""

from __future__ import annotations

from pathlib import Path

from setuptools.command.build_py import build_py

from .flags import ROOT


def packages() -> list[str]:
    found = sorted(p.parent.relative_to(ROOT) for p in (ROOT / "pydarknet").rglob("__init__.py"))
    return [p.as_posix().replace("/", ".") for p in found]


class BuildWithShare(build_py):
    """Puts the cfg/ and data/ folders users know into the package, so that nothing depends on the current folder."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for folder in ("cfg", "data"):
            for path in sorted((ROOT / folder).rglob("*")):
                if path.is_file():
                    target = Path(self.build_lib) / "pydarknet" / "_share" / path.relative_to(ROOT)
                    self.mkpath(str(target.parent))
                    self.copy_file(str(path), str(target))
