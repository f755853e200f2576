"""Trained networks of a run, from their files."""

from typing import Any

from keras_recur._archives import load_weights
from keras_recur.inference.with_iterations import with_iterations
from keras_recur.runs.run_folder import RunFolder
from keras_recur.runs.summary import is_finished


def finished_seeds(folder: RunFolder, twin: str) -> list[int]:
    """Return the seeds of a network that have finished."""
    found = (r for r in folder.results() if r["twin"] == twin and is_finished(r))
    return [result["seed"] for result in found]


def trained_network(folder: RunFolder, twin: str, seed: int) -> Any:
    """Return a network of a run with its weights. Its readout is the last one."""
    entry = folder.entry()
    model = entry.network(twin, seed)
    load_weights(model, folder.weights(seed, twin))
    if entry.recipe(twin).every_readout:
        model = with_iterations(model, readout="last")
    return model
