"""The experiment `supervision`.

Orhan 2017 argues that training the intermediate readouts is crucial in Feedback
Networks, not the architecture.
"""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_recur import zoo
from keras_recur._help import EXPERIMENT_TITLES
from keras_recur._validation import (
    check_number,
    check_one_of,
    check_sequence,
    check_type,
)
from keras_recur.analysis import iteration_metrics
from keras_recur.experiments.experiment import Experiment
from keras_recur.experiments.supervision_page import write_supervision_page
from keras_recur.reports.page import Page
from keras_recur.runs.entry import TWINS, Entry
from keras_recur.runs.summary import guess, mean_and_error
from keras_recur.training.recipe import REPLAY_OFF, Recipe

_LOSSES = ("final", "uniform", "geometric")


@dataclasses.dataclass(frozen=True)
class SupervisionExperiment(Experiment):
    """Compare training on the last readout with training on every readout.

    Both twins are trained with each loss. Depth, widths, recipe, examples and their
    order are the same. All networks are scored after every iteration.

    Args:
        entry: Family, data and recipes, from `runs.make_entry`. All networks use the
            recurrent recipe without progressive loss, state replay and throttle, and
            the epochs of the shorter recipe.
        losses: Losses to compare: `"final"`, the last iteration only; `"uniform"`, all
            iterations equally; `"geometric"`, later iterations more. Defaults to
            `("final", "uniform")`.
        gamma: Factor of the weight per iteration in `"geometric"`. Defaults to `1.2`.

    Raises:
        ValueError: If a loss is unknown, fewer than two losses are given, or the
            family has no iterations.

    Reference:
        [Zamir et al. 2017](https://arxiv.org/abs/1612.09508), Table 4.

    Example:

    >>> entry = keras_recur.runs.make_entry("mlp", "digits", quick=True)
    >>> keras_recur.experiments.SupervisionExperiment(entry).networks[:2]
    ('recurrent-final', 'recurrent-uniform')
    """

    name = "supervision"
    title = EXPERIMENT_TITLES[name]

    entry: Entry
    losses: tuple[str, ...] = ("final", "uniform")
    gamma: float = 1.2

    def __post_init__(self):
        check_type("entry", self.entry, Entry, "a `runs.Entry`")
        object.__setattr__(self, "losses", tuple(check_sequence("losses", self.losses)))
        object.__setattr__(self, "gamma", check_number("gamma", self.gamma, above=0))
        for loss in self.losses:
            check_one_of("losses", loss, _LOSSES)
        if len(set(self.losses)) != len(self.losses) or len(self.losses) < 2:
            raise ValueError(
                "`losses` must be two or more different losses of "
                f"{', '.join(map(repr, _LOSSES))}. Received: losses={self.losses}."
            )
        if "iterations" not in self.entry.model:
            raise ValueError(
                f"{self.entry.family} has no `iterations` to train. Choose another "
                "family."
            )

    @property
    def networks(self) -> tuple[str, ...]:
        return tuple(f"{twin}-{loss}" for twin in TWINS for loss in self.losses)

    def as_dict(self) -> dict[str, Any]:
        entry = self.entry.as_dict()
        kept = ("family", "data", "model", "size", "num_examples", "test_examples")
        # The rest of the recipe is the same for all networks.
        recipe = dataclasses.asdict(self.recipe(self.networks[0]))
        del recipe["loss_weights"], recipe["gamma"]
        return {
            **{key: entry[key] for key in kept},
            "test_size": entry["test_sizes"][0],
            "supervision": list(self.losses),
            "gamma": self.gamma,
            "recipe": recipe,
        }

    def network(self, name: str, seed: int) -> keras.Model:
        twin, model = name.partition("-")[0], {**self.entry.model, "readout": "all"}
        return getattr(zoo.build(self.entry.family, **model, seed=seed), twin)

    def recipe(self, name: str) -> Recipe:
        recurrent, feedforward = (self.entry.recipes[twin] for twin in TWINS)
        shorter = min((recurrent, feedforward), key=lambda recipe: recipe.epochs)
        loss = name.partition("-")[2]
        return dataclasses.replace(
            recurrent,
            epochs=shorter.epochs,
            milestones=shorter.milestones,
            progressive=0.0,
            throttle=False,
            anneal_from=None,
            anneal_epochs=None,
            window=None,
            **REPLAY_OFF,
            loss_weights=loss,
            gamma=self.gamma if loss == "geometric" else 1.0,
        )

    def load(self, split: str, seed: int = 0) -> Any:
        if split == "train":
            return self.entry.train_data("recurrent", seed)
        if split == "validation":
            return self.entry.phase_validation_data("recurrent")
        return self.entry.test_data(self.entry.test_sizes[0])

    def score(self, name: str, seed: int, model: keras.Model) -> dict[str, Any]:
        found = iteration_metrics(model, self.load("test"))
        curves = {
            key: [None if np.isnan(v) else float(v) for v in getattr(found, key)]
            for key in ("accuracy", "flips", "agreement", "macs")
        }
        return {
            "last_accuracy": curves["accuracy"][-1],
            "area": found.area,
            "flip_rate": found.flip_rate,
            **curves,
        }

    def chance_score(self) -> dict[str, Any]:
        count, score = self.entry.model["iterations"], guess(self.entry.data)
        return {
            "last_accuracy": score,
            "area": score,
            "flip_rate": 0.0,
            "accuracy": [score] * count,
            "flips": [None] + [0.0] * (count - 1),
        }

    def format_result(self, result: dict[str, Any]) -> str:
        first, last = result["accuracy"][0], result["last_accuracy"]
        shown = "-" if first is None else f"{100 * first:.1f} %"
        return f"{shown} after one iteration, {100 * last:.1f} % after the last"

    def summarize(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        networks: dict[str, Any] = {}
        for name, mine, counts in self.by_network(results):
            means = {
                key: mean_and_error([r[key] for r in mine])
                for key in ("last_accuracy", "area", "flip_rate")
            }
            networks[name] = {
                **{key: mean for key, (mean, _) in means.items()},
                **{f"{key}_standard_error": e for key, (_, e) in means.items()},
                **counts,
            }
        return {"networks": networks, "effects": self._effects(results)}

    def _effects(self, results):
        """Return the mean effect of each manipulation, averaged over the other one."""
        by_seed: dict[int, dict[str, Any]] = {}
        for result in results:
            by_seed.setdefault(result["seed"], {})[result["network"]] = result
        whole = [f for f in by_seed.values() if set(self.networks) <= set(f)]
        effects: dict[str, Any] = {}
        for key in ("last_accuracy", "area") if whole else ():
            scores = [[f[name][key] for name in self.networks] for f in whole]
            # Axes: seed, twin, loss.
            table = np.reshape(scores, (len(whole), len(TWINS), -1))
            losses = table.mean(axis=1)
            changes = {
                f"{loss} against {self.losses[0]}": losses[:, i] - losses[:, 0]
                for i, loss in enumerate(self.losses)
                if i
            }
            twins = table.mean(axis=2)
            changes["recurrent against feed-forward"] = twins[:, 0] - twins[:, 1]
            for what, values in changes.items():
                mean, error = mean_and_error(values.tolist())
                effects.setdefault(what, {})[key] = [mean, error]
        return effects

    @staticmethod
    def write_page(page: Page, results: dict[str, Any], plots: Path) -> None:
        write_supervision_page(page, results, plots)
