"""Optuna's samplers as a KerasTuner oracle for several objectives.

Reference of the default sampler: Ozaki et al. 2022, "Multiobjective Tree-Structured
Parzen Estimator" (JAIR 73).
"""

import math
from typing import Any

import keras_tuner
import optuna

from keras_recur._validation import check_positive_int, check_type
from keras_recur.tuning._suggest import suggest

FAILED = optuna.trial.TrialState.FAIL


class OptunaOracle(keras_tuner.Oracle):
    """Oracle that proposes an Optuna sampler's suggestions for several objectives.

    Any tuner whose trials return a metric for every objective can use this oracle.
    KerasTuner adds up several objectives and ranks trials by the first one; this oracle
    finds their Pareto front, `oracle.study.best_trials`.

    With the default sampler, the proposals depend only on the seed and on the results
    and their order. A reloaded tuner resumes with all earlier results. Random values
    replace repeated proposals.

    Args:
        objective: A `keras_tuner.Objective`, or a list of them.
        max_trials: Maximum number of trials; `None` for no limit. Defaults to `10`.
        sampler: An Optuna sampler. Defaults to `optuna.samplers.TPESampler` with a
            seed for each trial.
        **kwargs: Further arguments of `keras_tuner.Oracle`.

    Attributes:
        objectives: List of all objectives.
        study: The `optuna.Study` with every trial.
        asked: Optuna's trials that run, by KerasTuner's identifiers.

    Raises:
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
        self._sampler = sampler
        directions: list[Any] = [f"{o.direction}imize" for o in self.objectives]
        self.study: Any = optuna.create_study(
            sampler=sampler,
            directions=directions,
        )
        optuna.logging.set_verbosity(verbosity)
        self.asked: dict[str, Any] = {}

    def use(self, study: Any) -> None:
        """Propose trials of another study, which has no trials of this oracle yet."""
        study.sampler = self.study.sampler
        self.study = study

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return new values, or stop if none exist."""
        if self._sampler is None:
            # Processes that share a study must not draw the same numbers.
            seed = self.seed + len(self.trials)
            self.study.sampler = optuna.samplers.TPESampler(seed=seed)
        asked = self.study.ask()
        values = self._suggest(asked)
        if self._duplicate(values):
            self.study.tell(asked, state=FAILED)
            new = self._random_values()
            if new is None:
                return {"status": "STOPPED"}
            asked, values = self._ask_for(new)
        self.asked[trial_id] = asked
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
            self.asked[trial_id], _ = self._ask_for(trial.hyperparameters.values)
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
                found.values[hp.name] = suggest(asked, hp)
        return found.values

    def _tell(self, trial):
        asked = self.asked.get(trial.trial_id)
        # A trial that will be retried has not ended, and its study may be shared.
        if asked is None or trial.trial_id not in self.end_order:
            return
        del self.asked[trial.trial_id]
        tell(self.study, asked, trial, self.objectives)


def tell(study: Any, asked: Any, trial: Any, objectives: list[Any]) -> None:
    """Give a study the result of KerasTuner's trial, unless it has one.

    Args:
        study: The `optuna.Study`.
        asked: Optuna's trial, or its number.
        trial: KerasTuner's trial, which has ended.
        objectives: The objectives, in the study's order.
    """
    metrics = trial.metrics
    values = [
        metrics.get_best_value(o.name) if metrics.exists(o.name) else None
        for o in objectives
    ]
    numbers = [float(v) for v in values if v is not None and math.isfinite(v)]
    finished = trial.status == "COMPLETED" and len(numbers) == len(values)
    study.tell(
        asked,
        numbers if finished else None,
        state=None if finished else FAILED,
        skip_if_finished=True,
    )
