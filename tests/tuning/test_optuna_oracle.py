"""The Optuna oracle: several objectives, resuming, errors."""

import dataclasses

import keras_tuner
import pytest
from keras_tuner.engine import base_tuner
from tiny_search import TINY

from keras_recur import tuning
from keras_recur.tuning._shared_study import SharedStudy
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_plan import SearchPlan
from keras_recur.tuning.search_tuner import SearchTuner
from keras_recur.tuning.settings import SearchSettings

pytestmark = pytest.mark.once  # No network is trained here.
ERROR = keras_tuner.Objective("error", "min")
GAIN = keras_tuner.Objective("gain", "max")


def declare(hp):
    """Declare every kind of hyperparameter, one of them conditional."""
    hp.Choice("kind", ["plain", "deep"])
    with hp.conditional_scope("kind", ["deep"]):
        hp.Int("depth", 2, 9, step=2)
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Int("units", 2, 64, step=2, sampling="log")
    hp.Float("share", 0, 1, step=0.25)
    hp.Int("count", 1, 100, sampling="log")
    hp.Boolean("bias")
    hp.Fixed("always", 3)


ALLOWED = {
    "kind": lambda v: v in ("plain", "deep"),
    "depth": lambda v: v in (2, 4, 6, 8),
    "rate": lambda v: 1e-4 <= v <= 1e-1,
    "units": lambda v: type(v) is int and v in (2, 4, 8, 16, 32, 64),
    "share": lambda v: v in (0.0, 0.25, 0.5, 0.75, 1.0),
    "count": lambda v: type(v) is int and 1 <= v <= 100,
    "bias": lambda v: v in (True, False),
    "always": lambda v: v == 3,
}


class Tuner(base_tuner.BaseTuner):
    """Scores values without a network; trials with 64 units fail."""

    def run_trial(self, trial, *args, **kwargs):
        values = trial.hyperparameters.values
        if values["units"] == 64:
            raise keras_tuner.errors.FailedTrialError("too large")
        return {"error": 1 / values["units"] + values["rate"], "gain": -values["units"]}


def tuner(folder, *, trials=25, seed=1, overwrite=True, objective=(ERROR, GAIN)):
    oracle = tuning.OptunaOracle(
        list(objective), trials, seed=seed, max_consecutive_failed_trials=100
    )
    made = Tuner(oracle, Declared(), directory=folder, overwrite=overwrite)
    made.oracle.verbose = 0
    return made


class Declared(keras_tuner.HyperModel):
    def build(self, hp):
        declare(hp)


def proposals(made):
    trials = [made.oracle.trials[i] for i in made.oracle.start_order]
    return [trial.hyperparameters.values for trial in trials]


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    made = tuner(tmp_path_factory.mktemp("optuna"))
    made.search(verbose=0)
    return made


def test_oracle_proposes_every_kind_of_hyperparameter(searched):
    found = proposals(searched)
    assert len(found) == 25 == len({str(values) for values in found})
    for values in found:
        assert values.keys() - {"depth"} == ALLOWED.keys() - {"depth"}
        assert ("depth" in values) == (values["kind"] == "deep")
        assert all(ALLOWED[name](value) for name, value in values.items())
    for name in ALLOWED.keys() - {"always"}:
        assert len({values.get(name) for values in found}) > 1


def test_study_has_the_front_of_all_trials(searched):
    study = searched.oracle.study
    failed = [v for v in proposals(searched) if v["units"] == 64]
    told = [t.values for t in study.trials if t.values is not None]
    assert failed and len(told) == 25 - len(failed)

    def beaten(found):
        error, gain = found
        return any(e <= error and g >= gain and [e, g] != found for e, g in told)

    front = [values for values in told if not beaten(values)]
    assert 1 < len(front) < len(told)
    assert sorted(t.values for t in study.best_trials) == sorted(front)
    best = searched.oracle.get_best_trials()[0]
    assert best.score == min(error for error, _ in told)


@pytest.mark.parametrize("sampler", [None, "nsga"])
def test_proposals_are_reproducible_by_seed(sampler, tmp_path):
    import optuna

    def run(seed):
        given = sampler and optuna.samplers.NSGAIISampler(seed=seed)
        oracle = tuning.OptunaOracle(
            [ERROR, GAIN],
            14,
            given,
            seed=seed,
            max_consecutive_failed_trials=100,
        )
        made = Tuner(oracle, Declared(), directory=tmp_path, overwrite=True)
        made.search(verbose=0)
        return proposals(made)

    assert run(3) == run(3) != run(4)


