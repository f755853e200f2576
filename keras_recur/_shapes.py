"""Shapes of JSON files, by which damaged files are recognized."""

import os
from pathlib import Path
from typing import Any

from keras_recur._files import read_json

Number = float
# A number that may be missing, as JSON has null for NaN.
Missing = (float, None)


def check_shape(content: Any, shape: Any, where: str = "content") -> Any:
    """Return `content` if it has the shape, or raise an error that names the place.

    Args:
        shape: A type (`float` accepts integers, `object` everything); `None`; a tuple
            of alternatives; a list with the shape of all items; a dictionary with the
            shape of each key, where a key that ends in `?` may be missing and `...`
            stands for all keys; or a function that returns an error text or `None`.
    """
    wrong = _misfit(content, shape, where)
    if wrong:
        raise ValueError(wrong)
    return content


def read_shaped(path: str | Path, shape: Any, way_out: str) -> Any:
    """Return the content of a JSON file; `way_out` tells users how to fix damage."""
    try:
        return check_shape(read_json(path), shape)
    except FileNotFoundError:
        raise
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{path} is damaged and cannot be read ({error}). {way_out}"
        ) from error


def plain_name(content: Any) -> str | None:
    """Return an error text unless a name is valid without folders, or `None`."""
    parts = {"", ".", ".."}
    if not isinstance(content, str) or content in parts:
        return "must be a name"
    if any(c in content for c in ("/", "\\", "\0", os.sep)):
        return f"must be a name without folders, not {content!r}"
    return None


def _misfit(content, shape, where):
    if isinstance(shape, tuple):
        found = [_misfit(content, one, where) for one in shape]
        return None if None in found else found[0]
    if isinstance(shape, list):
        if not isinstance(content, list):
            return _not(where, "a list", content)
        parts = ((item, shape[0], f"{where}[{i}]") for i, item in enumerate(content))
        return next(filter(None, (_misfit(*part) for part in parts)), None)
    if isinstance(shape, dict):
        return _misfit_of_keys(content, shape, where)
    if isinstance(shape, type):
        number = isinstance(content, int | float) and not isinstance(content, bool)
        right = {
            float: number,
            int: number and isinstance(content, int),
            object: True,
        }.get(shape, isinstance(content, shape))
        return None if right else _not(where, _NAMES[shape], content)
    if shape is None:
        return None if content is None else _not(where, "null", content)
    wrong = shape(content)
    return wrong and f"{where} {wrong}"


def _misfit_of_keys(content, shape, where):
    if not isinstance(content, dict):
        return _not(where, "an object", content)
    for key, inner in shape.items():
        if key is ...:
            parts = ((value, inner, f"{where}.{k}") for k, value in content.items())
            wrong = next(filter(None, (_misfit(*part) for part in parts)), None)
        elif key.removesuffix("?") in content:
            name = key.removesuffix("?")
            wrong = _misfit(content[name], inner, f"{where}.{name}")
        else:
            wrong = None if key.endswith("?") else f"{where} has no {key!r}"
        if wrong:
            return wrong
    return None


_NAMES = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}


def _not(where, what, content):
    shown = repr(content)
    shown = shown if len(shown) < 60 else f"{shown[:60]}..."
    return f"{where} must be {what}, not {shown}"
