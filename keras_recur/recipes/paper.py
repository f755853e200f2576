"""paper_recipe: the papers' hyperparameters by family, data set and twin."""

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
    """Return the hyperparameters that the papers' code trains a network with.

    Args:
        family: Name of a family of the zoo.
        data: Name of a data set.
        twin: `"recurrent"` or `"feedforward"`. Defaults to `"recurrent"`.
        iterations: Iterations of the network. Recurrent networks get lower learning
            rates the more iterations they have. Defaults to `1`.
        injection: The argument that the network was built with. With recall
            (`"concat"`), the recipe is that of Bansal et al. 2022, with the progressive
            loss for the recurrent twin. Defaults to `None`.
        size: Size of the mazes: 9, 11 or 13; other sizes take the recipe of the
            nearest. Defaults to `None`, which is 9.

    Returns:
        A `Recipe`.

    Raises:
        ValueError: If an argument is not as described, or no paper trains such a
            network on such data.

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
