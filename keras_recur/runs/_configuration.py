"""Configurations of runs, by which folders and results are recognized."""

import hashlib
import json
from typing import Any, Protocol

from keras_recur._files import to_json
from keras_recur.runs.entry import Entry
from keras_recur.training._identity import completed_recipe


class Plan(Protocol):
    """Interface of entries and experiments."""

    @property
    def networks(self) -> tuple[str, ...]: ...

    def as_dict(self) -> dict[str, Any]:
        """Return the configuration as plain data."""
        ...

    def network(self, name: str, seed: int) -> Any: ...


def identity(plan: Plan) -> str:
    """Return a digest of the configuration, stored in its results."""
    text = json.dumps(json.loads(to_json(plan.as_dict())), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def completed(plan: Plan, begun: Any) -> Any:
    """Return a configuration of an earlier version with defaults for new keys."""
    if not isinstance(plan, Entry):
        return _with_recipe_fields(begun, plan.as_dict())
    try:
        return json.loads(to_json(Entry.from_dict(begun).as_dict()))
    except (KeyError, TypeError, ValueError, AttributeError):
        return begun  # The comparison names the difference.


def _with_recipe_fields(begun, asked):
    """Return the configuration of an experiment with defaults for new recipe fields."""
    if not isinstance(begun, dict) or not isinstance(asked, dict):
        return begun
    if {"optimizer", "learning_rate", "epochs", "batch_size"} <= begun.keys():
        found = completed_recipe(begun)
        # An experiment leaves out the fields in which its networks differ.
        return {k: v for k, v in found.items() if k in begun or k in asked}
    return {k: _with_recipe_fields(v, asked.get(k)) for k, v in begun.items()}


def differences(begun: Any, asked: Any, where: str = "") -> list[str]:
    """Return the differences, such as "model.width: 48, not 32"."""
    if isinstance(begun, dict) and isinstance(asked, dict):
        found = []
        for key in sorted({*begun, *asked}):
            inner = f"{where}.{key}" if where else key
            found += differences(begun.get(key), asked.get(key), inner)
        return found
    return [] if begun == asked else [f"{where}: {begun!r}, not {asked!r}"]
