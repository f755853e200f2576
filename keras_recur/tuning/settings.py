"""The settings of a search."""

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_recur import data as data_room
from keras_recur import zoo
from keras_recur._earlier_names import current_names
from keras_recur._files import check_path
from keras_recur._help import SearchDefaults
from keras_recur._limits import MAX_ITERATIONS, MAX_SEEDS, check_size
from keras_recur._validation import (
    check_flag,
    check_integer,
    check_keywords,
    check_one_of,
    check_positive_int,
    check_sequence,
    check_type,
)
from keras_recur.runs.run_folder import check_seeds
from keras_recur.tuning._ranges import check_rates, several, sizes
from keras_recur.tuning.budget import Budget
from keras_recur.tuning.sharing_choice import check_sharing

ORACLES = ("grid", "random", "bayesian", "hyperband", "optuna")
OBJECTIVES = {
    "accuracy": "max",
    "macs": "min",
    "parameters": "min",
    "activation_bytes": "min",
}


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """Settings of a search of width against iterations.

    `tuning.search` takes every field as an argument. Sequences become lists.

    Args:
        family: Name of a family of the zoo.
        data: Name of a data set.
        widths: Widths to choose from. With `equal`, the allowed range.
        iterations: Numbers of iterations to choose from.
        sharing: Ways of sharing to choose from: `"all"`, `"none"` (the feed-forward
            twin), `"groups of g"` (ties g consecutive iterations), `"bank of k"`
            (mixes k templates). Defaults to `("all", "none")`.
        learning_rate: A number, a list to choose from, or a tuple `(low, high)`, a
            range that is sampled on a logarithmic scale. Defaults to the recipe's
            learning rate.
        budget: A `Budget` that all networks must meet. Defaults to no budget.
        equal: `"macs"` keeps one width for each number of iterations: the largest one
            within the budget's MACs. Defaults to `None`.
        oracle: `"grid"` trains every network; `"random"`, `"bayesian"` and
            `"hyperband"` (which trains for fewer epochs at first) come with KerasTuner;
            `"optuna"` weighs several objectives. Defaults to `"grid"`.
        objectives: Objectives of `oracle="optuna"`: `"accuracy"` and any of `"macs"`,
            `"parameters"` and `"activation_bytes"`. The winner is always the most
            accurate network. Defaults to accuracy and MACs.
        max_trials: Maximum number of networks, without their twins. Defaults to all
            for `"grid"` and to `20` for other oracles; `"hyperband"` ignores it.
        twins: Whether to train the feed-forward twin of every network as well. Defaults
            to `False`.
        seeds: Number of seeds, counted from 0, or a list of seeds. Defaults to `3`.
        fresh_seeds: Number of new seeds on which the winner is trained again and
            tested. Defaults to `3`.
        quick: Whether to use small settings that train in minutes on a laptop. Defaults
            to `False`.
        size: Size of the training examples. See `runs.make_entry`.
        num_examples: Number of training examples. See `runs.make_entry`.
        model: Further arguments of `zoo.build`.
        recipe: Fields of `training.Recipe` that replace the defaults.
        data_dir: Folder of the downloaded data sets. It is not stored with the search.

    Raises:
        ValueError: If an argument is invalid.

    Example:

    >>> settings = keras_recur.tuning.SearchSettings(
    ...     "mlp", "digits", widths=[4, 8], iterations=[2], seeds=2
    ... )
    >>> settings.seeds, settings.oracle
    ([0, 1], 'grid')
    """

    family: str
    data: str
    widths: Sequence[int]
    iterations: Sequence[int]
    sharing: Sequence[str] = SearchDefaults.sharing
    learning_rate: float | Sequence[float] | None = None
    budget: Budget | None = None
    equal: str | None = None
    oracle: str = SearchDefaults.oracle
    objectives: Sequence[str] | None = None
    max_trials: int | None = None
    twins: bool = False
    seeds: int | Sequence[int] = SearchDefaults.seeds
    fresh_seeds: int = SearchDefaults.fresh_seeds
    quick: bool = False
    size: int | None = None
    num_examples: int | None = None
    model: dict[str, Any] | None = None
    recipe: dict[str, Any] | None = None
    data_dir: str | None = None

    def __post_init__(self):
        zoo.describe(self.family)
        data_room.describe(self.data)
        self._set("widths", sizes("widths", self.widths))
        self._set("iterations", sizes("iterations", self.iterations, MAX_ITERATIONS))
        self._set("sharing", several("sharing", self.sharing, check_sharing))
        check_one_of("oracle", self.oracle, ORACLES)
        self._set("seeds", _seeds(self.seeds))
        fresh = check_integer("fresh_seeds", self.fresh_seeds, 0)
        self._set("fresh_seeds", fresh)
        for name in ("twins", "quick"):
            self._set(name, check_flag(name, getattr(self, name)))
        if self.learning_rate is not None:
            check_rates(self.learning_rate)
        if self.budget is not None:
            check_type("budget", self.budget, Budget, "a `tuning.Budget`")
        check_one_of("equal", self.equal, (None, "macs"))
        self._set("objectives", _objectives(self.oracle, self.objectives))
        for name in ("max_trials", "size", "num_examples"):
            if getattr(self, name) is not None:
                self._set(name, check_positive_int(name, getattr(self, name)))
        for name in ("model", "recipe"):
            if getattr(self, name) is not None:
                check_keywords(name, getattr(self, name))
        if self.data_dir is not None:
            self._set("data_dir", str(check_path("data_dir", self.data_dir)))

    def _set(self, name, value):
        object.__setattr__(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """Return all settings but `data_dir`, for JSON."""
        plain = dataclasses.asdict(self)
        del plain["data_dir"]
        if isinstance(self.learning_rate, tuple):  # JSON does not know tuples.
            low, high = self.learning_rate
            plain["learning_rate"] = {"low": float(low), "high": float(high)}
        return plain

    @classmethod
    def from_dict(
        cls, plain: dict[str, Any], data_dir: str | None = None
    ) -> "SearchSettings":
        """Return settings from `as_dict` of this or an earlier version.

        Raises:
            ValueError: If a setting is missing, unknown or invalid.
        """
        plain = {**renamed_settings(plain), "data_dir": data_dir}
        fields = dataclasses.fields(cls)
        for name in plain:
            check_one_of("setting", name, [field.name for field in fields])
        for field in fields:
            if field.default is dataclasses.MISSING and field.name not in plain:
                raise ValueError(f"A search needs `{field.name}`. Received: none.")
        if isinstance(plain.get("budget"), dict):
            plain["budget"] = Budget(**plain["budget"])
        rate = plain.get("learning_rate")
        if isinstance(rate, dict):
            plain["learning_rate"] = rate.get("low"), rate.get("high")
        return cls(**plain)


def renamed_settings(plain: dict[str, Any]) -> dict[str, Any]:
    """Return settings of an earlier version with the current names."""
    plain = current_names(plain)
    for name in ("model", "recipe"):
        if isinstance(plain.get(name), dict):
            plain[name] = current_names(plain[name])
    return plain


def takes_settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Show the fields of `SearchSettings` in the signature of a function."""
    signature = inspect.signature(function)
    *own, _ = signature.parameters.values()  # The last one is `**settings`.
    fields = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(SearchSettings).parameters.items()
        if name not in signature.parameters
    ]
    first = [p for p in own if p.kind is p.POSITIONAL_OR_KEYWORD]
    last = [p for p in own if p.kind is p.KEYWORD_ONLY]
    vars(function)["__signature__"] = signature.replace(
        parameters=[*first, *fields, *last]
    )
    return function


def _seeds(value: Any) -> list[int]:
    if isinstance(value, list | tuple | range | np.ndarray):
        several: Any = value
        return check_seeds(several)
    return list(range(check_size("seeds", value, MAX_SEEDS)))


def _objectives(oracle, objectives):
    if objectives is None:
        return None
    if oracle != "optuna":
        raise ValueError(
            "`objectives` are for oracle='optuna' alone, because KerasTuner's own "
            f"oracles add them up. Received: objectives={objectives!r}, "
            f"oracle={oracle!r}."
        )
    if isinstance(objectives, str):
        names = [objectives]
    else:
        names = check_sequence("objectives", objectives)
    for name in names:
        check_one_of("objectives", name, OBJECTIVES)
    if "accuracy" not in names or len(set(names)) < len(names):
        raise ValueError(
            "`objectives` must contain 'accuracy', and no name twice. Received: "
            f"objectives={objectives!r}."
        )
    return objectives if isinstance(objectives, str) else names
