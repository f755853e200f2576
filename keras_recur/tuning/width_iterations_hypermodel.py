"""Width against iterations, as a KerasTuner hypermodel.

Schwarzschild et al. 2022, "The Uncanny Similarity of Recurrence and Depth"
(arXiv:2102.11011), compare depths at one width. This space also compares networks at
equal MACs.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import keras_tuner

from keras_recur import zoo
from keras_recur._limits import MAX_ITERATIONS
from keras_recur._validation import check_integer, check_one_of, check_type
from keras_recur.data._batches import first_batch
from keras_recur.layers import RecurrentGraph
from keras_recur.metrics import ExactMatch
from keras_recur.training import Recipe
from keras_recur.training._session import compile_by, trained_by
from keras_recur.tuning._ranges import check_rates, several, sizes
from keras_recur.tuning.budget import Budget
from keras_recur.tuning.configuration import Configuration
from keras_recur.tuning.sharing_choice import (
    check_sharing,
    sharing_arguments,
    twin_of,
)


class WidthIterationsHyperModel(keras_tuner.HyperModel):
    """Networks of a family with every width, number of iterations and way of sharing.

    Any KerasTuner tuner can search this `keras_tuner.HyperModel`. Its hyperparameters
    are `sharing`, `iterations`, `width` and `learning_rate`. If a budget makes them
    depend on each other, they have names such as `width (all, 4)`;
    `configuration(hp.values)` reads all names.

    Args:
        family: Name of a family of the zoo.
        widths: Widths to choose from. With `equal`, their range.
        iterations: Numbers of iterations to choose from.
        sharing: Ways of sharing to choose from, as in `SearchSettings`. Defaults to
            `("all", "none")`.
        learning_rate: A number, a list to choose from, or a tuple `(low, high)`, a
            range that is sampled on a logarithmic scale. Defaults to `1e-3`.
        budget: A `Budget` that all networks must meet. Defaults to no budget.
        equal: `"macs"` keeps only the largest width within the budget's MACs. Defaults
            to `None`.
        recipe: A `Recipe`, whose learning rate, epochs and batch size the tuner
            replaces. Defaults to Adam.
        seed: Seed of the initial weights. Defaults to `0`.
        **model: Further arguments of `zoo.build`, such as `input_shape`.

    Raises:
        ValueError: If an argument is invalid, or no network meets the budget.

    Example:

    >>> space = keras_recur.tuning.WidthIterationsHyperModel(
    ...     "mlp", widths=[8, 16], iterations=[1, 2, 4], input_shape=(8, 8, 1)
    ... )
    >>> len(list(space.configurations()))
    12
    """

    def __init__(
        self,
        family: str,
        widths: Sequence[int],
        iterations: Sequence[int],
        sharing: Sequence[str] = ("all", "none"),
        learning_rate: float | Sequence[float] = 1e-3,
        budget: Budget | None = None,
        equal: str | None = None,
        recipe: Recipe | None = None,
        seed: int = 0,
        **model: Any,
    ):
        super().__init__()
        zoo.describe(family)
        self.family = family
        self.widths = sizes("widths", widths)
        self.iterations = sizes("iterations", iterations, MAX_ITERATIONS)
        self.sharing = several("sharing", sharing, check_sharing)
        self.learning_rate = check_rates(learning_rate)
        if budget is not None:
            check_type("budget", budget, Budget, "a `tuning.Budget`")
        if recipe is not None:
            check_type("recipe", recipe, Recipe, "a `training.Recipe`")
        self.budget: Any = budget
        self.equal = check_one_of("equal", equal, (None, "macs"))
        if equal and (budget is None or budget.macs is None):
            raise ValueError(
                "equal='macs' needs to know how many: budget=Budget(macs=...). "
                f"Received: budget={budget}."
            )
        self.recipe = recipe or Recipe("adam", 1e-3, epochs=1, batch_size=32)
        self.seed = check_integer("seed", seed, 0, maximum=2**32 - 1)
        self.example_shape = model.pop("example_shape", None)
        self.model = model
        self._counted: dict[Configuration, zoo.Costs] = {}
        self._space = dict(self._feasible())
        if not self._space:
            self._refuse_budget()

    def configurations(self) -> Iterator[Configuration]:
        """Yield all networks, ordered by sharing, iterations and width."""
        for (sharing, iterations), widths in self._space.items():
            for width in widths:
                yield Configuration(width, iterations, sharing)

    def declare(self, hp: Any) -> None:
        """Declare the hyperparameters without building a network."""
        sharing, allowed = self._sharings(), self._space
        hp.Choice("sharing", sharing)
        if self._even:
            hp.Choice("iterations", [t for s, t in allowed if s == sharing[0]])
            hp.Choice("width", next(iter(allowed.values())), ordered=True)
        for name in () if self._even else sharing:
            times = _scoped("iterations", name)
            with hp.conditional_scope("sharing", [name]):
                hp.Choice(times, [t for s, t in allowed if s == name], ordered=True)
            for t in (t for s, t in allowed if s == name):
                with hp.conditional_scope("sharing", [name]):
                    with hp.conditional_scope(times, [t]):
                        width = _scoped("width", name, t)
                        hp.Choice(width, allowed[name, t], ordered=True)
        rates = self.learning_rate
        if isinstance(rates, tuple):
            low, high = rates
            hp.Float("learning_rate", low, high, sampling="log")
        else:
            hp.Choice("learning_rate", rates, ordered=True)

    def values(self, configuration: Configuration, rate: float) -> dict[str, Any]:
        """Return the values of the hyperparameters for a network."""
        width, times, name = configuration
        names = ("iterations", "width")
        if not self._even:
            names = _scoped("iterations", name), _scoped("width", name, times)
        found = {"sharing": name, names[0]: times, names[1]: width}
        return {**found, "learning_rate": rate}

    def configuration(self, values: dict[str, Any]) -> Configuration:
        """Return the network for values of the hyperparameters."""
        name = values["sharing"]
        if self._even:
            return Configuration(values["width"], values["iterations"], name)
        times = values[_scoped("iterations", name)]
        return Configuration(values[_scoped("width", name, times)], times, name)

    def _sharings(self):
        return list(dict.fromkeys(name for name, _ in self._space))

    @functools.cached_property
    def _even(self):
        """Whether all combinations of the choices are allowed."""
        # If not, each choice has its own name, by which KerasTuner identifies it.
        several = len(self._sharings()) * len({t for _, t in self._space})
        same = len(set(map(tuple, self._space.values()))) == 1
        return same and several == len(self._space)

    def build(self, hp: Any) -> keras.Model:
        """Return the network for hyperparameters, compiled by the recipe."""
        self.declare(hp)
        model = self.network(self.configuration(hp.values), self.seed)
        compile_by(model, self._recipe(hp), ExactMatch())
        return model

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Train a network by the recipe; the tuner sets the number of epochs."""
        data, *others = args
        with trained_by(model, self._recipe(hp), data, first_batch(data)[0]) as session:
            callbacks = [session.schedule, *(kwargs.pop("callbacks", None) or ())]
            return model.fit(session.data, *others, callbacks=callbacks, **kwargs)

    def _recipe(self, hp):
        rate = hp.values["learning_rate"]
        return dataclasses.replace(self.recipe, learning_rate=rate)

    def network(self, configuration: Configuration, seed: int) -> keras.Model:
        """Return the untrained network of a configuration."""
        model = self._model(configuration, seed)
        if self.recipe.every_readout:
            model["readout"] = "all"
        pair = zoo.build(self.family, **model)
        return getattr(pair, twin_of(configuration.sharing))

    def pair(self, configuration: Configuration, seed: int) -> zoo.Pair:
        """Return the untrained pair of a configuration."""
        return zoo.build(self.family, **self._model(configuration, seed))

    def _model(self, configuration, seed, **others) -> dict[str, Any]:
        width, iterations, sharing = configuration
        others |= {"width": width, "iterations": iterations, "seed": seed}
        return {**self.model, **others, **sharing_arguments(sharing, iterations)}

    def costs(self, configuration: Configuration) -> zoo.Costs:
        """Return the costs of a network for one example."""
        if configuration not in self._counted:
            self._counted |= self._count(configuration)
        return self._counted[configuration]

    def _count(self, configuration):
        """Return the costs of this network, and of its twin if it was built."""
        width, iterations, sharing = configuration
        if sharing in ("all", "none") and iterations > 2 and self._linear:
            # Extrapolation avoids building large networks.
            one, two = (self.costs(Configuration(width, t, sharing)) for t in (1, 2))
            grown = {
                name: first + (iterations - 1) * (getattr(two, name) - first)
                for name, first in vars(one).items()
            }
            return {configuration: zoo.Costs(**grown)}
        model = self._model(configuration, 0, initializer="zeros")
        if sharing not in ("all", "none"):
            network = zoo.build(self.family, **model).recurrent
            return {configuration: zoo.costs(network, self.example_shape)}
        found = zoo.build(self.family, **model).costs(self.example_shape)
        return {
            configuration._replace(sharing="all"): found.recurrent,
            configuration._replace(sharing="none"): found.feedforward,
        }

    @functools.cached_property
    def _linear(self):
        """Whether all iterations cost the same, as in all networks but state graphs."""
        width = max(1, zoo.describe(self.family).width_multiple)
        least = Configuration(width, min(self.iterations), "all")
        model = self._model(least, 0, initializer="zeros")
        network = zoo.build(self.family, **model).recurrent
        return not any(isinstance(la, RecurrentGraph) for la in network.layers)

    def _feasible(self):
        """Yield the allowed widths by sharing and iterations."""
        allowed = {t: self.widths for t in self.iterations}
        if self.equal:
            allowed = {t: [self._equal_width(t)] for t in self.iterations}
        for sharing in self.sharing:
            for t, widths in allowed.items():
                found = [w for w in widths if w and self._fits(w, t, sharing)]
                if found:
                    yield (sharing, t), found

    def _fits(self, width, iterations, sharing):
        if self.budget is None:
            return True
        # MACs and activations do not depend on the sharing.
        counted = Configuration(width, iterations, "all")
        if self.budget.parameters is not None:
            counted = Configuration(width, iterations, sharing)
        return self.budget.allows(self.costs(counted))

    def _equal_width(self, iterations):
        """Return the largest width within the budget's MACs, or `None`."""
        step = zoo.describe(self.family).width_multiple
        low = math.ceil(min(self.widths) / step) - 1
        high = max(self.widths) // step
        most = self.budget.macs * (1 + (self.budget.tolerance or 0.0))
        while low < high:
            middle = (low + high + 1) // 2
            counted = Configuration(middle * step, iterations, "all")
            if self.costs(counted).macs <= most:
                low = middle
            else:
                high = middle - 1
        return low * step if low * step >= min(self.widths) else None

    def _refuse_budget(self):
        ends = {min(self.widths), max(self.widths)} if self.equal else set(self.widths)
        every = [
            Configuration(w, t, s)
            for w in sorted(ends)
            for t in self.iterations
            for s in self.sharing
        ]
        near = min(every, key=lambda c: self.budget.distance(self.costs(c)))
        costs = self.costs(near)
        have = ", ".join(f"{getattr(costs, n):,} {n}" for n in self.budget.limits)
        raise ValueError(
            f"No network meets the budget. Received: {self.budget}. Nearest: width "
            f"{near.width}, {near.iterations} iterations, sharing {near.sharing!r}, "
            f"with {have}."
        )


def _scoped(what: str, *where: Any) -> str:
    return f"{what} ({', '.join(map(str, where))})"
