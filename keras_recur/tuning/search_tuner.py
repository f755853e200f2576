"""A KerasTuner tuner whose trials train a network over seeds."""

import dataclasses
import shutil
from collections.abc import Callable
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner import errors
from keras_tuner.engine import base_tuner

from keras_recur.analysis import iteration_curve
from keras_recur.runs.trial import Trial, run_trial, save_weights
from keras_recur.tuning._peak_memory import PeakMemory
from keras_recur.tuning._summary import is_finished, summarize_rows
from keras_recur.tuning.configuration import Configuration
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_plan import SearchPlan
from keras_recur.tuning.sharing_choice import twin_of


class SearchTuner(base_tuner.BaseTuner):
    """Tuner that trains every seed without a row, and writes its row."""

    class Enough(Exception):
        """This process has trained its maximum number of runs."""

    class ChiefLost(errors.FatalError):
        """The chief that proposed the trial has ended."""

    def __init__(
        self,
        plan: SearchPlan,
        folder: SearchFolder,
        *,
        name: str = "alone",
        on_run: Callable[[], None] = lambda: None,
        runs: int | None = None,
        fresh: bool = False,
    ):
        self.plan, self.folder, self.on_run = plan, folder, on_run
        self.fresh, self._runs, self._trained = fresh, runs, 0
        # KerasTuner's files are never read: an interruption may damage them.
        super().__init__(
            plan.oracle(),
            _Declared(plan.space),
            directory=str(folder.path / "keras_tuner"),
            project_name="winner" if fresh else name,
            overwrite=True,
        )

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Train the seeds that have no row, and return the objectives."""
        try:
            found = self._run_trial(trial)
        except Exception as error:  # KerasTuner would continue without a row.
            raise errors.FatalError(str(error)) from error
        self._check_chief(trial)
        return found

    def _check_chief(self, trial):
        """Raise if the chief was replaced: unknown trials would deadlock it."""
        if isinstance(self.oracle, keras_tuner.Oracle):
            return  # There is no chief.
        import grpc

        try:
            known = self.oracle.get_trial(trial.trial_id).hyperparameters.values
        except grpc.RpcError as error:
            raise SearchTuner.ChiefLost(str(error)) from error
        if known != trial.hyperparameters.values:
            raise SearchTuner.ChiefLost(f"its trial {trial.trial_id} is another one")

    def _run_trial(self, trial):
        values = trial.hyperparameters.values
        rate, epochs = values["learning_rate"], values.get("tuner/epochs")
        configuration = self.plan.space.configuration(values)
        configurations = [configuration]
        if self.plan.settings.twins and configuration.sharing != "none":
            configurations.append(configuration._replace(sharing="none"))
        seeds = self.plan.seeds
        rows = [
            [self.run(c, rate, seed, epochs) for seed in seeds] for c in configurations
        ]
        # The oracle receives the numbers that tables and plots show.
        (found,) = summarize_rows(rows[0], self.plan.guess)
        return {name: found[name] for name in self.plan.objectives}

    def on_trial_end(self, trial: Any) -> None:
        """End the trial, and the process after its maximum number of runs."""
        super().on_trial_end(trial)
        if self._runs is not None and self._trained >= self._runs:
            raise SearchTuner.Enough

    def run(
        self,
        configuration: Configuration,
        rate: float,
        seed: int,
        epochs: int | None = None,
    ) -> dict[str, Any]:
        """Return the row of a network and seed, after training it if necessary."""
        rates = self.plan.space.learning_rate
        one = isinstance(rates, list) and len(rates) == 1
        name = f"{configuration}{'' if one else f'-lr{rate:.4g}'}"
        name += "" if epochs is None else f"-e{epochs}"
        file = f"{name}-s{seed}"
        row = self.folder.row(file, self.fresh)
        if row is None:
            row = {"configuration": name, **configuration._asdict(), "seed": seed}
            row = self._train(row, configuration, rate, epochs, file)
            row["identity"] = self.plan.identity
            # A restarted chief may have proposed the run to another worker too.
            written = self.folder.row(file, self.fresh)
            if written is None:
                self.folder.write_row(file, row, self.fresh)
            row = written or row
            self._trained += 1
            self.on_run()
        return row

    def _train(self, row, configuration, rate, epochs, file):
        seed = row["seed"]
        place = self.folder.path / "runs" / file
        entry = self.plan.entry(configuration, rate, epochs)
        twin = twin_of(configuration.sharing)
        test = entry.test_data(entry.test_sizes[0]) if self.fresh else None
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
            if self.fresh:
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
            survives=True,
            made=entry.procedural,
            made_with=self.folder.made_with(),
        )
        row = {**row, "message": "", **costs, **run_trial(trial, place)}
        history = row.pop("history", None)
        if is_finished(row) and history:
            row |= {"loss": history["val_loss"][-1], "epochs": len(history["loss"])}
        return row | {"peak_memory": memory.read(), "learning_rate": rate}


class _Declared(keras_tuner.HyperModel):
    """Space that KerasTuner can explore without building networks."""

    def __init__(self, space):
        super().__init__()
        self.space = space

    def build(self, hp):
        self.space.declare(hp)
