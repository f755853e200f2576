"""A KerasTuner oracle whose trials are those of a shared Optuna study."""

import json
from collections.abc import Callable
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.trial import Trial, TrialStatus

from keras_recur.tuning._shared_study import SharedStudy
from keras_recur.tuning._suggest import distribution
from keras_recur.tuning.optuna_oracle import FAILED, OptunaOracle, tell

_RECORD = "keras_recur"
# These parts of an oracle's state follow from the records of all trials.
_DERIVED = {
    "display",
    "end_order",
    "hyperparameters",
    "id_to_hash",
    "ongoing_trials",
    "run_times",
    "start_order",
    "tried_so_far",
}


class StudyOracle(keras_tuner.Oracle):
    """Oracle that equal processes share, without a chief.

    The study contains every trial, and the state of the oracle after it. A process that
    has its turn loads this state, so its proposal follows all earlier ones. It gets the
    trial of a process that has died before any new one. Any tuner can use this oracle.

    Args:
        oracle: A `keras_tuner.Oracle` that proposes trials.
        shared: A `SharedStudy` within its context. The oracle opens it.
        name: Name of the study.
        wait: Function that is called while other processes run the last trials.
            Defaults to a short sleep.
    """

    def __init__(
        self,
        oracle: keras_tuner.Oracle,
        shared: SharedStudy,
        name: str = "search",
        wait: Callable[[], None] | None = None,
    ):
        # The constructor of the base class would make a second state.
        self._oracle: Any = oracle
        self._shared, self._wait = shared, wait or shared.wait
        self.objectives = getattr(oracle, "objectives", [oracle.objective])
        shared.open(name, [f"{o.direction}imize" for o in self.objectives])
        if isinstance(oracle, OptunaOracle):
            oracle.use(shared.study)
        self._serial = 0
        self._told: dict[str, int] = {}  # Optuna's numbers of the trials
        # Texts of records, by Optuna's numbers, and what they contain.
        self._known: dict[int, tuple[str, dict[str, Any], Trial]] = {}
        self._oracle.verbose = 0
        # The study replaces KerasTuner's files.
        self._oracle.save = self._oracle._save_trial = lambda *arguments: None

    def __getattr__(self, name: str) -> Any:
        if name == "_oracle":  # Copies ask for it before it is there.
            raise AttributeError(name)
        return getattr(self._oracle, name)

    @property
    def verbose(self) -> Any:
        """Whether trials are printed, which this oracle never does."""
        return 0

    @verbose.setter
    def verbose(self, value):
        pass

    def save(self) -> None:
        """Do nothing: the study is saved already."""

    def reload(self) -> None:
        """Load the trials of all processes."""
        with self._shared.turn:
            self._read()

    def create_trial(self, tuner_id: str) -> Trial:
        """Return the trial of a dead process, or a new one.

        Its status is `"IDLE"` while other processes run the last trials.
        """
        with self._shared.turn:
            self._read()
            running = {_claim(t.trial_id): t for t in self._running()}
            free = self._shared.claim_one(running)
            if free is not None:
                return running[free]
            trial = self._oracle.create_trial(tuner_id)
            if trial.status == TrialStatus.RUNNING:
                self._write(trial.trial_id)
                self._shared.claim(_claim(trial.trial_id))
                return trial
        if running:
            trial.status = TrialStatus.IDLE
        if trial.status == TrialStatus.IDLE:
            self._wait()
        return trial

    def update_trial(
        self, trial_id: str, metrics: dict[str, float], step: int = 0
    ) -> Trial:
        """Note metrics of a trial, which the study receives at its end."""
        return self._oracle.update_trial(trial_id, metrics, step)

    def end_trial(self, trial: Trial) -> None:
        """End a trial, unless another process has ended it."""
        name = trial.trial_id
        with self._shared.turn:
            metrics = self._oracle.trials[name].metrics
            self._read()
            found = self._oracle.trials[name]
            if found.status == TrialStatus.RUNNING:
                found.metrics = metrics
                try:
                    self._oracle.end_trial(trial)
                finally:
                    self._write(name)
                if name not in self._oracle.end_order:  # It will be retried.
                    self._shared.release(_claim(name))

    def check(self, trial: Trial) -> None:
        """Raise `ClaimLost` if another process has taken over a trial."""
        self._shared.check(_claim(trial.trial_id))

    def _read(self):
        """Give the oracle the trials of all processes, and its latest state."""
        trials: dict[str, Trial] = {}
        records: dict[str, dict[str, Any]] = {}
        for found in self._shared.study.get_trials(deepcopy=False):
            text = found.user_attrs.get(_RECORD)
            if text is not None:
                record, trial = self._parsed(found.number, text)
                name = trial.trial_id
                if records.setdefault(name, record) is record:
                    trials[name] = trial
                    self._told[name] = found.number
                    if record["ended"] and not found.state.is_finished():
                        self._tell(trial)
            elif not found.state.is_finished():
                # A process died between asking for the trial and recording it.
                self._shared.storage.set_trial_state_values(found._trial_id, FAILED)
        if not records:
            return
        latest = max(records.values(), key=lambda record: record["serial"])
        self._serial = latest["serial"]
        oracle = self._oracle
        oracle.trials = trials
        ended = {n: r["ended"] for n, r in records.items() if r["ended"]}
        state = oracle.get_state() | latest["oracle"]
        state |= {
            "ongoing_trials": {t.trial_id: t.trial_id for t in self._running()},
            "start_order": sorted(records, key=self._told.__getitem__),
            "end_order": sorted(ended, key=ended.__getitem__),
            "run_times": {name: r["run_times"] for name, r in records.items()},
            "id_to_hash": {name: r["hash"] for name, r in records.items()},
            "tried_so_far": [r["hash"] for r in records.values()],
        }
        oracle.set_state(state)

    def _running(self):
        """Return the trials that have begun and not ended, in order."""
        trials = self._oracle.trials.values()
        return [trial for trial in trials if trial.status == TrialStatus.RUNNING]

    def _parsed(self, number, text):
        """Return a record, and a trial that nobody has changed."""
        # Almost all records are those of the last look, and their trials have ended.
        known, record, trial = self._known.get(number, ("", {}, None))
        if trial is None or known != text:
            record = json.loads(text)
            trial = Trial.from_state(record["trial"])
            self._oracle.update_space(trial.hyperparameters)
        elif not record["ended"]:
            trial = Trial.from_state(record["trial"])
        self._known[number] = text, record, trial
        return record, trial

    def _write(self, name):
        """Record a trial and the state of the oracle."""
        state = self._oracle.get_state()
        self._serial += 1
        record = {
            "serial": self._serial,
            "trial": self._oracle.trials[name].get_state(),
            "ended": self._serial if name in state["end_order"] else None,
            "run_times": state["run_times"].get(name, 0),
            "hash": state["id_to_hash"].get(name),
            "oracle": {k: v for k, v in state.items() if k not in _DERIVED},
        }
        text = json.dumps(record, default=lambda value: value.item())
        trial = self._oracle.trials[name]
        asked = getattr(self._oracle, "asked", {}).pop(name, None)
        if asked is not None:  # Optuna has proposed the trial.
            self._told[name] = asked.number
        if name in self._told:
            storage, study = self._shared.storage, self._shared.study
            number = storage.get_trial_id_from_study_id_trial_number(
                study._study_id, self._told[name]
            )
            storage.set_trial_user_attr(number, _RECORD, text)
        else:
            self._add(trial, text)
        if record["ended"]:
            self._tell(trial)

    def _add(self, trial, text):
        """Add a trial that Optuna has not proposed."""
        hps, running = trial.hyperparameters, optuna.trial.TrialState.RUNNING
        known = {
            hp.name: distribution(hp)
            for hp in hps.space
            if hp.name in hps.values and distribution(hp) is not None
        }
        values = {name: hps.values[name] for name in known}
        attributes = {_RECORD: text}
        try:
            found = optuna.trial.create_trial(
                state=running,
                params=values,
                distributions=known,
                user_attrs=attributes,
            )
        except ValueError:  # Optuna's steps do not contain a value.
            found = optuna.trial.create_trial(state=running, user_attrs=attributes)
        self._shared.study.add_trial(found)

    def _tell(self, trial):
        """Give Optuna the result of a trial that has ended."""
        number = self._told[trial.trial_id]
        tell(self._shared.study, number, trial, self.objectives)


def _claim(trial_id):
    return f"trial {trial_id}"
