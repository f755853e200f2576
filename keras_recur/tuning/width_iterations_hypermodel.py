"""Width against iterations, as a KerasTuner hypermodel.

Reference: Schwarzschild et al. 2022, "The Uncanny Similarity of Recurrence and Depth"
(arXiv:2102.11011), which compares networks of one width over depths; at equal
operations is the question here.
"""

import dataclasses
import functools
import math
import numbers
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import keras_tuner

from keras_recur import zoo
from keras_recur._limits import MAX_ITERATIONS, MAX_SIZE, check_size
from keras_recur._validation import (
    check_integer,
    check_number,
    check_one_of,
    check_sequence,
    check_type,
)
from keras_recur.layers import RecurrentGraph
from keras_recur.metrics import ExactMatch
from keras_recur.training import Recipe
from keras_recur.training._session import compile_by, trained_by
from keras_recur.tuning.budget import Budget
from keras_recur.tuning.sharing_choice import (
    check_sharing,
    sharing_arguments,
    twin_of,
)


class Configuration(NamedTuple):
    """One network of a search.

    Attributes:
        width: Units or channels of the state.
        iterations: How often the block is applied.
        sharing: `"all"`, `"none"`, `"groups of g"` or `"bank of k"`.
    """

    width: int
    iterations: int
    sharing: str

    def __str__(self):
        return f"w{self.width}-t{self.iterations}-{self.sharing.replace(' ', '')}"


