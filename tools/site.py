"""What MkDocs can't find in docs/: the start page and others of the repository, every command's help, the gallery,
notebooks with their outputs."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import gallery  # type: ignore[import-not-found]  # noqa: E402  # a hook is no package
import notebooks  # type: ignore[import-not-found]  # noqa: E402

_FOLDER = TemporaryDirectory(prefix="pydarknet-gallery-")
PAGES = {"index.md": "README.md", "measurements.md": "benchmarks/README.md", "changes.md": "CHANGELOG.md"}
_LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    for name, source in PAGES.items():
        text = (ROOT / source).read_text("utf-8")
        files.append(File.generated(config, name, content=_with_links(text, ROOT / source)))
    files.append(File.generated(config, "commands.md", content=_commands()))
    text, images = gallery.page(Path(_FOLDER.name))
    files.append(File.generated(config, "gallery.md", content=text))
    for image in images:
        files.append(
            File.generated(config, f"gallery/{image.as_posix()}", abs_src_path=str(Path(_FOLDER.name, image)))
        )
    for path in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")):
        text, outputs = notebooks.page(path)
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=text))
        for image, data in outputs.items():
            files.append(File.generated(config, f"notebooks/{image}", content=data))
    return files


def on_post_build(**_: Any) -> None:
    """The images are copied by now."""
    _FOLDER.cleanup()


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of docs/ to what lies beside it."""
    source = ROOT / "docs" / page.file.src_uri
    return _with_links(markdown, source) if source.is_file() else markdown


def _with_links(text: str, source: Path) -> str:
    """Links between files of the repository as links between pages; to what is no page, the bare text."""
    pages, docs = {(ROOT / path).resolve(): name for name, path in PAGES.items()}, ROOT / "docs"

    def linked(match: re.Match[str]) -> str:
        target = (source.parent / match[1]).resolve()
        name = pages.get(target) or (target.relative_to(docs).as_posix() if docs in target.parents else None)
        return f"]({name}{match[2] or ''})" if name else "](#)" if target.exists() else match[0]

    return _LINK.sub(linked, text)


def _commands() -> str:
    """A page with every command's help, in the groups of `pydarknet --help`."""
    from pydarknet.cli.commands import GROUPS
    from pydarknet.cli.main import parser_of

    rows = ["# Commands", ""]
    for title, names in GROUPS.items():
        rows += [f"## {title.capitalize()}", ""]
        for name in names:
            parser = parser_of(name)
            parsers = {name: parser} | {f"{name} {verb}": each for verb, each in parser.verbs().items()}
            for called, each in parsers.items():
                rows += [f"### {called}", "", "```text", each.format_help().rstrip(), "```", ""]
    return "\n".join(rows)
