"""Scripts that use the modules' former names still find them."""

from __future__ import annotations

import importlib
import sys

import pytest

from pydarknet._moved import MOVED


@pytest.mark.parametrize("old", sorted(MOVED))
def test_a_module_by_its_former_name(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, f"pydarknet.{old}", raising=False)
    new = importlib.import_module(f"pydarknet.{MOVED[old]}")
    with pytest.warns(DeprecationWarning, match=f"pydarknet.{old} has moved to pydarknet.{MOVED[old]}"):
        module = importlib.import_module(f"pydarknet.{old}")
    assert module is new
    assert module.__spec__ is not None
    assert module.__spec__.name == new.__name__


def test_inside_a_former_package(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pydarknet.data_tools", "pydarknet.data_tools.voc"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.warns(DeprecationWarning, match="has moved to"):
        module = importlib.import_module("pydarknet.data_tools.voc")
    assert module.__name__ == "pydarknet.datasets.voc"


@pytest.mark.parametrize(
    ("room", "names"),
    [("graph", "Graph"), ("detection", "Box Detection"), ("plan", "Builder Value"), ("anchors", "kmeans")],
)
def test_modules_that_are_rooms_now(room: str, names: str) -> None:
    for name in names.split():
        assert getattr(importlib.import_module(f"pydarknet.{room}"), name) is not None


def test_other_names_are_not_found() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("pydarknet.nothing")
    with pytest.raises(ImportError):
        exec("from pydarknet.graph import nothing")