class WidthIterationsHyperModel(keras_tuner.HyperModel):
    """Networks of a family, of every width, number of iterations and way of sharing.

    An ordinary `keras_tuner.HyperModel`: give it to any tuner. Its hyperparameters are
    `sharing`, `iterations`, `width` and `learning_rate`. What does not fit the budget
    is no part of the space: it is never proposed, and does not count as a failure. The
    choice of iterations then hangs on that of sharing, and that of width on both, by
    names such as `width (all, 4)`; `configuration(hp.values)` reads them all.

    Args:
        family: Name of a family of the zoo.
        widths: Widths to choose from. With `equal`, the least and the largest allowed.
        iterations: Numbers of iterations to choose from.
        sharing: Ways of sharing to choose from: `"all"`, `"none"` (the feed-forward
            twin), `"groups of g"` (g iterations after another tied), `"bank of k"`
            (mixes of k templates). Default `("all", "none")`.
        learning_rate: A number, a sequence to choose from, or for a range that is
            sampled in logarithms a `(low, high)` tuple of two. Default 1e-3.
        budget: A `Budget`. Default: none.
        equal: `"macs"`: for every number of iterations only the width whose operations
            come nearest to the budget's without passing it, a line of equal compute.
            Default `None`.
        recipe: A `Recipe`; its learning rate is replaced, and the tuner sets epochs
            and batches. Default: Adam.
        seed: Seed of initial weights. Default 0.
        **model: Further arguments of `zoo.build`, such as `input_shape`.

    Raises:
        ValueError: for an unknown family, empty or invalid ranges, and a budget that no
            network meets, with the nearest that would.

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
        self.widths = _sizes("widths", widths)
        self.iterations = _sizes("iterations", iterations, MAX_ITERATIONS)
        self.sharing = _several("sharing", sharing, lambda _, name: check_sharing(name))
        self.learning_rate = _rates(learning_rate)
        if budget is not None:
            check_type("budget", budget, Budget, "a `tuning.Budget`")
        if recipe is not None:
            check_type("recipe", recipe, Recipe, "a `training.Recipe`")
        self.budget: Any = budget
        self.equal = check_one_of("equal", equal, (None, "macs"))
        if equal and (budget is None or budget.macs is None):
            raise ValueError(
                "equal='macs' needs to know how many: budget=Budget(macs=...). Received: "
                f"budget={budget}."
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
        """All networks of the space, by sharing, iterations and width."""
        for (sharing, iterations), widths in self._space.items():
            for width in widths:
                yield Configuration(width, iterations, sharing)

    def declare(self, hp: Any) -> None:
        """Declares the hyperparameters; builds nothing."""
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
        """The values of the hyperparameters that give this network."""
        width, times, name = configuration
        names = ("iterations", "width")
        if not self._even:
            names = _scoped("iterations", name), _scoped("width", name, times)
        found = {"sharing": name, names[0]: times, names[1]: width}
        return {**found, "learning_rate": rate}

    def configuration(self, values: dict[str, Any]) -> Configuration:
        """The network that values of the hyperparameters give."""
        name = values["sharing"]
        if self._even:
            return Configuration(values["width"], values["iterations"], name)
        times = values[_scoped("iterations", name)]
        return Configuration(values[_scoped("width", name, times)], times, name)

    def _sharings(self):
        return list(dict.fromkeys(name for name, _ in self._space))

    @functools.cached_property
    def _even(self):
        """Whether every width goes with all iterations, and these with all sharing.

        If not, the choices hang on each other, and have names of their own: KerasTuner
        knows values by name alone.
        """
        several = len(self._sharings()) * len({t for _, t in self._space})
        same = len(set(map(tuple, self._space.values()))) == 1
        return same and several == len(self._space)

    def build(self, hp: Any) -> keras.Model:
        """Return the network of these hyperparameters, compiled by the recipe."""
        self.declare(hp)
        model = self.network(self.configuration(hp.values), self.seed)
        compile_by(model, self._recipe(hp), ExactMatch())
        return model

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Train a network for a tuner: `model.fit`, as the recipe says.

        The schedule of the learning rate, the progressive loss and annealed weights
        are those of `training.fit`. The epochs are the tuner's.
        """
        with trained_by(model, self._recipe(hp)) as schedule:
            callbacks = [schedule, *(kwargs.pop("callbacks", None) or ())]
            return model.fit(*args, callbacks=callbacks, **kwargs)

    def _recipe(self, hp):
        rate = hp.values["learning_rate"]
        return dataclasses.replace(self.recipe, learning_rate=rate)

    def network(self, configuration: Configuration, seed: int) -> keras.Model:
        """The untrained network of a configuration, with all readouts it trains."""
        model = self._model(configuration, seed)
        if self.recipe.every_readout:
            model["readout"] = "all"
        pair = zoo.build(self.family, **model)
        return getattr(pair, twin_of(configuration.sharing))

    def pair(self, configuration: Configuration, seed: int) -> zoo.Pair:
        """The untrained pair of a configuration."""
        return zoo.build(self.family, **self._model(configuration, seed))

    def _model(self, configuration, seed, **others) -> dict[str, Any]:
        width, iterations, sharing = configuration
        others |= {"width": width, "iterations": iterations, "seed": seed}
        return {**self.model, **others, **sharing_arguments(sharing, iterations)}

    def costs(self, configuration: Configuration) -> zoo.Costs:
        """What a network of the space costs, for one example."""
        if configuration not in self._counted:
            self._counted |= self._count(configuration)
        return self._counted[configuration]

    def _count(self, configuration):
        """Costs of this network; of its twin too, where that was built for it."""
        width, iterations, sharing = configuration
        if sharing in ("all", "none") and iterations > 2 and self._linear:
            # Every further iteration costs the same: nothing large is built for it.
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
        """Whether a further iteration is one more of the same: not in state graphs."""
        width = max(1, zoo.describe(self.family).width_multiple)
        least = Configuration(width, min(self.iterations), "all")
        model = self._model(least, 0, initializer="zeros")
        network = zoo.build(self.family, **model).recurrent
        return not any(isinstance(la, RecurrentGraph) for la in network.layers)

    def _feasible(self):
        """Allowed widths by sharing and iterations, where there are any."""
        allowed = {t: self.widths for t in self.iterations}
        if self.equal:
            allowed = {t: [self._iso_width(t)] for t in self.iterations}
        for sharing in self.sharing:
            for t, widths in allowed.items():
                found = [w for w in widths if w and self._fits(w, t, sharing)]
                if found:
                    yield (sharing, t), found

    def _fits(self, width, iterations, sharing):
        if self.budget is None:
            return True
        # Operations and activations do not depend on what is shared.
        counted = Configuration(width, iterations, "all")
        if self.budget.parameters is not None:
            counted = Configuration(width, iterations, sharing)
        return self.budget.allows(self.costs(counted))

    def _iso_width(self, iterations):
        """The widest network of so many iterations that does not pass the budget."""
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
        """Says which network comes nearest to a budget that none meets."""
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


def _several(name: str, given: Any, check: Callable[[str, Any], Any]) -> list[Any]:
    """One value or several as a list, each checked and once."""
    values = [given] if isinstance(given, str | bytes | numbers.Real) else given
    if not isinstance(values, Iterable):
        check_sequence(name, values)
    found = list(dict.fromkeys(check(name, value) for value in values))
    if not found:
        raise ValueError(f"`{name}` must hold at least one value. Received: none.")
    return found


def _sizes(name: str, values: Any, maximum: int = MAX_SIZE) -> list[int]:
    check = functools.partial(check_size, maximum=maximum)
    return sorted(_several(name, values, check))


def _rates(given: Any) -> Any:
    """A list to choose from, or a tuple `(low, high)`."""

    def check(name, value):
        return check_number(
            name, value, above=0, hint="It may be a list, or a tuple (low, high)."
        )

    values = _several("learning_rate", given, check)
    if not isinstance(given, tuple):
        return values
    if len(given) != 2 or values != sorted(values) or len(values) != 2:
        raise ValueError(
            "A range of `learning_rate` must be a tuple (low, high), with low below "
            f"high. Received: learning_rate={given!r}."
        )
    return tuple(values)
