"""KerasTuner's hyperparameters as distributions of Optuna."""

from typing import Any

import optuna
from keras_tuner.engine import hyperparameters as hps


def distribution(hp: Any) -> Any:
    """Return the distribution of a hyperparameter, or `None` if it is fixed."""
    if isinstance(hp, hps.Fixed):
        return None
    if isinstance(hp, hps.Int | hps.Float):
        linear, log = hp.sampling == "linear", hp.sampling == "log"
        if isinstance(hp, hps.Int) and linear:
            least, step = hp.min_value, hp.step or 1
            most = hp.max_value - (hp.max_value - least) % step
            return optuna.distributions.IntDistribution(least, most, step=step)
        if (linear or log) and not hp.step:
            kind = optuna.distributions.IntDistribution
            if isinstance(hp, hps.Float):
                kind = optuna.distributions.FloatDistribution
            return kind(hp.min_value, hp.max_value, log=log)
    # Choices, and numbers with steps or scales that Optuna does not support.
    kind = type(hp.default)
    values = [kind(value) for value in hp.values]
    return optuna.distributions.CategoricalDistribution(values)


def suggest(asked: Any, hp: Any) -> Any:
    """Return the value that a trial of Optuna suggests for a hyperparameter."""
    found = distribution(hp)
    if found is None:
        return hp.value
    if isinstance(found, optuna.distributions.CategoricalDistribution):
        return asked.suggest_categorical(hp.name, found.choices)
    whole = isinstance(found, optuna.distributions.IntDistribution)
    numbers = asked.suggest_int if whole else asked.suggest_float
    limits = {"step": found.step, "log": found.log}
    return numbers(hp.name, found.low, found.high, **limits)
