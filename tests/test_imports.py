"""The order of imports that docs/architecture.md draws."""

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[1] / "keras_recur"
# A room imports rooms of earlier lines only. The files at the top are "top".
ORDER = [
    {"top"},
    {"data", "regularizers"},
    {"layers"},
    {"inference"},
    {"zoo"},
    {"losses"},
    {"metrics", "optimizers"},
    {"analysis", "training"},
    {"callbacks", "recipes"},
    {"runs"},
    {"reports"},
    {"experiments", "tuning"},
    {"exporting"},
    {"playground"},
    {"cli"},
]
RANK = {room: i for i, rooms in enumerate(ORDER) for room in rooms}
# These names may be imported from the package by every room.
PACKAGE = {"__version__", "version"}


def room_of(path):
    """The room of a file, or `None` for files that stand for the whole package."""
    parts = path.relative_to(ROOT).parts
    if len(parts) > 1:
        return parts[0]
    return None if path.stem in ("__init__", "__main__", "_rooms") else "top"


def imported(path):
    """The rooms that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            room = rest.partition(".")[0]
            if package == "keras_recur" and room and room not in PACKAGE:
                yield "top" if room.startswith("_") else room


def test_every_room_has_a_place_in_the_order():
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert rooms | {"top"} == set(RANK)


def test_imports_go_one_way():
    wrong = [
        f"{path.relative_to(ROOT)} imports {room}"
        for path in ROOT.rglob("*.py")
        if (own := room_of(path))
        for room in imported(path)
        if room != own and RANK[room] >= RANK[own]
    ]
    assert wrong == []
