"""What the installed package holds besides the extensions."""

from __future__ import annotations

from pathlib import Path

from setuptools.command.build_py import build_py

from .flags import ROOT


def packages() -> list[str]:
    found = sorted(p.parent.relative_to(ROOT) for p in (ROOT / "pydarknet").rglob("__init__.py"))
    return [p.as_posix().replace("/", ".") for p in found]


# What users know by name. Of weights/ only what is the project's own: the rest was fetched, or is a cache.
SHARED = ("cfg/**/*", "data/**/*", "weights/stamps.md", "weights/stamps.weights")


class BuildWithShare(build_py):
    """Puts the cfg/, data/ and weights/ that users know into the package, so that nothing depends on the current
    folder."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for pattern in SHARED:
            for path in sorted(ROOT.glob(pattern)):
                if path.is_file():
                    target = Path(self.build_lib) / "pydarknet" / "_share" / path.relative_to(ROOT)
                    self.mkpath(str(target.parent))
                    self.copy_file(str(path), str(target))
