"""Write the API reference: a page for every room, from its `__all__`."""

import inspect
from pathlib import Path

from keras_docstrings import home, public_modules, public_names
from pages import keep_only, put

_INDEX = """
Reference
=========

All public names by room. The examples run as tests.

.. toctree::
   :maxdepth: 1

{rooms}

{top}
"""


def write(folder: Path) -> None:
    """Write all pages."""
    names = public_names()
    pages = {f"{room}.rst": _page(room, names) for room in public_modules()}
    top = {name: value for name, value in names.items() if "." not in name}
    rooms = "\n".join(f"   {room}" for room in public_modules())
    pages["index.rst"] = _INDEX.format(rooms=rooms, top=_members("keras_recur", top))
    for file, text in pages.items():
        put(folder / file, text)
    keep_only(folder, set(pages))


def _page(room, names):
    full = f"keras_recur.{room}"
    offered = {n: v for n, v in names.items() if n.startswith(f"{room}.")}
    own = {n: v for n, v in offered.items() if home(n, v) == n}
    title = f"{full}\n{'=' * len(full)}\n"
    places = [home(n, v) for n, v in offered.items()]
    # Autosummary expects names relative to the module.
    listed = "\n".join(
        f"   {p.removeprefix(f'{room}.') if p in own else f'~keras_recur.{p}'}"
        for p in places
    )
    return "\n".join(
        [
            title,
            f".. automodule:: {full}\n   :no-index:\n",
            f".. autosummary::\n   :nosignatures:\n\n{listed}\n",
            _members("keras_recur", own),
        ]
    )


def _members(module, names):
    parts = []
    for name, value in names.items():
        kind = "class" if inspect.isclass(value) else "function"
        title = name.rpartition(".")[2]
        parts.append(f"{title}\n{'-' * len(title)}\n")
        parts.append(f".. auto{kind}:: {module}.{name}")
        if kind == "class":
            parts.append("   :members:")
            if fields := getattr(value, "_fields", ()):  # The docstring describes them.
                parts.append(f"   :exclude-members: {', '.join(fields)}")
        parts.append("")
    return "\n".join(parts)
