"""Network: what a paper's hyperparameters depend on."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from keras_recur.training.recipe import Recipe

Value = TypeVar("Value")


class Network(NamedTuple):
    """One twin, its iterations, and the size of the examples (`None`: the default)."""

    recurrent: bool
    iterations: int
    size: int | None


# By family and data set: a recipe, or a function of the network that returns one.
Recipes = Mapping[tuple[str, str], Recipe | Callable[[Network], Recipe]]


def up_to(by_iterations: Mapping[int, Value], iterations: int) -> Value:
    """Return the value of the largest key that is not above `iterations`."""
    return by_iterations[max(key for key in by_iterations if key <= iterations)]
