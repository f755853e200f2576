"""Trains both twins over seeds, and scores them on sizes they have not seen."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_recur import data as data_room
from keras_recur.analysis._banks import banks_of, rebuilt
from keras_recur.analysis._macs import macs_over_iterations
from keras_recur.analysis.fold import fold
from keras_recur.analysis.iteration_curve import Readouts
from keras_recur.analysis.recalibrate import recalibrate
from keras_recur.layers import RecurrentGraph, SharedRecurrentBlock
from keras_recur.runs.entry import TWINS, Entry
from keras_recur.runs.progress import Progress
from keras_recur.runs.provenance import provenance
from keras_recur.runs.run_folder import RunFolder
from keras_recur.runs.summary import STAGES, summarize
from keras_recur.training.fit import TrainingDiverged, fit
from keras_recur.zoo.costs import trainable_parameters

# Layers whose kernels have at least this cosine are folded into one.
FOLD_AT = 0.9
# Sizes of which the MACs are counted.
COUNTED = 2


def compare(
    entry: Entry,
    folder: str | Path,
    seeds: Sequence[int],
    twins: Sequence[str] | None = None,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Trains, scores and reports an entry over seeds.

    Finished seeds are kept as they are, and a seed that was interrupted goes on from
    its last epoch. A seed whose loss becomes NaN counts as failed, and the others
    go on.

    Args:
        entry: What to train and score, from `make_entry`.
        folder: Where everything is written.
        seeds: Seeds of initial weights, training examples and their order.
        twins: Which of the entry's networks. Default: both twins and all variants.
        resume: Go on with a folder that holds this run already.
        progress: Shows how far it is. Default: silent.

    Returns:
        The content of `results.json`.

    Raises:
        ValueError: if the folder belongs to another configuration or is damaged.

    Example:

    >>> entry = keras_recur.runs.make_entry(
    ...     "mlp", "digits", quick=True, num_examples=96,
    ...     model={"width": 8, "iterations": 2}, recipe={"epochs": 1, "milestones": ()},
    ... )
    >>> results = keras_recur.runs.compare(entry, "runs/digits", seeds=[0])
    >>> list(results["summary"])
    ['recurrent', 'feedforward']
    """
    run = RunFolder(folder)
    twins = entry.networks if twins is None else twins
    run.begin(entry, list(seeds), list(twins), resume)
    progress = progress or Progress(quiet=True)
    with progress.over(len(seeds) * len(twins)):
        for seed in seeds:
            for twin in twins:
                result = run.finished(seed, twin)
                if result is None:
                    result = _train_and_score(entry, run, seed, twin, progress)
                progress.seed_done(seed, twin, result)
    return write_results(run)


def _train_and_score(entry, run, seed, twin, progress):
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    place = run.twin(seed, twin)
    model = entry.network(twin, seed)
    recipe = entry.recipe(twin)
    result: dict[str, Any] = {"twin": twin, "seed": seed, "status": "finished"}
    start = time.perf_counter()
    try:
        history = fit(
            model,
            recipe,
            entry.train_data(twin, seed),
            entry.phase_validation_data(twin),
            directory=place,
            callbacks=[progress.epochs(seed, twin, recipe.epochs)],
            verbose=0,
        )
    except TrainingDiverged as error:
        result |= {"status": "diverged", "message": str(error), "tests": []}
    else:
        result["history"] = history
        # Of all sessions, where the training was interrupted.
        start = time.perf_counter() - sum(history["seconds"])
        result["tests"] = _tests(entry, model, twin)
        if entry.has_banks and _has_statistics(model):
            # As folded networks are: it helps by itself.
            copy = rebuilt(model, lambda layer: None)
            _recalibrate(entry, copy, twin, seed)
            result["recalibrated"] = {"tests": _tests(entry, copy, twin)}
        if any(True for _ in banks_of(model)):
            result["folded"] = _folded(entry, model, twin, seed)
        weights = place / "model.weights.h5"
        partial = weights.with_name("partial.weights.h5")
        # Of a model that was compiled, the file would hold the optimizer's state too.
        keras.Model(model.inputs, model.outputs).save_weights(partial)
        partial.replace(weights)
    result["seconds"] = time.perf_counter() - start
    result["provenance"] = provenance()
    run.write_json((place / "result.json").relative_to(run.path), result)
    return result


