"""Train and score the networks of an experiment over seeds."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from keras_recur._archives import load_weights
from keras_recur._files import check_path, to_json, write_text
from keras_recur._validation import check_callable, check_flag, check_type
from keras_recur.data import describe
from keras_recur.experiments.experiment import Experiment
from keras_recur.reports.page import Page
from keras_recur.runs._jobs import check_jobs, sources, work_on
from keras_recur.runs._shapes import EXPERIMENT
from keras_recur.runs._work import Work
from keras_recur.runs.entry import Entry
from keras_recur.runs.progress import Progress
from keras_recur.runs.provenance import provenance
from keras_recur.runs.run_folder import WAIT, RunFolder, check_networks, check_seeds
from keras_recur.runs.summary import is_finished
from keras_recur.runs.trial import Trial, run_trial, save_weights
from keras_recur.zoo.costs import trainable_parameters

_TOGETHER = "together.json"


def run_experiment(
    experiment: Experiment,
    folder: str | Path,
    seeds: Sequence[int],
    *,
    networks: Sequence[str] | None = None,
    resume: bool = False,
    report: Callable[[str], None] = lambda line: None,
    progress: Progress | None = None,
    jobs: int | str = 0,
) -> dict[str, Any]:
    """Train, score and report an experiment over seeds.

    Completed networks are kept, and interrupted ones resume after their last epoch. A
    network whose loss becomes NaN counts as guessing. Several processes and machines
    can work on one folder, as in `runs.compare`.

    Args:
        experiment: An experiment, such as `SharingExperiment()`.
        folder: Folder for the results, `plots/`, `report.html` and `README.md`.
        seeds: Seeds of initial weights and of the order of the examples.
        networks: Networks to train. With `resume`, some of them can have more seeds
            than others. Defaults to `None`: all of `experiment.networks`.
        resume: Whether to resume a run in this folder. Defaults to `False`.
        report: Function that is called with one line of text per network.
        progress: Progress bars. Defaults to none.
        jobs: Number of worker processes with one thread each, as in `runs.compare`.
            Defaults to `0`: this process trains one network after another.

    Returns:
        The content of `results.json`.

    Raises:
        ValueError: If the folder is damaged or belongs to another configuration, or an
            argument is invalid.

    Example:

    >>> import tempfile
    >>> tiny = keras_recur.experiments.ReadoutTimesExperiment(
    ...     width=2, trained=5, first=5, last=5, epochs=1, num_examples=32
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = keras_recur.experiments.run_experiment(tiny, folder, seeds=[0])
    >>> results["summary"]["shared"]["parameters"]
    598
    """
    check_type("experiment", experiment, Experiment, "an `experiments.Experiment`")
    seeds = check_seeds(seeds)
    check_flag("resume", resume)
    check_callable("report", report)
    run = RunFolder(check_path("folder", folder))
    progress = Progress(quiet=True) if progress is None else progress
    check_type("progress", progress, Progress, "a `runs.Progress`")
    jobs = check_jobs(jobs)
    networks = check_networks("networks", networks, experiment.networks)
    asked = [(seed, name) for seed in seeds for name in networks]

    def done(seed, name, result):
        progress.advance(seed, name)
        report(f"seed {seed}, {name}: {_outcome(experiment, result)}")

    with run.began(experiment, seeds, networks, resume):
        with progress.over(len(asked)):
            work = _Experiment(experiment)
            work_on(work, run, asked, jobs, progress=progress, done=done)
        with run.held(WAIT):
            results = _write_results(experiment, run)
            page = _write_card(experiment, run.path, results)
            write_text(run.path / "report.html", page.html())
    return results


class _Experiment(Work):
    def __init__(self, experiment: Experiment):
        self.plan = experiment

    def check(self):
        dataclasses.replace(self.plan)

    def sources(self):
        entry = getattr(self.plan, "entry", None)
        data = getattr(self.plan, "data", None)
        found: list[Any] = [type(self.plan)]
        if isinstance(entry, Entry):
            found += sources(entry)
        elif data is not None:
            found.append(describe(data).make)
        return found

    def finished(self, run, seed, network):
        return _finished(self.plan, run, seed, network)

    def epochs(self, network):
        return self.plan.recipe(network).epochs

    def train(self, run, seed, network, callbacks):
        experiment, parameters = self.plan, {}

        def build():
            model = experiment.network(network, seed)
            parameters["parameters"] = trainable_parameters(model)
            return model

        def score(model):
            if experiment.keeps_weights:
                save_weights(model, run.weights(seed, network))
            return experiment.score(network, seed, model)

        trial = Trial(
            network=build,
            recipe=experiment.recipe(network),
            train_data=lambda: experiment.load("train", seed),
            validation_data=lambda: experiment.load("validation"),
            seed=seed,
            score=score,
            guess=lambda model: experiment.chance_score(),
            jit_compile=experiment.jit_compile,
            # Each seed has its own examples if they are generated.
            made=getattr(getattr(experiment, "entry", None), "procedural", False),
            made_with=run.made_with(),
            callbacks=callbacks,
        )
        row = run_trial(trial, run.twin(seed, network))
        return run.write_result(
            seed, network, experiment, {"network": network, **parameters, **row}
        )


def _finished(experiment, run, seed, name):
    """Return the checked result of a network, or `None`."""
    result = run.finished(seed, name)
    if result is None:
        return None
    path = run.twin(seed, name) / "result.json"
    shape = {"parameters": int} | {
        key: [object] if isinstance(value, list) else object
        for key, value in experiment.chance_score().items()
    }
    result = run.read_json(path.relative_to(run.path), shape)
    return result if is_finished(result) else {**result, **experiment.chance_score()}


def _write_results(experiment, run):
    found = [
        _finished(experiment, run, result["seed"], result["network"])
        for result in run.results()
    ]
    results = [result for result in found if result is not None]
    together = _together(experiment, run, results)
    content = {
        "experiment": experiment.name,
        "settings": experiment.as_dict(),
        "data": experiment.load("train").config(),
        "provenance": provenance(),
        "summary": experiment.summarize(results),
        **({"together": together} if together else {}),
        "runs": results,
    }
    content = json.loads(to_json(content))  # As refresh_page reads it.
    run.write_json("results.json", content)
    rows = [
        {k: v for k, v in result.items() if isinstance(v, str | int | float)}
        | {k: str(v) for k, v in result["provenance"].items()}
        for result in results
    ]
    columns = dict.fromkeys(key for row in rows for key in row)
    run.write_csv("results.csv", [{k: row.get(k) for k in columns} for row in rows])
    return content


def _together(experiment, run, results):
    """Return the measurements of several networks, or load those that are there."""
    if not experiment.keeps_weights:
        return {}
    trained = {(r["seed"], r["network"]) for r in results if is_finished(r)}
    seeds = sorted({seed for seed, _ in trained})
    names = experiment.networks
    seeds = [s for s in seeds if all((s, name) in trained for name in names)]
    path = run.path / _TOGETHER
    if path.exists():
        known = run.read_json(_TOGETHER, {"seeds": [int], "found": dict})
        if known["seeds"] == seeds:
            return known["found"]

    def load(name, seed):
        model = experiment.network(name, seed)
        load_weights(model, run.weights(seed, name))
        return model

    found = experiment.together(load, seeds) if seeds else {}
    run.write_json(_TOGETHER, {"seeds": seeds, "found": found})
    return found


def _write_card(experiment, folder, results):
    """Draw the plots, write `README.md`, and return the page."""
    page = Page(experiment.title)
    experiment.write_page(page, results, folder / "plots")
    page.details("How it was trained", ["", ""], _provenance_rows(results))
    write_text(folder / "README.md", page.markdown())
    return page


def refresh_page(folder: str | Path) -> Path:
    """Write card and plots of a published experiment again from `results.json`."""
    from keras_recur.experiments import get_experiment

    place = check_path("folder", folder)
    results = RunFolder(place).read_json("results.json", EXPERIMENT)
    experiment = get_experiment(results["experiment"])
    _write_card(experiment, place, results)
    return place


def _provenance_rows(results):
    source = results["runs"][0]["provenance"]
    seeds = sorted({r["seed"] for r in results["runs"]})
    seconds = sum(r["seconds"] for r in results["runs"])
    rows = [[k, str(v)] for k, v in results["settings"].items()]
    rows += [[f"data: {k}", str(v)] for k, v in results["data"].items()]
    rows.append(["seeds", ", ".join(map(str, seeds))])
    rows.append(["training and tests", f"{seconds / 60:.0f} minutes in total"])
    return rows + [[k, str(v)] for k, v in source.items()]


def _outcome(experiment, result):
    if result["status"] != "finished":
        return result["message"]
    return f"{experiment.format_result(result)} ({result['seconds']:.0f} s)"
