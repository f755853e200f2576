"""What a search was asked for, and all that follows from it."""

import dataclasses
import hashlib
import json
from typing import Any

import keras_tuner
import numpy as np

from keras_recur import data as data_room
from keras_recur import zoo
from keras_recur._files import check_path, to_json
from keras_recur._limits import MAX_SEEDS, check_size
from keras_recur._validation import (
    check_flag,
    check_integer,
    check_keywords,
    check_one_of,
    check_positive_int,
    check_sequence,
    check_type,
)
from keras_recur.runs.entry import Entry
from keras_recur.runs.make_entry import make_entry
from keras_recur.runs.run_folder import check_seeds
from keras_recur.tuning._summary import Guess
from keras_recur.tuning.budget import Budget
from keras_recur.tuning.grid_oracle import GridOracle
from keras_recur.tuning.optuna_oracle import OptunaOracle, import_optuna
from keras_recur.tuning.sharing_choice import sharing_arguments
from keras_recur.tuning.width_iterations_hypermodel import (
    Configuration,
    WidthIterationsHyperModel,
)

ORACLES = ("grid", "random", "bayesian", "hyperband", "optuna")
OBJECTIVES = {
    "accuracy": "max",
    "macs": "min",
    "parameters": "min",
    "activation_bytes": "min",
}
_MANY = 10**9


