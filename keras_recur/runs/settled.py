"""Whether the loops of a run settle: measured per seed, and means over seeds."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_recur import data as data_room
from keras_recur._limits import MAX_ITERATIONS
from keras_recur.analysis._endless_steps import can_run_on
from keras_recur.analysis._macs import macs_over_iterations
from keras_recur.analysis.settling import Settling, settling
from keras_recur.runs.entry import Entry
from keras_recur.runs.summary import guess, is_finished, mean_and_error, side

MULTIPLES = (1, 4, 16, 64)

# Number of test examples of the trained size. A network whose long run of all of them
# takes more than `MAX_MACS` is measured on fewer, so that scoring stays short.
MOST, LEAST = 100, 20
MAX_MACS = 5e10


def measure_settling(entry: Entry, model: keras.Model) -> dict[str, Any]:
    """Return `{"settling": ...}`, or `{}` if the model cannot run on."""
    trained = entry.model.get("iterations")
    if trained is None or not can_run_on(model):
        return {}
    multiples = [m for m in MULTIPLES if m * trained <= MAX_ITERATIONS]
    size = entry.test_sizes[0]
    filled = [False] * (trained - 1) + [True]
    shape = data_room.input_shape(entry.data, side(size))
    macs = macs_over_iterations(model, filled, [shape])[0, -1]
    count = int(MAX_MACS / max(1, multiples[-1] * macs))
    test = entry.test_data(size, at_most=min(max(count, LEAST), MOST))
    return {"settling": settling(model, test, trained, multiples).as_dict()}


def settled(
    entry: dict[str, Any], results: Sequence[dict[str, Any]], network: str
) -> list[Settling]:
    """Return the settling of each seed. Failed seeds guess, and their states diverge.

    The list is empty for networks and results without this measurement.
    """
    mine = [r for r in results if r["twin"] == network]
    done = [r for r in mine if is_finished(r)]
    if not done or not all("settling" in r for r in done):
        return []
    first = Settling.from_dict(done[0]["settling"])
    failed = dataclasses.replace(
        first,
        accuracy=np.full_like(first.accuracy, guess(entry["data"])),
        changes=np.full_like(first.changes, np.nan),
        periods=np.full_like(first.periods, -1),
    )
    return [
        Settling.from_dict(r["settling"]) if is_finished(r) else failed for r in mine
    ]


def summarize_settling(
    entry: dict[str, Any], results: Sequence[dict[str, Any]], network: str
) -> dict[str, Any]:
    """Return `{"settling": ...}` with means over seeds, or `{}` if it was not measured.

    Means are dictionaries with `mean` and `standard_error`.
    """
    seeds = settled(entry, results, network)
    if not seeds:
        return {}
    first = seeds[0]

    def over_seeds(values):
        return dict(
            zip(("mean", "standard_error"), mean_and_error(values), strict=True)
        )

    return {
        "settling": {
            "examples": len(first.periods),
            "iterations": [m * first.trained for m in first.multiples],
            "accuracy": [
                over_seeds([one.after(m) for one in seeds]) for m in first.multiples
            ],
            "fixed_points": over_seeds([one.fixed_points for one in seeds]),
            "cycles": over_seeds([sum(one.cycles.values()) for one in seeds]),
            "periods": sorted({period for one in seeds for period in one.cycles}),
            "neither": over_seeds([one.neither for one in seeds]),
            "diverged": over_seeds([one.diverged for one in seeds]),
        }
    }
