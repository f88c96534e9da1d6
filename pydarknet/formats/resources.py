"""Where the files are that a cfg, a .data file or a user names, whatever the current folder is."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from os import PathLike, fspath
from pathlib import Path

from ..errors import CfgError, DataError
from ..system.arguments import check_path
from .text import did_you_mean

_PACKAGE = Path(__file__).resolve().parents[1]


def find(name: str | PathLike[str], *, relative_to: str | PathLike[str] | None = None) -> Path:
    """The first file of that name: as given, beside the file that names it, in that file's parent folder,
    in the package's own data.

    `relative_to` is the file that names it. Where nothing is found with backslashes, slashes are tried. DataError
    with the places tried if there is none.
    """
    check_path("a file's name", name)
    tried = []
    for spelling in dict.fromkeys([fspath(name), with_slashes(fspath(name))]):
        for place in places(spelling, relative_to):
            if os.path.isfile(place):
                return place
            tried.append(str(place))
    if Path(name).name and (folder := next(filter(os.path.isdir, tried), None)):
        raise DataError(f"{folder} is a folder; `pydarknet data yolo FOLDER` makes lists of the images in one, "
                        "`pydarknet data classes FOLDER` of those in a folder for each class")  # fmt: skip
    sensible = [place for place in tried[1:] if os.path.isdir(os.path.dirname(place) or ".")]
    raise DataError(f"can't find {fspath(name)!r}; tried {', '.join(dict.fromkeys([*tried[:1], *sensible]))}")


def find_cfg(name: str | PathLike[str]) -> str:
    """The path of a cfg that a user names: a file as it is, else one in the folder cfg, else one of the package's
    own, with or without its ending. CfgError with the places tried."""
    check_path("cfg", name)
    given = fspath(name)
    if os.path.exists(given):
        return given
    plain = with_slashes(given)
    nearby = [] if os.path.dirname(plain) else ["cfg"]  # as weights are looked for in weights
    for spelling in dict.fromkeys([plain, f"{plain}.cfg"]):
        for place in [*(Path(folder, spelling) for folder in nearby), *places(spelling)]:
            if os.path.isfile(place):
                return str(place)
    where = [given, *nearby, str(share() / "cfg")]
    raise CfgError(given, None, f"can't be found; tried {', '.join(where)}{_hint(plain)}")


def is_bare_name(cfg: str) -> bool:
    """Whether a cfg is named without folder and ending, and is found."""
    if os.path.basename(cfg) != cfg or cfg.endswith(".cfg") or os.path.exists(cfg):
        return False
    with suppress(CfgError):
        return bool(find_cfg(cfg))
    return False


def warn_of_bare_name(cfg: str) -> None:
    """A UserWarning, where the network is made, if a cfg is a name that in commands stands for its weights too."""
    if is_bare_name(cfg):
        told = f"{cfg} without weights has random parameters; Network({cfg!r}, {cfg!r}) reads its own"
        warnings.warn(told, stacklevel=3)


def _hint(name: str) -> str:
    """What may be wrong with the name of a cfg that isn't there."""
    ending = os.path.splitext(name)[1].lower()
    if ending in (".weights", ".int8"):
        return "; the cfg stands before the weights"
    if ending in (".pt", ".pth", ".onnx", ".h5", ".tflite"):
        return f"; a network is a Darknet cfg here, {ending} files aren't read"
    stem = os.path.basename(name).removesuffix(".cfg")
    own = [each.stem for each in (share() / "cfg").glob("*.cfg")]
    misspelt = did_you_mean(stem, [each for each in own if _without_digits(each) != _without_digits(stem)])
    own_folder = os.path.normpath(os.path.dirname(name)) in (".", "cfg")
    others = "; it is none of the package's own: take it from where its weights are from" if own_folder else ""
    return others + misspelt


def _without_digits(name: str) -> str:
    """yolov3 is no misspelt yolov7."""
    return re.sub(r"[0-9]", "", name)


def places(name: str | PathLike[str], relative_to: str | PathLike[str] | None = None) -> Iterator[Path]:
    """Where `find` looks, in order."""
    yield Path(name)
    if Path(name).is_absolute():
        return
    if relative_to is not None:
        folder = Path(os.path.abspath(relative_to)).parent
        yield folder / name
        yield folder.parent / name
    for own in (share(), share() / "cfg", share() / "data"):
        yield own / name


def listed(path: str, list_file: str) -> str:
    """A path of a list as it can be opened: as it is written, beside the list, or in that folder's parent; with
    slashes where there is none with backslashes; in Latin-1, as the list may be and the file's name too; where it
    was `moved`. As written if there is none at all."""
    folders = [os.path.dirname(list_file), *map(str, Path(os.path.abspath(list_file)).parents[1:2])]
    for spelling in dict.fromkeys([path, with_slashes(path), _in_latin_1(path)]):
        if os.path.lexists(spelling):
            return spelling
        for folder in folders:
            if os.path.lexists(beside := os.path.join(folder, spelling)):
                return beside
    return moved(path, list_file) or path


def moved(path: str, beside: str) -> str | None:
    """Where a file of a folder that isn't there may be, if it was moved together with another: the longest end of its
    absolute path that is beside that one, if any."""
    plain = with_slashes(path)
    if os.path.isdir(os.path.dirname(plain)) or not (os.path.isabs(plain) or plain[1:3] == ":/"):
        return None
    parts = plain.strip("/").split("/")
    ends = (os.path.join(os.path.dirname(beside), *parts[start:]) for start in range(len(parts)))
    return next(filter(os.path.isfile, ends), None)


def with_slashes(path: str) -> str:
    """A path that Windows wrote, for systems where a backslash is a letter."""
    return path.replace("\\", "/") if os.sep == "/" else path


def _in_latin_1(path: str) -> str:
    """The file name whose bytes are the letters of `path` in Latin-1, if they are of that."""
    try:
        return os.fsdecode(path.encode("latin-1"))
    except UnicodeEncodeError:
        return path


def shown(path: str) -> str:
    """A file's path for people: long only where it is their own."""
    own = next((folder for folder in ("cfg", "data") if Path(path).parent == share() / folder), None)
    return path if own is None else f"the package's {own}/{Path(path).name}"


def share() -> Path:
    """The folder that holds our own cfg/ and data/: in the package, or the root of a source checkout."""
    installed = _PACKAGE / "_share"
    return installed if installed.is_dir() else _PACKAGE.parent
