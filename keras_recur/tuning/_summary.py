"""Rows of a search, one per network and seed, put together by configuration."""

import math
from collections import Counter
from typing import Any

from keras_recur.runs.summary import mean_and_error

SETTINGS = ("configuration", "width", "iterations", "sharing", "learning_rate")
# These are known before training, unless the network could not be built.
COSTS = ("parameters", "macs", "activation_bytes", "effective_depth")


def is_finished(row: dict[str, Any]) -> bool:
    """Whether it was trained to its end and its score is a number."""
    return row["status"] == "finished" and _is_number(row.get("accuracy"))


def status(row: dict[str, Any]) -> str:
    """Its status; a score that is no number is a failure."""
    if row["status"] == "finished" and not is_finished(row):
        return "failed"
    return row["status"]


def summarize_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A dictionary per configuration, in the order in which they first appear."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_name.setdefault(row["configuration"], []).append(row)
    return [_summary(mine) for mine in by_name.values()]


def best_of(configurations: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one with the highest mean score, if one has any; of equal ones the cheaper.

    Those of which a seed failed come after all others. The name decides at last: runs
    end in any order.
    """

    def rank(found):
        macs = math.inf if found["macs"] is None else found["macs"]
        return found["failed"] > 0, -found["accuracy"], macs, found["configuration"]

    known = [c for c in configurations if c["accuracy"] is not None]
    return min(known, key=rank, default=None)


def _summary(rows):
    done = [row for row in rows if is_finished(row)]
    scores = [row["accuracy"] for row in done]
    mean, error = mean_and_error(scores) if scores else (None, None)
    curve, errors = _curve([row["curve"] for row in done if row.get("curve")])
    losses = [row["loss"] for row in done if _is_number(row.get("loss"))]
    peaks = [row["peak_memory"] for row in rows if row.get("peak_memory") is not None]
    seconds = [row["seconds"] for row in done if _is_number(row.get("seconds"))]
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
        "loss": mean_and_error(losses)[0] if losses else None,
        "curve": curve,
        "curve_standard_error": errors,
        "seconds": mean_and_error(seconds)[0] if seconds else None,
        "peak_memory": max(peaks, default=None),
    }


def _curve(curves):
    """Mean and standard error after each iteration that all seeds have."""
    if not curves:
        return None, None
    pairs = [mean_and_error(column) for column in zip(*curves, strict=False)]
    errors = None if len(curves) < 2 else [error for _, error in pairs]
    return [mean for mean, _ in pairs], errors


def _first(rows, key):
    return next((row[key] for row in rows if row.get(key) is not None), None)


def _is_number(value):
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