class SearchPlan:
    """Checks the settings of a search, and makes its space, entries and oracle.

    Args:
        **settings: The arguments of `search`, as plain data; what is left out has its
            default there.

    Attributes:
        settings: All settings, as plain data that JSON can hold.
        space: The `WidthIterationsHyperModel`.
        seeds: Seeds of every trial.
        objectives: What the oracle is told of every trial, by name.
        data_dir: Folder of the data sets that were downloaded, or `None`.
        guess: Score and loss that count for a seed that failed.

    Raises:
        ValueError: as `search`.
        ImportError: as `search`.
    """

    def __init__(self, **settings: Any):
        s = {**_DEFAULTS, **settings}
        for name in _NEEDED:
            if name not in s:
                raise ValueError(f"A search needs `{name}`. Received: none.")
        for name in settings:
            check_one_of("setting", name, (*_NEEDED, *_DEFAULTS))
        check_one_of("oracle", s["oracle"], ORACLES)
        for name in ("twins", "quick"):
            s[name] = check_flag(name, s[name])
        for name in ("model", "recipe"):
            if s[name] is not None:
                check_keywords(name, s[name])
        for name in ("size", "num_examples"):
            if s[name] is not None:
                s[name] = check_positive_int(name, s[name])
        if s["data_dir"] is not None:
            s["data_dir"] = str(check_path("data_dir", s["data_dir"]))
        self.objectives = _objectives(s["oracle"], s["objectives"])
        if s["oracle"] == "optuna":
            import_optuna()
        self.seeds = _seeds(s["seeds"])
        s["fresh_seeds"] = check_integer("fresh_seeds", s["fresh_seeds"], 0)
        if s["max_trials"] is not None:
            s["max_trials"] = check_positive_int("max_trials", s["max_trials"])
        if isinstance(s["budget"], dict):
            s["budget"] = Budget(**s["budget"])
        if s["budget"] is not None:
            check_type("budget", s["budget"], Budget, "a `tuning.Budget`")
        rate: Any = s["learning_rate"]
        if isinstance(rate, dict):  # A range, as JSON holds it.
            rate = rate.get("low"), rate.get("high")
        self._given = s
        # Any network tells what all have in common: data, sizes, recipe.
        self._any = self._entry(None, None, None)
        usual = self._any.recipe("recurrent")
        self.space = WidthIterationsHyperModel(
            s["family"],
            s["widths"],
            s["iterations"],
            s["sharing"],
            usual.learning_rate if rate is None else rate,
            s["budget"],
            s["equal"],
            usual,
            example_shape=tuple(data_room.input_shape(s["data"], self._any.size)),
            **{k: v for k, v in self._any.model.items() if k not in _SEARCHED},
        )
        self.settings = {
            **s,
            "widths": self.space.widths,
            "iterations": self.space.iterations,
            "sharing": self.space.sharing,
            "learning_rate": _plain_rates(rate),
            "budget": s["budget"] and dataclasses.asdict(s["budget"]),
            "seeds": self.seeds,
        }
        # Where the data lie is not part of what is searched.
        self.data_dir = self.settings.pop("data_dir")
        self.guess = Guess.on(s["data"])

    @property
    def identity(self) -> str:
        """A digest of the settings, by which rows know where they belong."""
        text = json.dumps(json.loads(to_json(self.settings)), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def check(self) -> None:
        """Load the data and build a network of each sharing, before any run.

        Raises:
            ValueError: If the data cannot be loaded, or a network cannot be built.
        """
        first = {c.sharing: c for c in reversed([*self.space.configurations()])}
        for configuration in first.values():
            self.space.costs(configuration)
        self._any.phase_validation_data("recurrent")
        if not self._any.procedural:
            self._any.train_data("recurrent", self.seeds[0])

    def content(self) -> dict[str, Any]:
        """What `search.json` begins with."""
        metric = data_room.describe(self.settings["data"]).metric
        return {
            "name": self._any.name,
            "family": self.settings["family"],
            "data": self.settings["data"],
            "metric": "f1" if metric == "f1" else "accuracy",
            "settings": self.settings,
        }

    def entry(
        self, configuration: Configuration, rate: float, epochs: int | None = None
    ) -> Entry:
        """What is trained for a configuration; `epochs` replaces the recipe's."""
        return self._entry(configuration, rate, epochs)

    def _entry(self, configuration, rate, epochs):
        s = self._given
        model, recipe = dict(s["model"] or {}), dict(s["recipe"] or {})
        if configuration is not None:
            width, times, sharing = configuration
            model |= {"width": width, "iterations": times}
            model |= sharing_arguments(sharing, times)
        if rate is not None:
            recipe["learning_rate"] = rate
        if epochs is not None:
            recipe["epochs"] = epochs
        return make_entry(
            s["family"],
            s["data"],
            quick=s["quick"],
            model=model,
            size=s["size"],
            num_examples=s["num_examples"],
            recipe=recipe,
            data_dir=s["data_dir"],
        )

    def oracle(self) -> keras_tuner.Oracle:
        """A new oracle; it proposes the same as every other one of this plan."""
        kind, trials = self._given["oracle"], self._given["max_trials"]
        common: dict[str, Any] = {
            "objective": keras_tuner.Objective("accuracy", "max"),
            "max_consecutive_failed_trials": _MANY,
            "seed": 1,
        }
        if kind == "grid":
            values = [self.space.values(*proposed) for proposed in self._grid()]
            return GridOracle(values, **common)
        if kind == "hyperband":
            epochs = self._any.recipe("recurrent").epochs
            return keras_tuner.oracles.HyperbandOracle(max_epochs=epochs, **common)
        if kind == "optuna":
            common["objective"] = [
                keras_tuner.Objective(name, OBJECTIVES[name])
                for name in self.objectives
            ]
            return OptunaOracle(max_trials=trials or 20, **common)
        makers = {
            "random": keras_tuner.oracles.RandomSearchOracle,
            "bayesian": keras_tuner.oracles.BayesianOptimizationOracle,
        }
        return makers[kind](max_trials=trials or 20, **common)

    def runs(self) -> int | None:
        """How many runs there will be at most; of Hyperband it is not known."""
        kind, trials = self._given["oracle"], self._given["max_trials"]
        if kind == "hyperband":
            return None
        rates, twins = self.space.learning_rate, self._given["twins"]
        if kind == "grid":
            found = self._grid()
            if twins:
                found += [(c._replace(sharing="none"), rate) for c, rate in found]
            return len(set(found)) * len(self.seeds)
        trials = trials or 20
        if isinstance(rates, list):
            networks = sum(1 for _ in self.space.configurations())
            trials = min(trials, networks * len(rates))
        return trials * (2 if twins else 1) * len(self.seeds)

    def _grid(self):
        """Network and learning rate of every trial of a grid."""
        rates = self.space.learning_rate
        if isinstance(rates, tuple):
            raise ValueError(
                "A grid has no values of a range. Received: oracle='grid', "
                f"learning_rate={rates}. Give a list, or oracle='random'."
            )
        every = [(c, rate) for c in self.space.configurations() for rate in rates]
        return every[: self._given["max_trials"]]

    def pair(self, row: dict[str, Any]) -> zoo.Pair:
        """The untrained pair of a row's network and seed."""
        configuration = Configuration(*(row[k] for k in Configuration._fields))
        return self.entry(configuration, row["learning_rate"]).pair(row["seed"])


_NEEDED = ("family", "data", "widths", "iterations")
_SEARCHED = ("width", "iterations", "sharing", "templates", "readout")
_DEFAULTS: dict[str, Any] = {
    "sharing": ("all", "none"),
    "learning_rate": None,
    "budget": None,
    "equal": None,
    "oracle": "grid",
    "objectives": None,
    "max_trials": None,
    "twins": False,
    "seeds": 3,
    "fresh_seeds": 3,
    "quick": False,
    "size": None,
    "num_examples": None,
    "model": None,
    "recipe": None,
    "data_dir": None,
}


def _seeds(value: Any) -> list[int]:
    """Seeds as a list: how many, from 0, or which."""
    several: Any = value
    if isinstance(value, list | tuple | range | np.ndarray):
        return check_seeds(several)
    return list(range(check_size("seeds", value, MAX_SEEDS)))


def _plain_rates(rate):
    """Learning rates as JSON can hold them: a range is no list of two."""
    if isinstance(rate, tuple):
        low, high = rate
        return {"low": float(low), "high": float(high)}
    return rate


def _objectives(oracle, asked):
    """The names of what the oracle is to make large or small; accuracy comes first."""
    if oracle != "optuna":
        if asked is not None:
            raise ValueError(
                "`objectives` are for oracle='optuna' alone: KerasTuner's own would add"
                f" them up. Received: objectives={asked!r}, oracle={oracle!r}."
            )
        return ["accuracy"]
    if asked is None:
        return ["accuracy", "macs"]
    asked = [asked] if isinstance(asked, str) else check_sequence("objectives", asked)
    names = [check_one_of("objectives", name, OBJECTIVES) for name in asked]
    if "accuracy" not in names or len(set(names)) < len(names):
        raise ValueError(
            "`objectives` must hold 'accuracy', and no name twice. Received: "
            f"objectives={asked!r}."
        )
    return sorted(names, key=lambda name: name != "accuracy")
