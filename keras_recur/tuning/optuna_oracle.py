"""Optuna's samplers as a KerasTuner oracle: several objectives, none of them summed.

Reference: Ozaki et al. 2022, "Multiobjective Tree-Structured Parzen Estimator" (JAIR
73), which is what Optuna proposes by unless another sampler is given.
"""

import math
from typing import Any

import keras_tuner

from keras_recur._validation import check_positive_int, check_type


class OptunaOracle(keras_tuner.Oracle):
    """Proposes what a sampler of Optuna suggests, and tells it every objective.

    An ordinary oracle, for any tuner whose trials return all metrics that the
    objectives name. KerasTuner's own sum of several objectives knows neither their
    scales nor a front; here `oracle.study.best_trials` is the Pareto front. What
    KerasTuner ranks trials by is the first objective alone.

    From one seed, with the same results told in the same order, the proposals are the
    same; a tuner that is reloaded goes on with what was told. A network that was
    proposed before is not run again: a random one that is new takes its place.

    Args:
        objective: A `keras_tuner.Objective`, or a list of several.
        max_trials: How many trials at most. Default 10. `None`: all that are new.
        sampler: A sampler of Optuna. Default: `optuna.samplers.TPESampler`, with the
            oracle's seed.
        **kwargs: As of every oracle.

    Attributes:
        objectives: All objectives, as a list.
        study: The `optuna.Study`, with every trial that has ended.

    Raises:
        ImportError: if Optuna is not installed.
        ValueError: without any objective, for a `max_trials` that is not a positive
            integer, and for a `sampler` that is not one of Optuna.

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
            check_type("sampler", sampler, kind, "a sampler of Optuna")
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
        """What the sampler suggests; the search has ended when nothing is new."""
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
        """Keeps the metrics of a running trial.

        Raises:
            ValueError: if an objective is missing among them.
        """
        tracked = self.trials[trial_id].metrics
        missing = [o.name for o in self.objectives if o.name not in metrics]
        if missing:
            raise ValueError(
                f"A trial must return every objective. Missing: {', '.join(missing)}. "
                f"Received: {', '.join(metrics)}."
            )
        for wanted in self.objectives:  # KerasTuner knows the first one's direction.
            if not tracked.exists(wanted.name):
                tracked.register(wanted.name, direction=wanted.direction)
        return super().update_trial(trial_id, metrics, step)

    @keras_tuner.synchronized
    def end_trial(self, trial: Any) -> None:
        """Ends a trial and tells the study; one that is to be tried again waits."""
        super().end_trial(trial)
        self._tell(self.trials[trial.trial_id])

    def reload(self) -> None:
        """Reads the files of an earlier session, and tells the study what was found."""
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
        # A worker that has outlived its chief may end what another one has ended.
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
    """Optuna, or an error that says how to get it."""
    try:
        import optuna
    except ImportError:
        raise ImportError(
            "This search needs Optuna, which is not installed. Install it with `pip "
            "install optuna`, or choose another oracle: grid, random, bayesian or "
            "hyperband."
        ) from None
    return optuna


def _suggested(asked, hp):
    """One hyperparameter's value, by the kind of suggestion that fits it."""
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
    # Choices, and numbers in steps or on scales that Optuna does not know.
    kind = type(hp.default)
    return asked.suggest_categorical(hp.name, [kind(value) for value in hp.values])
