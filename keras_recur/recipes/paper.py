"""Hyperparameters of the papers by family, data set and twin."""

from keras_recur._validation import check_one_of, check_string, nearest
from keras_recur.recipes import (
    bansal_2022,
    liao_2016,
    savarese_2019,
    schwarzschild_2021,
    schwarzschild_2022,
    zamir_2017,
)
from keras_recur.recipes._network import Network, Recipes, check_network
from keras_recur.training.recipe import Recipe

_RECIPES: Recipes = {
    **schwarzschild_2022.RECIPES,
    **schwarzschild_2021.RECIPES,
    **liao_2016.RECIPES,
    **savarese_2019.RECIPES,
    **zamir_2017.RECIPES,
}
_WITH_RECALL: Recipes = {**_RECIPES, **bansal_2022.RECIPES}


def paper_recipe(
    family: str,
    data: str,
    *,
    twin: str = "recurrent",
    iterations: int = 1,
    injection: str | None = None,
    size: int | None = None,
) -> Recipe:
    """Return the hyperparameters of a paper for a network.

    Args:
        family: Name of a family of the zoo.
        data: Name of a data set.
        twin: `"recurrent"` or `"feedforward"`. Defaults to `"recurrent"`.
        iterations: Iterations of the network. More iterations lower the learning rates
            of recurrent networks. Defaults to `1`.
        injection: The `injection` of the network. With `"concat"` (recall), the recipe
            is that of Bansal et al. 2022, where recurrent twins use the progressive
            loss. Defaults to `None`.
        size: Size of the mazes. Sizes other than 9, 11 and 13 take the recipe of the
            nearest of these. Defaults to `None`, which means 9.

    Returns:
        A `Recipe`.

    Raises:
        ValueError: If an argument is invalid, or no paper trains such a network on such
            data.

    Example:

    >>> keras_recur.recipes.paper_recipe("mlp", "cifar10").learning_rate
    0.01
    """
    check_string("family", family)
    check_string("data", data)
    check_one_of("twin", twin, ("recurrent", "feedforward"))
    checked = check_network(iterations, injection, size)
    recipes = _RECIPES if injection is None else _WITH_RECALL
    if (family, data) not in recipes:
        known = [f"{f} on {d}" for f, d in recipes]
        wanted = f"{family} on {data}"
        raise ValueError(
            f"No paper's recipe is known for {wanted} (`family` on `data`). "
            f"Known: {', '.join(known)}."
            f"{nearest(wanted, known)} Pass a Recipe instead."
        )
    found = recipes[family, data]
    if isinstance(found, Recipe):
        return found
    return found(Network(twin == "recurrent", checked["iterations"], checked["size"]))
