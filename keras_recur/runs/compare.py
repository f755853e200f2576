"""Train both twins over seeds and score them on larger inputs."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur import data as data_room
from keras_recur._files import check_path
from keras_recur._validation import (
    check_flag,
    check_type,
)
from keras_recur.analysis._macs import macs_over_iterations
from keras_recur.runs._jobs import check_jobs, sources, work_on
from keras_recur.runs._work import Work
from keras_recur.runs.entry import TWINS, Entry
from keras_recur.runs.progress import Progress
from keras_recur.runs.provenance import provenance
from keras_recur.runs.run_folder import WAIT, RunFolder, check_networks, check_seeds
from keras_recur.runs.scoring import guessed_scores, score_network
from keras_recur.runs.settled import summarize_settling
from keras_recur.runs.summary import STAGES, counted, is_finished, side, summarize
from keras_recur.runs.trial import Trial, run_trial, save_weights

# Number of test sizes whose MACs are counted.
COUNTED = 2


def compare(
    entry: Entry,
    folder: str | Path,
    seeds: Sequence[int],
    twins: Sequence[str] | None = None,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    jobs: int | str = 0,
) -> dict[str, Any]:
    """Train and score the networks of an entry over seeds.

    Completed seeds are kept, and an interrupted seed resumes after its last epoch. A
    seed whose loss becomes NaN counts as failed.

    Several processes and machines can make this call on one folder at the same time,
    with `resume=True`. Each trains the networks that no other one trains, and takes
    over those of processes that were killed.

    Args:
        entry: The entry to train, from `make_entry`.
        folder: Folder for all files of the run.
        seeds: Seeds of initial weights, training examples and their order.
        twins: Names of networks to train. Defaults to both twins and all variants.
        resume: Whether to resume a run in this folder. Defaults to `False`.
        progress: Progress bars. Defaults to none.
        jobs: Number of worker processes with one thread each. The results are the same
            for every number from 1. On a CPU, `"auto"` is one per core for networks
            with at most 1,000,000 parameters, or 3,000,000 if there are as many
            networks to train as cores. Otherwise it is `0`. Defaults to `0`: this
            process trains one network after another, with all its threads.

    Returns:
        The content of `results.json`.

    Raises:
        ValueError: If the folder is damaged or belongs to another configuration, or
            worker processes cannot import the family or the data set.

    Example:

    >>> entry = keras_recur.runs.make_entry(
    ...     "mlp", "digits", quick=True, num_examples=96,
    ...     model={"width": 8, "iterations": 2}, recipe={"epochs": 1, "milestones": ()},
    ... )
    >>> results = keras_recur.runs.compare(entry, "runs/digits", seeds=[0])
    >>> list(results["summary"])
    ['recurrent', 'feedforward']
    """
    check_type("entry", entry, Entry, "a `runs.Entry`, as `make_entry` returns it")
    seeds = check_seeds(seeds)
    twins = check_networks("twins", twins, entry.networks)
    check_flag("resume", resume)
    progress = Progress(quiet=True) if progress is None else progress
    check_type("progress", progress, Progress, "a `runs.Progress`")
    jobs = check_jobs(jobs)
    run = RunFolder(check_path("folder", folder))
    asked = [(seed, twin) for seed in seeds for twin in twins]
    with run.began(entry, seeds, twins, resume):
        with progress.over(len(asked)):
            work_on(
                _Comparison(entry),
                run,
                asked,
                jobs,
                progress=progress,
                done=progress.seed_done,
            )
        with run.held(WAIT):
            return write_results(run)


class _Comparison(Work):
    def __init__(self, entry: Entry):
        self.plan = entry

    def check(self):
        dataclasses.replace(self.plan)

    def sources(self):
        return sources(self.plan)

    def finished(self, run, seed, network):
        return run.finished(seed, network)

    def epochs(self, network):
        return self.plan.recipe(network).epochs

    def train(self, run, seed, network, callbacks):
        entry, place = self.plan, run.twin(seed, network)

        def score(model):
            found = score_network(entry, model, network, seed)
            save_weights(model, run.weights(seed, network))
            return found

        trial = Trial(
            network=lambda: entry.network(network, seed),
            recipe=entry.recipe(network),
            train_data=lambda: entry.train_data(network, seed),
            validation_data=lambda: entry.phase_validation_data(network),
            seed=seed,
            score=score,
            guess=lambda model: guessed_scores(entry, model, network),
            made=entry.procedural,
            made_with=run.made_with(),
            callbacks=callbacks,
        )
        result = {"twin": network, **run_trial(trial, place)}
        return run.write_result(seed, network, entry, result)


def write_results(run: RunFolder) -> dict[str, Any]:
    """Write `results.json` and `results.csv` from all finished results."""
    entry, results = run.entry(), run.results()
    pair = entry.pair(0)
    content = {
        "name": entry.name,
        "entry": entry.as_dict(),
        "costs": pair.costs().as_dict(),
        "macs": _macs(entry, pair, results),
        "provenance": provenance(),
        "summary": {
            name: found | summarize_settling(entry.as_dict(), results, name)
            for name, found in summarize(entry, results).items()
        },
        "runs": results,
    }
    run.write_json("results.json", content)
    rows = [
        {
            "entry": entry.name,
            "twin": twin,
            "seed": result["seed"],
            "size": test["size"],
            "iterations": step,
            "accuracy": accuracy,
            **{k: str(v) for k, v in result["provenance"].items()},
        }
        for twin, result in _every_row(entry, results)
        for test in result["tests"]
        for step, accuracy in enumerate(test["curve"], start=1)
    ]
    if rows:
        run.write_csv("results.csv", rows)
    return content


def _every_row(entry, results):
    """Return pairs of a network or stage and its result, in the order of results."""
    plain = entry.as_dict()
    rows = [
        (name, result)
        for twin in entry.networks
        for name in (twin, *(f"{twin}, {stage}" for stage in STAGES))
        if name == twin or _has_stage(results, *name.split(", "))
        for result in counted(plain, results, name)
    ]
    order = [(r["seed"], r["twin"]) for r in results]
    return sorted(rows, key=lambda row: order.index((row[1]["seed"], row[1]["twin"])))


def _has_stage(results, twin, stage):
    return any(r["twin"] == twin and stage in r for r in results)


def _macs(entry, pair, results):
    """Return the MACs of both twins after each scored iteration, on the first sizes."""
    sizes = [side(size) for size in entry.test_sizes[:COUNTED]]
    shapes = [data_room.input_shape(entry.data, size) for size in sizes]
    found = {}
    for twin in TWINS if "iterations" in entry.model else ():
        scored = counted(entry.as_dict(), results, twin)
        scored.sort(key=is_finished, reverse=True)
        if scored:
            filled = [a is not None for a in scored[0]["tests"][0]["curve"]]
            rows = macs_over_iterations(getattr(pair, twin), filled, shapes)
            found[twin] = [[None if np.isnan(m) else int(m) for m in r] for r in rows]
    return found
