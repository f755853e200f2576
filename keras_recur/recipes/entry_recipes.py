"""Recipes of both twins of an entry, and its further networks."""

import dataclasses
from typing import Any

from keras_recur import data as data_room
from keras_recur import zoo
from keras_recur._validation import check_flag, check_one_of
from keras_recur.recipes import savarese_2019, zamir_2017
from keras_recur.recipes._network import check_network
from keras_recur.recipes.paper import paper_recipe
from keras_recur.recipes.quick import QUICK, shortened
from keras_recur.training.recipe import Recipe

_VARIANTS = {**savarese_2019.VARIANTS, **zamir_2017.VARIANTS}


def entry_recipes(
    family: str,
    data: str,
    *,
    quick: bool = False,
    iterations: int = 1,
    injection: str | None = None,
    size: int | None = None,
) -> dict[str, Recipe]:
    """Return the recipe of each twin of an entry.

    The first recipe that exists is used, in this order: that of the quick entry (with
    `quick`), of the data set, of a paper, and of a paper for a similar data set.
    `quick` shortens a paper's recipe to a 25th of its epochs.

    Args:
        family: Name of a family of the zoo.
        data: Name of a data set.
        quick: Whether training must finish in minutes on a laptop. Defaults to `False`.
        iterations: As for `paper_recipe`. Defaults to `1`.
        injection: As for `paper_recipe`. Defaults to `None`.
        size: As for `paper_recipe`. Defaults to `None`.

    Returns:
        A `Recipe` for `"recurrent"` and one for `"feedforward"`.

    Raises:
        ValueError: If an argument is invalid, or no recipe is known.

    Example:

    >>> found = keras_recur.recipes.entry_recipes("mlp", "digits", quick=True)
    >>> found["recurrent"].epochs
    12
    """
    check_one_of("family", family, zoo.list_families())
    spec = data_room.describe(check_one_of("data", data, data_room.list_datasets()))
    check_flag("quick", quick)
    options = check_network(iterations, injection, size)
    twins = "recurrent", "feedforward"
    preset = QUICK.get((family, data)) if quick else None
    if preset:
        changes = {"recurrent": preset.recurrent, "feedforward": preset.feedforward}
        return {t: dataclasses.replace(preset.recipe, **changes[t]) for t in twins}
    if spec.recipe is not None:
        fields = {**spec.recipe, **(spec.quick_recipe if quick else {})}
        return dict.fromkeys(twins, Recipe(**fields))
    found = {
        twin: _paper_recipe(family, data, spec.recipes_like, twin=twin, **options)
        for twin in twins
    }
    return {t: shortened(recipe) for t, recipe in found.items()} if quick else found


def variants(family: str) -> dict[str, dict[str, Any]]:
    """Return additional recurrent networks by name, as arguments of `zoo.build`."""
    return dict(_VARIANTS.get(family, {}))


def _paper_recipe(family, data, like, **options):
    try:
        return paper_recipe(family, data, **options)
    except ValueError:
        if like is None:
            raise
        recipe = paper_recipe(family, like, **options)
        return dataclasses.replace(recipe, source=f"as on {like}: {recipe.source}")
