"""The notebooks of the documentation as pages: each is run from start to end when the site is built."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

SECONDS = 600  # that a cell may take


def page(path: Path) -> tuple[str, dict[str, bytes]]:
    """The notebook in Markdown with what its cells gave, and the images that it shows by their names.
    CellExecutionError if a cell fails."""
    import nbformat
    from nbconvert import MarkdownExporter

    notebook = nbformat.read(path, as_version=4)
    _run(notebook, path.parent)
    text, resources = MarkdownExporter().from_notebook_node(notebook, {"unique_key": path.stem})
    return text, dict(resources["outputs"])


def _run(notebook: object, folder: Path) -> None:
    """Fill in the outputs, as with `folder` as the working directory."""
    from nbclient import NotebookClient
    from traitlets.config import Config

    with TemporaryDirectory(prefix="pydarknet-notebook-") as sockets:  # no other user can get at them
        kernel = {"transport": "ipc", "ip": str(Path(sockets, "kernel"))}
        where = {"metadata": {"path": str(folder)}}
        config = Config(AsyncKernelManager=kernel)
        NotebookClient(notebook, kernel_name="python3", timeout=SECONDS, resources=where, config=config).execute()
