"""Space, entries and oracle of a search, from its settings."""

import hashlib
import json
from typing import Any

import keras_tuner

from keras_recur import data as data_room
from keras_recur import zoo
from keras_recur._files import to_json
from keras_recur.runs.entry import Entry
from keras_recur.runs.make_entry import make_entry
from keras_recur.tuning._summary import Guess
from keras_recur.tuning.configuration import Configuration
from keras_recur.tuning.grid_oracle import GridOracle
from keras_recur.tuning.optuna_oracle import OptunaOracle
from keras_recur.tuning.settings import OBJECTIVES, SearchSettings
from keras_recur.tuning.sharing_choice import sharing_arguments
from keras_recur.tuning.width_iterations_hypermodel import WidthIterationsHyperModel

_MANY = 10**9
_TRIALS = 20  # Maximum number of trials of an oracle that samples the space.
_SEARCHED = ("width", "iterations", "sharing", "templates", "readout")


class SearchPlan:
    """Space, entries and oracle of a search, the same in every process."""

    def __init__(self, settings: SearchSettings):
        self.settings = settings
        self.seeds: Any = settings.seeds
        self.objectives = _objectives(settings)
        # Data, sizes and recipe are the same for every network.
        self._any = self.entry()
        recipe = self._any.recipe("recurrent")
        rate = settings.learning_rate
        self.space = WidthIterationsHyperModel(
            settings.family,
            settings.widths,
            settings.iterations,
            settings.sharing,
            recipe.learning_rate if rate is None else rate,
            settings.budget,
            settings.equal,
            recipe,
            example_shape=tuple(data_room.input_shape(settings.data, self._any.size)),
            **{k: v for k, v in self._any.model.items() if k not in _SEARCHED},
        )
        self.guess = Guess.on(settings.data)

    @property
    def identity(self) -> str:
        """Digest of the settings, which every row contains."""
        plain = json.loads(to_json(self.settings.as_dict()))
        text = json.dumps(plain, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def check(self) -> None:
        """Load the data and build a network of each sharing, before any run."""
        first = {c.sharing: c for c in reversed([*self.space.configurations()])}
        for configuration in first.values():
            self.space.costs(configuration)
        self._any.phase_validation_data("recurrent")
        if not self._any.procedural:
            self._any.train_data("recurrent", self.seeds[0])

    def content(self) -> dict[str, Any]:
        metric = data_room.describe(self.settings.data).metric
        return {
            "name": self._any.name,
            "family": self.settings.family,
            "data": self.settings.data,
            "metric": "f1" if metric == "f1" else "accuracy",
            "settings": self.settings.as_dict(),
        }

    def entry(
        self,
        configuration: Configuration | None = None,
        rate: float | None = None,
        epochs: int | None = None,
    ) -> Entry:
        """Return the entry of a configuration; `epochs` replaces the recipe's."""
        s = self.settings
        model, recipe = dict(s.model or {}), dict(s.recipe or {})
        if configuration is not None:
            width, iterations, sharing = configuration
            model |= {"width": width, "iterations": iterations}
            model |= sharing_arguments(sharing, iterations)
        if rate is not None:
            recipe["learning_rate"] = rate
        if epochs is not None:
            recipe["epochs"] = epochs
        return make_entry(
            s.family,
            s.data,
            quick=s.quick,
            model=model,
            size=s.size,
            num_examples=s.num_examples,
            recipe=recipe,
            data_dir=s.data_dir,
        )

    def oracle(self) -> keras_tuner.Oracle:
        """Return a new oracle, which has no trials."""
        kind, trials = self.settings.oracle, self.settings.max_trials
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
        common["max_trials"] = trials or _TRIALS
        if kind == "optuna":
            common["objective"] = [
                keras_tuner.Objective(name, OBJECTIVES[name])
                for name in self.objectives
            ]
            return OptunaOracle(**common)
        if kind == "random":
            return keras_tuner.oracles.RandomSearchOracle(**common)
        return keras_tuner.oracles.BayesianOptimizationOracle(**common)

    def runs(self) -> int | None:
        """Return the maximum number of runs, or `None` for Hyperband."""
        s, rates = self.settings, self.space.learning_rate
        if s.oracle == "hyperband":
            return None
        if s.oracle == "grid":
            found = self._grid()
            if s.twins:
                found += [(c._replace(sharing="none"), rate) for c, rate in found]
            return len(set(found)) * len(self.seeds)
        trials = s.max_trials or _TRIALS
        if isinstance(rates, list):
            networks = sum(1 for _ in self.space.configurations())
            trials = min(trials, networks * len(rates))
        return trials * (2 if s.twins else 1) * len(self.seeds)

    def _grid(self):
        """Return the configuration and learning rate of every trial."""
        rates = self.space.learning_rate
        if isinstance(rates, tuple):
            raise ValueError(
                "A grid needs a list of learning rates, not a range. Received: "
                f"oracle='grid', learning_rate={rates}. Give a list, or use "
                "oracle='random'."
            )
        every = [(c, rate) for c in self.space.configurations() for rate in rates]
        return every[: self.settings.max_trials]

    def pair(self, row: dict[str, Any]) -> zoo.Pair:
        """Return the untrained pair of a row."""
        configuration = Configuration.of(row)
        return self.entry(configuration, row["learning_rate"]).pair(row["seed"])


def _objectives(settings):
    """Return the names of the objectives, accuracy first."""
    if settings.oracle != "optuna":
        return ["accuracy"]
    given = settings.objectives or ["accuracy", "macs"]
    names = [given] if isinstance(given, str) else given
    return sorted(names, key=lambda name: name != "accuracy")
