"""Optuna's samplers as a KerasTuner oracle for several objectives.

Reference of the default sampler: Ozaki et al. 2022, "Multiobjective Tree-Structured
Parzen Estimator" (JAIR 73).
"""

import math
from typing import Any

import keras_tuner

from keras_recur._validation import check_positive_int, check_type


class OptunaOracle(keras_tuner.Oracle):
    """Oracle that proposes an Optuna sampler's suggestions for several objectives.

    Any tuner whose trials return a metric for every objective can use this oracle.
    KerasTuner adds up several objectives and ranks trials by the first one; this oracle
    finds their Pareto front, `oracle.study.best_trials`.

    The proposals depend only on the seed and on the results and their order. A reloaded
    tuner resumes with all earlier results. Random values replace repeated proposals.

    Args:
        objective: A `keras_tuner.Objective`, or a list of them.
        max_trials: Maximum number of trials; `None` for no limit. Defaults to `10`.
        sampler: An Optuna sampler. Defaults to `optuna.samplers.TPESampler` with the
            oracle's seed.
        **kwargs: Further arguments of `keras_tuner.Oracle`.

    Attributes:
        objectives: List of all objectives.
        study: The `optuna.Study` with every trial that has ended.

    Raises:
        ImportError: If Optuna is not installed.
        ValueError: If an argument is invalid.

    Example:

    >>> oracle = keras_recur.tuning.OptunaOracle(
    ...     [keras_tuner.Objective("accuracy", "max"),
    ...      keras_tuner.Objective("macs", "min")], max_trials=4, seed=1,
    ... )
    >>> space = keras_tuner.HyperParameters()
    >>> _ = space.Choice("width", [8, 16])
    >>> oracle.update_space(space)
    >>> oracle.populate_space("0")["values"]["width"] in (8, 16)
    True
    """

    def __init__(
        self,
        objective: Any,
        max_trials: int | None = 10,
        sampler: Any = None,
        **kwargs: Any,
    ):
        optuna = import_optuna()
        several = isinstance(objective, list | tuple)
        self.objectives: list[Any] = list(objective) if several else [objective]
        if not self.objectives:
            raise ValueError(
                "`objective` must be a `keras_tuner.Objective` or a list of at least "
                "one. Received: none."
            )
        if max_trials is not None:
            max_trials = check_positive_int("max_trials", max_trials)
        if sampler is not None:
            kind = optuna.samplers.BaseSampler
            check_type("sampler", sampler, kind, "an Optuna sampler")
        super().__init__(objective=self.objectives[0], max_trials=max_trials, **kwargs)
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(
            sampler=sampler or optuna.samplers.TPESampler(seed=self.seed),
            directions=[f"{o.direction}imize" for o in self.objectives],
        )
        optuna.logging.set_verbosity(verbosity)
        self._failed = optuna.trial.TrialState.FAIL
        self._asked: dict[str, Any] = {}

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return new values, or stop if none exist."""
        asked = self.study.ask()
        values = self._suggest(asked)
        if self._duplicate(values):
            self.study.tell(asked, state=self._failed)
            new = self._random_values()
            if new is None:
                return {"status": "STOPPED"}
            asked, values = self._ask_for(new)
        self._asked[trial_id] = asked
        return {"status": "RUNNING", "values": values}

    @keras_tuner.synchronized
    def update_trial(
        self, trial_id: str, metrics: dict[str, float], step: int = 0
    ) -> Any:
        """Store the metrics of a running trial.

        Raises:
            ValueError: If the metric of an objective is missing.
        """
        tracked = self.trials[trial_id].metrics
        missing = [o.name for o in self.objectives if o.name not in metrics]
        if missing:
            raise ValueError(
                f"A trial must return every objective. Missing: {', '.join(missing)}. "
                f"Received: {', '.join(metrics)}."
            )
        for wanted in self.objectives:  # KerasTuner registers only the first one.
            if not tracked.exists(wanted.name):
                tracked.register(wanted.name, direction=wanted.direction)
        return super().update_trial(trial_id, metrics, step)

    @keras_tuner.synchronized
    def end_trial(self, trial: Any) -> None:
        """End a trial and report it to the study unless it will be retried."""
        super().end_trial(trial)
        self._tell(self.trials[trial.trial_id])

    def reload(self) -> None:
        """Read the files of an earlier session and report its trials to the study."""
        super().reload()
        for trial_id in self.start_order:
            trial = self.trials[trial_id]
            self._asked[trial_id], _ = self._ask_for(trial.hyperparameters.values)
            self._tell(trial)

    def _ask_for(self, values):
        self.study.enqueue_trial(values)
        asked = self.study.ask()
        return asked, self._suggest(asked)

    def _suggest(self, asked):
        found = keras_tuner.HyperParameters()
        for hp in self.hyperparameters.space:
            found.merge([hp])
            if found.is_active(hp):
                found.values[hp.name] = _suggested(asked, hp)
        return found.values

    def _tell(self, trial):
        asked = self._asked.get(trial.trial_id)
        # A worker that outlives its chief may end a trial twice.
        if asked is None or trial.trial_id not in self.end_order:
            return
        del self._asked[trial.trial_id]
        metrics = trial.metrics
        values = [
            metrics.get_best_value(o.name) if metrics.exists(o.name) else math.nan
            for o in self.objectives
        ]
        if trial.status == "COMPLETED" and all(map(math.isfinite, values)):
            self.study.tell(asked, [float(value) for value in values])
        else:
            self.study.tell(asked, state=self._failed)


def import_optuna() -> Any:
    """Return the module `optuna`, or say how to install it."""
    try:
        import optuna
    except ImportError:
        raise ImportError(
            "This search needs Optuna, which is not installed. Install it with `pip "
            "install optuna`, or use another oracle: grid, random, bayesian or "
            "hyperband."
        ) from None
    return optuna


def _suggested(asked, hp):
    hps = keras_tuner.engine.hyperparameters
    if isinstance(hp, hps.Fixed):
        return hp.value
    if isinstance(hp, hps.Int | hps.Float):
        linear, log = hp.sampling == "linear", hp.sampling == "log"
        if isinstance(hp, hps.Int) and linear:
            least, step = hp.min_value, hp.step or 1
            most = hp.max_value - (hp.max_value - least) % step
            return asked.suggest_int(hp.name, least, most, step=step)
        if (linear or log) and not hp.step:
            real = isinstance(hp, hps.Float)
            suggest = asked.suggest_float if real else asked.suggest_int
            return suggest(hp.name, hp.min_value, hp.max_value, log=log)
    # Choices, and numbers with steps or scales that Optuna does not support.
    kind = type(hp.default)
    return asked.suggest_categorical(hp.name, [kind(value) for value in hp.values])