def _tests(entry, model, twin):
    """Accuracy after every iteration on every size, and after the chosen one."""
    trained = entry.model.get("iterations")
    iterations = entry.test_iterations if can_go_on(model, twin) else trained
    readouts = Readouts(model, iterations)
    tests = []
    for size in entry.test_sizes:
        chosen = trained or readouts.iterations
        if entry.procedural:
            # On validation examples of the same size; the first of equals.
            held_out = readouts.score(entry.validation_data(size))
            chosen = int(np.nanargmax(held_out)) + 1
        scores = readouts.score(entry.test_data(size))
        curve = [None if np.isnan(a) else float(a) for a in scores]
        tests.append(
            {
                "size": size,
                "iterations": chosen,
                "accuracy": curve[chosen - 1],
                "curve": curve,
            }
        )
    return tests


def can_go_on(model: keras.Model, twin: str) -> bool:
    """Whether the model's loops run any number of iterations."""

    def goes_on(loop):
        if isinstance(loop, RecurrentGraph):
            return loop.open_ended
        return loop.soft.period() if loop.soft else len(loop.blocks) == 1

    loops = (RecurrentGraph, SharedRecurrentBlock)
    return twin != "feedforward" and all(
        goes_on(layer) for layer in model.layers if isinstance(layer, loops)
    )


def _folded(entry, model, twin, seed):
    """The trained network with like layers made one, scored in the same way."""
    folded = fold(model, FOLD_AT)
    normalized = _has_statistics(folded)
    if normalized:
        _recalibrate(entry, folded, twin, seed)
    return {
        "threshold": FOLD_AT,
        "labels": {name: bank.labels for name, bank in banks_of(folded)},
        "parameters": trainable_parameters(folded),
        "recalibrated": normalized,
        "tests": _tests(entry, folded, twin),
    }


def _has_statistics(model):
    """Whether there is batch normalization in the model."""
    return any("moving_mean" in w.path for w in model.weights)


def _recalibrate(entry, model, twin, seed):
    """Statistics of normalization anew, from the training data."""
    data = entry.train_data(twin, seed)
    data.epoch = entry.recipe(twin).epochs - 1  # Of a curriculum, the last phase.
    recalibrate(model, data)


def write_results(run: RunFolder) -> dict[str, Any]:
    """Writes `results.json` and `results.csv` from all that is finished."""
    entry, results = run.entry(), run.results()
    pair = entry.pair(0)
    content = {
        "name": entry.name,
        "entry": entry.as_dict(),
        "costs": pair.costs().as_dict(),
        "macs": _macs(entry, pair, results),
        "provenance": provenance(),
        "summary": summarize(entry, results),
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
        for result in results
        for twin, tests in (
            (result["twin"], result["tests"]),
            *(
                (f"{result['twin']}, {stage}", result[stage]["tests"])
                for stage in STAGES
                if stage in result
            ),
        )
        for test in tests
        for step, accuracy in enumerate(test["curve"], start=1)
    ]
    if rows:
        run.write_csv("results.csv", rows)
    return content


def _macs(entry, pair, results):
    """MACs of the twins up to each iteration that was scored, on the first sizes."""
    sizes = [s[0] if isinstance(s, tuple) else s for s in entry.test_sizes[:COUNTED]]
    shapes = [data_room.input_shape(entry.data, size) for size in sizes]
    found = {}
    for twin in TWINS if "iterations" in entry.model else ():
        scored = [r for r in results if r["twin"] == twin and r["tests"]]
        if scored:
            filled = [a is not None for a in scored[0]["tests"][0]["curve"]]
            rows = macs_over_iterations(getattr(pair, twin), filled, shapes)
            found[twin] = [[None if np.isnan(m) else int(m) for m in r] for r in rows]
    return found
