"""Entries with default recipes and sizes."""

import dataclasses
import math
from typing import Any

from keras_recur import data as data_room
from keras_recur import recipes as recipes_room
from keras_recur import zoo
from keras_recur._files import check_path
from keras_recur._validation import (
    check_flag,
    check_keywords,
    check_one_of,
    check_positive_int,
)
from keras_recur.recipes.entry_recipes import variants
from keras_recur.recipes.quick import QUICK
from keras_recur.runs.entry import Entry
from keras_recur.runs.summary import side
from keras_recur.training.recipe import REPLAY_OFF, Recipe

# Fields of a recipe that a feed-forward twin does not have.
_RECURRENT = ("progressive", "progressive_depth", "throttle", *REPLAY_OFF)


def make_entry(
    family: str,
    data: str,
    *,
    quick: bool = False,
    size: int | None = None,
    num_examples: int | None = None,
    model: dict[str, Any] | None = None,
    recipe: dict[str, Any] | None = None,
    data_dir: str | None = None,
    download: bool = False,
) -> Entry:
    """Return the entry for a family and a data set, with tested defaults.

    CIFAR-100 uses the recipes of CIFAR-10 if no paper has one.

    Args:
        family: Name of a family of `zoo`.
        data: Name of a data set of `data`.
        quick: Whether to use settings with which a laptop finishes in minutes. Defaults
            to `False`: the paper's settings.
        size: Size of the training examples, for procedural tasks. Defaults to `None`:
            that of the recipe or the data set.
        num_examples: Number of training examples. Defaults to `None`: all.
        model: Arguments of `zoo.build` that replace the defaults.
        recipe: Fields of `Recipe` that replace the defaults of both twins;
            `progressive`, `progressive_depth`, `replay` and `throttle` apply only to
            the recurrent twin. A default that contradicts a field gives way to it.
        data_dir: Folder of downloaded data sets. Defaults to `None`.
        download: Whether a data set may be downloaded. Defaults to `False`.

    Returns:
        An `Entry`.

    Raises:
        ValueError: If a name is unknown, no recipe is known, or the data do not fit.

    Example:

    >>> entry = keras_recur.runs.make_entry("mlp", "cifar10", model={"iterations": 3})
    >>> entry.recipes["recurrent"].epochs
    200
    """
    defaults, spec = zoo.describe(family).defaults, data_room.describe(data)
    quick, download = check_flag("quick", quick), check_flag("download", download)
    size = None if size is None else check_positive_int("size", size)
    if num_examples is not None:
        num_examples = check_positive_int("num_examples", num_examples)
    if data_dir is not None:
        data_dir = str(check_path("data_dir", data_dir))
    for name, value in (("model", model), ("recipe", recipe)):
        if value is not None:
            check_keywords(name, value)
    model, recipe = dict(model or {}), dict(recipe or {})
    fields = [field.name for field in dataclasses.fields(Recipe)]
    for name in recipe:
        check_one_of("recipe", name, fields)
    preset = QUICK.get((family, data)) if quick else None
    if preset:
        model = {**preset.model, **model}
        size = size or preset.size
        num_examples = num_examples or preset.num_examples
    if spec.procedural:
        size = size or spec.size
    shape = data_room.input_shape(data, size)
    _check_fit(family, data, spec, shape, model)
    if None not in defaults["input_shape"]:
        model.setdefault("input_shape", list(shape))
    model["num_classes"] = spec.num_classes
    if "iterations" in defaults:
        model.setdefault("iterations", defaults["iterations"])
    recipes = recipes_room.entry_recipes(
        family,
        data,
        quick=quick,
        iterations=model.get("iterations", 1),
        injection=model.get("injection"),
        size=size,
    )
    if quick and preset is None and spec.recipe is None:
        num_examples = num_examples or 5_000
    own = {k: v for k, v in recipe.items() if k not in _RECURRENT}
    phases = preset.phases if preset and preset.phases else spec.phases
    phases = tuple(w for w in phases if w < 2 * (size or 0))
    sizes = (None,) if size is None else spec.test_sizes(size, phases)
    if preset and preset.test_sizes and size == preset.size:
        sizes = preset.test_sizes
    test_examples = preset.test_examples if preset else None
    if test_examples is None and (quick or spec.procedural):
        # Cap the test set so that a laptop scores it quickly.
        test_examples = min(1_000, spec.num_examples.get("test", 1_000))
    return Entry(
        family=family,
        data=data,
        model=model,
        recipes={
            "recurrent": _changed(recipes["recurrent"], recipe),
            "feedforward": _changed(recipes["feedforward"], own),
        },
        size=size,
        num_examples=num_examples,
        test_sizes=sizes,
        test_examples=test_examples,
        test_iterations=_test_iterations(model.get("iterations", 1), size, sizes),
        variants=variants(family) if "sharing" not in model else {},
        phases=phases,
        data_dir=data_dir,
        download=download,
    )


def _changed(recipe, changes):
    """Return a recipe with some fields, without the defaults that they contradict."""
    changes = dict(changes)
    if "progressive_depth" in changes and recipe.replay:
        changes.setdefault("progressive", 1.0)
    if changes.get("progressive"):
        changes = REPLAY_OFF | changes
        if recipe.loss_weights == "window":
            changes.setdefault("loss_weights", "final")
    if changes.get("window"):
        changes.setdefault("loss_weights", "window")
    several = changes.get("loss_weights", "final") != "final"
    if changes.get("replay") or several or changes.get("anneal_from"):
        # The progressive loss chooses where iterations begin, and has a single readout.
        changes.setdefault("progressive", 0.0)
    if changes.get("loss_weights", "window") != "window":
        changes.setdefault("window", None)
    return dataclasses.replace(recipe, **changes)


def _test_iterations(iterations, size, sizes):
    """Return the most test iterations, in proportion to the largest size."""
    largest = max(side(s) or 0 for s in sizes)
    growth = largest / size if size else 1
    return math.ceil(iterations * max(2, growth))


def _check_fit(family, data, spec, shape, model):
    usual = zoo.describe(family).defaults["input_shape"]
    channels = model.get("input_shape", usual)[-1]
    if data not in fitting_data(usual) or (None in usual and channels != shape[-1]):
        hint = ""
        if len(shape) == 1:
            hint = " Train models of text with `keras-recur experiment text`."
        raise ValueError(
            f"{family} and {data} do not fit: {family} takes inputs of shape {usual} "
            f"and has one target per {'position' if None in usual else 'example'}, "
            f"{data} has inputs of shape {shape}. Data sets that fit: "
            f"{', '.join(fitting_data(usual)) or 'none'}.{hint}"
        )
    classes = model.get("num_classes", spec.num_classes)
    if classes != spec.num_classes:
        raise ValueError(
            f"{data} has {spec.num_classes} classes. Received: num_classes={classes}."
        )


def fitting_data(usual: tuple[int | None, ...]) -> list[str]:
    """Return the data sets that fit networks with this default input shape."""
    # Networks that take inputs of any size need targets for every position.
    return [
        name
        for name in data_room.list_datasets()
        if len(data_room.input_shape(name)) == len(usual)
        and data_room.describe(name).procedural == (None in usual)
    ]
