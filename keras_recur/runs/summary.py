"""Means and standard errors over seeds."""

import math
from collections.abc import Sequence
from typing import Any

from keras_recur import data as data_room

# On tasks with exact answers, a seed fails below this accuracy on the trained size.
SOLVED = 0.95

# Networks that are derived from a trained one and also scored.
STAGES = ("recalibrated", "folded")


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean and its standard error, which is `None` for one value."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, None
    variance = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def is_clear(difference: float, *errors: float) -> bool:
    """Return whether a difference is at least two standard errors of it."""
    return abs(difference) >= 2 * math.hypot(*errors)


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)


def is_finished(result: dict[str, Any]) -> bool:
    """Return whether training finished and its last losses are finite."""
    # Version 0.1.0 may call a network finished although its last loss is NaN.
    history = result.get("history") or {}
    last = [history[key][-1] for key in ("loss", "val_loss") if history.get(key)]
    return result["status"] == "finished" and all(map(is_number, last))


def guess(data: str) -> float:
    """Return the score of guessing, which counts for a network that failed."""
    if data not in data_room.list_datasets():
        return 0.0
    spec = data_room.describe(data)
    return 1 / spec.num_classes if spec.metric == "accuracy" else 0.0


def guessed_tests(
    data: str, sizes: Sequence[Any], iterations: int, furthest: int | None = None
) -> list[dict[str, Any]]:
    """Return the tests of a network that guesses at each of `furthest` iterations."""
    score = guess(data)
    return [
        {
            "size": size,
            "iterations": iterations,
            "accuracy": score,
            "curve": [score] * (furthest or iterations),
        }
        for size in sizes
    ]


def counted(
    entry: dict[str, Any], results: Sequence[dict[str, Any]], network: str
) -> list[dict[str, Any]]:
    """Return results of a network or stage (as "recurrent, folded") over all seeds."""
    twin, _, stage = network.partition(", ")
    mine = [r for r in results if r["twin"] == twin]
    done = [
        {**r, **r[stage]} if stage else r
        for r in mine
        if is_finished(r) and (not stage or stage in r)
    ]
    trained = entry["model"].get("iterations") or 1
    curves = [len(test["curve"]) for r in done for test in r["tests"][:1]]
    tests = guessed_tests(
        entry["data"], entry["test_sizes"], trained, max(curves, default=trained)
    )
    lost = [{**r, "tests": tests} for r in mine if not is_finished(r)]
    order = [r["seed"] for r in mine]
    every = [{**r, "tests": _scored(entry, r["tests"])} for r in done] + lost
    return sorted(every, key=lambda r: order.index(r["seed"]))


def _scored(entry, tests):
    """Return tests in which guesses replace scores that are not finite."""
    if all(is_number(test["accuracy"]) for test in tests):
        return tests
    score = guess(entry["data"])
    return [
        test if is_number(test["accuracy"]) else {**test, "accuracy": score}
        for test in tests
    ]


def summarize(entry: Any, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the scores of each network and stage, failed seeds included."""
    plain = entry.as_dict()
    summary = {}
    for network in _networks(entry, results):
        mine = counted(plain, results, network)
        done = [r for r in mine if is_finished(r)]
        sizes = []
        for i, size in enumerate(entry.test_sizes):
            mean, error = mean_and_error([r["tests"][i]["accuracy"] for r in mine])
            sizes.append(
                {
                    "size": size,
                    "iterations": sorted(
                        {r["tests"][i]["iterations"] for r in done or mine}
                    ),
                    "mean": mean,
                    "standard_error": error,
                    "seeds": len(mine),
                }
            )
        least = SOLVED if entry.metric == "exact_match" else 0.0
        solved = [r for r in done if r["tests"][0]["accuracy"] >= least]
        kept = [r["parameters"] for r in mine if "parameters" in r]
        summary[network] = {
            **({"parameters": sum(kept) / len(kept)} if kept else {}),
            "sizes": sizes,
            "seeds": len(mine),
            "failed_seeds": len(mine) - len(solved),
            "diverged_seeds": len(mine) - len(done),
            "seconds": sum(r["seconds"] for r in mine) / len(mine),
        }
    return summary


def _networks(entry, results):
    """Yield the names of networks and stages with results."""
    finished = [r for r in results if is_finished(r)]
    # Earlier versions did not recalibrate. Show this stage for all networks or none.
    partly = not all("recalibrated" in r for r in finished)
    for twin in entry.networks:
        mine = [r for r in results if r["twin"] == twin]
        if mine:
            yield twin
        for stage in STAGES:
            found = any(stage in r for r in mine if is_finished(r))
            if found and not (partly and stage == "recalibrated"):
                yield f"{twin}, {stage}"


def span(numbers: Sequence[int]) -> str:
    """Return `8` or `8-12`."""
    first, last = min(numbers), max(numbers)
    return str(first) if first == last else f"{first}-{last}"


def percent(mean: float, error: float | None) -> str:
    """Return a share as `98.2 ± 0.4 %`."""
    return f"{in_percent(mean, error)} %"


def in_percent(mean: float, error: float | None) -> str:
    """Return a share as `98.2 ± 0.4`, for columns in percent."""
    return with_error(100 * mean, None if error is None else 100 * error)


def with_error(mean: float, error: float | None, digits: int = 1) -> str:
    """Return `7.4 ± 0.2`."""
    shown = f"{mean:.{digits}f}"
    return shown if error is None else f"{shown} ± {error:.{digits}f}"


def side(size: Any) -> Any:
    """Return the size of an example; with a curriculum, `size` is a pair."""
    return size[0] if isinstance(size, list | tuple) else size


def size_label(size: Any) -> str:
    """Return `size 32`, `size 32, window 17` for a pair, or `test set` for `None`."""
    if isinstance(size, list | tuple):
        return f"size {size[0]}, window {size[1]}"
    return f"size {size}" if size else "test set"
