"""Summaries of a search's rows, by configuration."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from keras_recur import data as data_room
from keras_recur.runs.summary import guess, is_number, mean_and_error

SETTINGS = ("configuration", "width", "iterations", "sharing", "learning_rate")
# Costs known before training, unless the network could not be built.
COSTS = ("parameters", "macs", "activation_bytes", "effective_depth")


class Guess(NamedTuple):
    """Score and loss of guessing, which count for a failed seed."""

    accuracy: float = 0.0
    loss: float | None = None

    @classmethod
    def on(cls, data: str) -> "Guess":
        """Return the guess on a data set; its loss is `None` if that is unknown."""
        if data not in data_room.list_datasets():
            return cls()
        return cls(guess(data), math.log(data_room.describe(data).num_classes))

    def metrics(self, iterations: int) -> dict[str, Any]:
        """Return the metrics of a row that guesses after every iteration."""
        curve = [self.accuracy] * iterations
        return {"accuracy": self.accuracy, "loss": self.loss, "curve": curve}


def is_finished(row: dict[str, Any]) -> bool:
    """Return whether training ended with a finite score and loss."""
    loss = row.get("loss")
    return (
        row["status"] == "finished"
        and is_number(row.get("accuracy"))
        and (loss is None or is_number(loss))
    )


def status(row: dict[str, Any]) -> str:
    """Return the status of a row; a score or loss that is not finite has failed."""
    if row["status"] == "finished" and not is_finished(row):
        return "failed"
    return row["status"]


def summarize_rows(
    rows: Iterable[dict[str, Any]], guessed: Guess
) -> list[dict[str, Any]]:
    """Return a dictionary for each configuration, in order of appearance."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_name.setdefault(row["configuration"], []).append(row)
    return [_summary(mine, guessed) for mine in by_name.values()]


def best_of(configurations: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the finished configuration with the highest mean score, or `None`."""
    # MACs, then names, break ties, because runs may end in any order.

    def rank(found):
        macs = math.inf if found["macs"] is None else found["macs"]
        return -found["accuracy"], macs, found["configuration"]

    return min((c for c in configurations if c["finished"]), key=rank, default=None)


def _summary(rows, guessed):
    done = [row for row in rows if is_finished(row)]
    every = [
        row if is_finished(row) else {**row, **guessed.metrics(row["iterations"])}
        for row in rows
    ]
    scores: Any = [row["accuracy"] for row in every]
    mean, error = mean_and_error(scores)
    curve, errors = _curve([row["curve"] for row in every if row.get("curve")])
    losses = [row.get("loss") for row in every]
    known: Any = [loss for loss in losses if is_number(loss)]
    # Without a loss for failed seeds there is no mean loss.
    complete = known and (len(done) == len(rows) or len(known) == len(losses))
    peaks = [row["peak_memory"] for row in rows if row.get("peak_memory") is not None]
    seconds = [row["seconds"] for row in done if is_number(row.get("seconds"))]
    messages = [row["message"] for row in rows if row.get("message")]
    return {
        **{key: _first(rows, key) for key in (*SETTINGS, *COSTS)},
        "seeds": [row["seed"] for row in done],
        "finished": len(done),
        "failed": len(rows) - len(done),
        "statuses": dict(Counter(status(row) for row in rows)),
        "messages": list(dict.fromkeys(messages)),
        "accuracy": mean,
        "standard_error": error,
        "loss": mean_and_error(known)[0] if complete else None,
        "curve": curve,
        "curve_standard_error": errors,
        "seconds": mean_and_error(seconds)[0] if seconds else None,
        "peak_memory": max(peaks, default=None),
    }


def _curve(curves):
    """Return mean and standard error after each iteration that all seeds have."""
    columns = list(zip(*curves, strict=False))
    if not columns:
        return None, None
    pairs = [
        mean_and_error(column) if all(map(is_number, column)) else (None, None)
        for column in columns
    ]
    errors = None if len(curves) < 2 else [error for _, error in pairs]
    return [mean for mean, _ in pairs], errors


def _first(rows, key):
    return next((row[key] for row in rows if row.get(key) is not None), None)
