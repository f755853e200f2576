"""A KerasTuner tuner whose trials train a network over seeds."""

import dataclasses
import shutil
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import keras_tuner
import numpy as np
from keras_tuner import errors
from keras_tuner.engine import base_tuner

from keras_recur._files import trying
from keras_recur.analysis import iteration_curve
from keras_recur.runs.trial import Trial, run_trial, save_weights
from keras_recur.tuning._peak_memory import PeakMemory
from keras_recur.tuning._shared_study import ClaimLost, SharedStudy
from keras_recur.tuning._summary import is_finished, summarize_rows
from keras_recur.tuning.configuration import Configuration
from keras_recur.tuning.load_search import load_search
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_plan import SearchPlan
from keras_recur.tuning.sharing_choice import twin_of
from keras_recur.tuning.study_oracle import StudyOracle


class Run(NamedTuple):
    """Training of one network with one seed."""

    configuration: Configuration
    rate: float
    seed: int
    epochs: int | None = None


class SearchTuner(base_tuner.BaseTuner):
    """Tuner that trains every seed without a row, and writes its row.

    Any number of equal processes may run it on one folder. Each run is claimed, so two
    processes never train the same one.

    Args:
        plan: Plan of the search.
        folder: Folder of the search.
        shared: A `SharedStudy` within its context.
        on_wait: Function that is called after every run, and often while this process
            waits for others.
        runs: Number of runs after which `work` raises `Enough`. Defaults to no limit.
    """

    class Enough(Exception):
        """This process has trained its maximum number of runs."""

    def __init__(
        self,
        plan: SearchPlan,
        folder: SearchFolder,
        shared: SharedStudy,
        *,
        on_wait: Callable[[], None] = lambda: None,
        runs: int | None = None,
    ):
        self.plan, self.folder, self.shared = plan, folder, shared
        self.on_wait, self._runs, self._trained = on_wait, runs, 0
        oracle = StudyOracle(plan.oracle(), shared, folder.study_name(), self.wait)
        super().__init__(oracle, _Declared(plan.space), directory=str(folder.path))

    @property
    def project_dir(self) -> str:
        """Folder of KerasTuner's files, which are not written."""
        return str(self.folder.path)

    def save(self) -> None:
        """Do nothing: the study is saved already."""

    def work(self) -> None:
        """Take part until all runs and those of the winner have rows."""
        while True:
            try:
                self.search(verbose=0)
                self._fill_gaps()
                self._finish(self.winner_runs(), fresh=True)
                return
            except errors.FatalError as error:
                if not isinstance(error.__cause__, ClaimLost):
                    raise error.__cause__ or error from None
            except ClaimLost:
                pass  # Another process goes on with this run.

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Train the seeds that have no row, and return the objectives."""
        try:
            rows = [self.row(run) for run in self._runs_of(trial)]
        except Exception as error:  # KerasTuner would continue without a row.
            raise errors.FatalError(str(error)) from error
        # The oracle receives the numbers that tables and plots show.
        found, *_ = summarize_rows(rows, self.plan.guess)
        return {name: found[name] for name in self.plan.objectives}

    def _runs_of(self, trial):
        """Return the runs of a trial: those of its network first."""
        values = trial.hyperparameters.values
        configuration = self.plan.space.configuration(values)
        configurations = [configuration]
        if self.plan.settings.twins and configuration.sharing != "none":
            configurations.append(configuration._replace(sharing="none"))
        rate, epochs = values["learning_rate"], values.get("tuner/epochs")
        return [
            Run(configuration, rate, seed, epochs)
            for configuration in configurations
            for seed in self.plan.seeds
        ]

    def on_trial_end(self, trial: Any) -> None:
        """End the trial, and the process after its maximum number of runs."""
        super().on_trial_end(trial)
        if self._runs is not None and self._trained >= self._runs:
            raise SearchTuner.Enough

    def _fill_gaps(self):
        """Train the runs of ended trials whose rows were removed."""
        self.oracle.reload()
        self._finish(
            [run for t in self.oracle.trials.values() for run in self._runs_of(t)]
        )

    def _finish(self, runs, fresh=False):
        """Train runs together with other processes until all have rows."""
        while runs := [r for r in runs if not self.folder.row(self._file(r), fresh)]:
            if not any(self._train_if_free(run, fresh) for run in runs):
                self.wait()

    def winner_runs(self) -> list[Run]:
        """Return the runs of the winner on fresh seeds."""
        result = load_search(self.folder.path)
        if not result.statuses().get("finished"):
            return []
        best = result.best().configuration
        row = next(r for r in result.rows if r["configuration"] == best)
        first = max(self.plan.seeds) + 1
        return [
            Run(Configuration.of(row), row["learning_rate"], first + i)
            for i in range(self.plan.settings.fresh_seeds)
        ]

    def row(self, run: Run, fresh: bool = False) -> dict[str, Any]:
        """Return the row of a run, after training it if necessary.

        Rows of the winner's fresh seeds are `fresh`.
        """
        while (found := self.folder.row(self._file(run), fresh)) is None:
            self._finish([run], fresh)
        return found

    def wait(self) -> None:
        """Let other processes work for a moment."""
        self.on_wait()
        self.shared.wait()

    def _file(self, run):
        """Return the name of a run's files."""
        return f"{self._name(run)}-s{run.seed}"

    def _name(self, run):
        rates = self.plan.space.learning_rate
        one = isinstance(rates, list) and len(rates) == 1
        name = f"{run.configuration}{'' if one else f'-lr{run.rate:.4g}'}"
        return name if run.epochs is None else f"{name}-e{run.epochs}"

    def _train_if_free(self, run, fresh=False):
        """Train a run and write its row, unless another process does."""
        file, claim = self._file(run), self._claim(run, fresh)
        if not self.shared.claim(claim):
            return False
        if not self._unlocked(file):
            self.shared.release(claim)
            return False
        # The process that had the claim before may have written the row.
        if self.folder.row(file, fresh) is None:
            row = {
                "configuration": self._name(run),
                **run.configuration._asdict(),
                "seed": run.seed,
            }
            row |= self._train(run, fresh)
            row["identity"] = self.plan.identity
            if self.folder.row(file, fresh) is None:
                self.folder.write_row(file, row, fresh)
            self._trained += 1
        self.shared.release(claim)
        self.on_wait()
        return True

    def _unlocked(self, file):
        """Return whether no process that was stopped for long holds the checkpoint."""
        place = self.folder.path / "runs" / file
        if not place.exists():
            return True
        with trying(place / ".lock") as free:
            return free

    def _claim(self, run, fresh):
        return f"{'winner' if fresh else 'run'} {self._file(run)}"

    def _train(self, run, fresh):
        configuration, rate, seed, epochs = run
        file = self._file(run)
        place = self.folder.path / "runs" / file
        entry = self.plan.entry(configuration, rate, epochs)
        twin = twin_of(configuration.sharing)
        test = entry.test_data(entry.test_sizes[0]) if fresh else None
        costs = dataclasses.asdict(self.plan.space.costs(configuration))

        def score(model):
            curve = iteration_curve(model, entry.phase_validation_data(twin))
            found = {
                "curve": [None if np.isnan(a) else float(a) for a in curve],
                "accuracy": float(curve[-1]),
            }
            if test is not None:
                found["test_accuracy"] = float(iteration_curve(model, test)[-1])
            save_weights(model, self.folder.weights(file))
            # The checkpoint also contains the optimizer's state, so it is larger.
            shutil.rmtree(place, ignore_errors=True)
            return found

        def guess(model):
            found = self.plan.guess.metrics(configuration.iterations)
            if fresh:
                found["test_accuracy"] = self.plan.guess.accuracy
            return found

        memory = PeakMemory()
        trial = Trial(
            network=lambda: entry.network(twin, seed),
            recipe=entry.recipe(twin),
            train_data=lambda: entry.train_data(twin, seed),
            validation_data=lambda: entry.phase_validation_data(twin),
            seed=seed,
            score=score,
            guess=guess,
            callbacks=[_StillMine(self.shared, self._claim(run, fresh))],
            survives=True,
            made=entry.procedural,
            made_with=self.folder.made_with(),
        )
        row = {"message": "", **costs, **run_trial(trial, place)}
        history = row.pop("history", None)
        if is_finished(row) and history:
            row |= {"loss": history["val_loss"][-1], "epochs": len(history["loss"])}
        return row | {"peak_memory": memory.read(), "learning_rate": rate}


class _StillMine(keras.callbacks.Callback):
    """Ends the training of a process that seemed dead and was replaced."""

    def __init__(self, shared, claim):
        super().__init__()
        self._shared, self._claim = shared, claim

    def on_epoch_begin(self, epoch, logs=None):
        self._shared.check(self._claim)


class _Declared(keras_tuner.HyperModel):
    """Space that KerasTuner can explore without building networks."""

    def __init__(self, space):
        super().__init__()
        self.space = space

    def build(self, hp):
        self.space.declare(hp)
