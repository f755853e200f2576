"""Arguments that a paper's hyperparameters depend on."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from keras_recur._validation import check_one_of, check_positive_int
from keras_recur.training.recipe import Recipe

Value = TypeVar("Value")


class Network(NamedTuple):
    """A twin, its iterations, and the size of the examples (`None` for the default)."""

    recurrent: bool
    iterations: int
    size: int | None


# Keys are family and data set. A value is a recipe or a function that returns one.
Recipes = Mapping[tuple[str, str], Recipe | Callable[[Network], Recipe]]


def up_to(by_iterations: Mapping[int, Value], iterations: int) -> Value:
    """Return the value of the largest key that is not above `iterations`."""
    return by_iterations[max(key for key in by_iterations if key <= iterations)]


def check_network(iterations: Any, injection: Any, size: Any) -> dict[str, Any]:
    """Return these arguments of a recipe by name, or raise ValueError."""
    iterations = check_positive_int("iterations", iterations)
    check_one_of("injection", injection, (None, "add", "concat"))
    if size is not None:
        size = check_positive_int("size", size)
    return {"iterations": iterations, "injection": injection, "size": size}
