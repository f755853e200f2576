"""Convert docstrings in Keras's style for Sphinx."""

import importlib
import inspect
import re
import types

from docutils import nodes
from sphinx import addnodes
from sphinx.util import inspect as sphinx_inspect

import keras_recur

_LINK = re.compile(r"\[([^\]]+)\]\((https?://[^)]+)\)")
_COLON = "\ue000"


def public_modules():
    """Return the public modules by name."""
    found = {name: getattr(keras_recur, name) for name in keras_recur.__all__}
    return {n: m for n, m in found.items() if isinstance(m, types.ModuleType)}


def public_names():
    """Return the public classes and functions, as `{"zoo.Pair": object}`."""
    found = {n: getattr(keras_recur, n) for n in keras_recur.__all__}
    for room, module in public_modules().items():
        found |= {f"{room}.{name}": getattr(module, name) for name in module.__all__}
    return {
        name: value
        for name, value in found.items()
        if inspect.isclass(value) or inspect.isfunction(value)
    }


def home(name, value):
    """Return the name under which an object is described, which has one place.

    This is the room that defines it if that offers it, else the room that does, such as
    `callbacks`.
    """
    room, short = value.__module__.split(".")[1], name.rpartition(".")[2]
    offered = getattr(public_modules().get(room), "__all__", ())
    return f"{room}.{short}" if "." in name and short in offered else name


def targets():
    """Return the targets of text in backticks: `zoo.build`, or `Pair` if unique."""
    full, short = {}, {}
    for name, value in public_names().items():
        full[name] = f"keras_recur.{home(name, value)}"
        short.setdefault(name.rpartition(".")[2], set()).add(full[name])
    found = {f"keras_recur.{name}": target for name, target in full.items()} | full
    for name, places in short.items():
        if len(places) == 1 and not name.islower():  # "load" is an English word.
            found[name] = next(iter(places))
    return found


def name_role(name, rawtext, text, lineno, inliner, options=None, content=None):
    """Render single backticks as code, with a link if they name something public."""
    literal = nodes.literal(rawtext, nodes.unescape(text), classes=["py"])
    target = _targets.get(re.sub(r"\(.*\)$", "", nodes.unescape(text)))
    if target is None:
        return [literal], []
    link = addnodes.pending_xref(
        rawtext,
        literal,
        refdomain="py",
        reftype="obj",
        reftarget=target,
        refexplicit=True,
        refwarn=True,
    )
    return [link], []


def as_rst(lines):
    """Convert Markdown links, and make the section `Returns` one field.

    Napoleon would read the first words of "A table: its rows are ..." as a type.
    """
    lines = _LINK.sub(r"`\1 <\2>`__", "\n".join(lines)).split("\n")
    found, inside = [], False
    for line in lines:
        if line == "Returns:":
            inside, started = True, False
            continue
        if line == "Example:":  # Not indented, so not a section to Napoleon.
            line = ".. rubric:: Example"
        if inside and line and not line.startswith(" "):
            inside = False
        if inside and line:
            found.append(f"{'    ' if started else ':returns: '}{line.strip()}")
            started = True
        else:
            found.append(line)
    return found


def arguments(app, what, name, obj, options, signature, returned):
    """Show the arguments of `__init__`, which Keras layers hide behind `__new__`."""
    if what == "class" and signature == "(*args, **kwargs)":
        found = sphinx_inspect.signature(obj.__init__, bound_method=True)
        signature = sphinx_inspect.stringify_signature(
            found, unqualified_typehints=True
        )
    # Sphinx prints default factories of dataclasses as `<factory>`.
    return (signature or "").replace("<factory>", "...") or None, returned


def before_napoleon(app, what, name, obj, options, lines):
    lines[:] = as_rst(lines)
    if what in ("attribute", "property") and lines:
        # Napoleon would read text before a colon in the first line as a type.
        lines[0] = lines[0].replace(":", _COLON)


def after_napoleon(app, what, name, obj, options, lines):
    lines[:] = [line.replace(_COLON, ":") for line in lines]


def setup(app):
    global _targets
    importlib.import_module("keras_recur.tuning")
    _targets = targets()
    app.add_role("name", name_role)
    app.connect("autodoc-process-docstring", before_napoleon, priority=400)
    app.connect("autodoc-process-docstring", after_napoleon, priority=600)
    app.connect("autodoc-process-signature", arguments)
    return {"parallel_read_safe": True}