def test_reloaded_tuner_resumes(tmp_path):
    first = tuner(tmp_path, trials=12)
    first.search(verbose=0)
    second = tuner(tmp_path, trials=15, overwrite=False)
    told = [t.values for t in first.oracle.study.trials]
    assert [t.values for t in second.oracle.study.trials] == told
    second.search(verbose=0)
    assert proposals(second)[:12] == proposals(first)
    assert len(proposals(second)) == 15


def test_exhausted_space_ends_the_search(tmp_path):
    class Four(keras_tuner.HyperModel):
        def build(self, hp):
            hp.Choice("units", [2, 4])
            hp.Choice("rate", [1.0, 2.0])

    oracle = tuning.OptunaOracle([ERROR, GAIN], max_trials=50, seed=2)
    made = Tuner(oracle, Four(), directory=tmp_path, overwrite=True)
    made.search(verbose=0)
    assert len(proposals(made)) == 4 == len({str(v) for v in proposals(made)})


def test_oracle_accepts_one_objective(tmp_path):
    made = tuner(tmp_path, trials=5, objective=[ERROR])
    made.search(verbose=0)
    assert made.oracle.study.best_value > 0


def test_oracle_refuses_invalid_arguments(tmp_path):
    with pytest.raises(ValueError, match="at least one. Received: none"):
        tuning.OptunaOracle([])
    oracle = tuner(tmp_path).oracle
    trial = oracle.create_trial("tuner")
    with pytest.raises(ValueError, match="Missing: gain. Received: error"):
        oracle.update_trial(trial.trial_id, {"error": 0.5})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objectives": ["accuracy", "mac"]}, "`objectives`.*Did you mean 'macs'"),
        ({"objectives": ["macs"]}, "must contain 'accuracy'.*Received"),
        ({"objectives": ["accuracy", "accuracy"]}, "no name twice"),
        ({"oracle": "bayesian", "objectives": ["macs"]}, "oracle='optuna' alone"),
    ],
)
def test_settings_refuse_invalid_objectives(changes, message):
    with pytest.raises(ValueError, match=message):
        SearchSettings(**{**TINY, "oracle": "optuna", **changes})


SMALL = {"oracle": "optuna", "learning_rate": (1e-3, 0.1), "seeds": 1}


def made_up(tuner, run, fresh):
    """Return a row without training; its accuracy follows from the network."""
    costs = dataclasses.asdict(tuner.plan.space.costs(run.configuration))
    accuracy = 1 - 1 / run.configuration.width - abs(run.rate - 0.02) ** 0.5
    found = {"learning_rate": run.rate, "status": "finished", "accuracy": accuracy}
    return {**found, **costs, "message": "", "seconds": 0.1}


@pytest.mark.parametrize("kept", [3, 14])
@pytest.mark.parametrize("study", [True, False], ids=["study kept", "study lost"])
def test_search_resumes_with_the_same_networks(study, kept, tmp_path, monkeypatch):
    monkeypatch.setattr(SearchTuner, "_train", made_up)
    folder = tmp_path / "a"
    # Optuna proposes ten random trials before it uses results.
    settings = {**TINY, **SMALL, "fresh_seeds": 0, "max_trials": 20}

    def run():
        found = tuning.search(directory=folder, **settings)
        return {r["configuration"]: (r["accuracy"], r["macs"]) for r in found.rows}

    rows = run()
    assert len(rows) == 20
    paths = sorted((folder / "rows").iterdir(), key=lambda p: p.stat().st_mtime_ns)
    for path in paths[kept:]:  # As after a kill.
        path.unlink()
    if not study:  # Earlier versions had none.
        (folder / "study.journal").unlink()
    assert run() == rows
    with SharedStudy(folder) as shared:
        shared.open(SearchFolder(folder).study_name(), ["maximize", "minimize"])
        told = [tuple(t.values) for t in shared.study.trials if t.values]
    assert sorted(told) == sorted(rows.values())


def test_plan_ranks_trials_by_accuracy():
    settings = SearchSettings(**TINY | SMALL, objectives=["parameters", "accuracy"])
    plan = SearchPlan(settings)
    found = [(o.name, o.direction) for o in plan.oracle().objectives]
    assert found == [("accuracy", "max"), ("parameters", "min")]
