"""Means and standard errors over seeds."""

import math
from collections.abc import Sequence
from typing import Any

# A seed whose loss became NaN is counted as failed, and on tasks that can be solved one
# that solves fewer than this share of examples of the size that it was trained on. It
# stays in the means.
SOLVED = 0.95

# What is made of a trained network and scored once more.
STAGES = ("recalibrated", "folded")


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and standard error; one value has no error."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, None
    variance = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def summarize(entry: Any, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Per network: score on every size over seeds, and the share of failed seeds.

    What was made of a network comes after it, as "name, recalibrated" and "name,
    folded".
    """
    summary = {}
    for twin, mine in _by_network(entry, results):
        finished = [r for r in mine if r["status"] == "finished"]
        sizes = []
        for i, size in enumerate(entry.test_sizes if finished else ()):
            tests = [r["tests"][i] for r in finished]
            mean, error = mean_and_error([t["accuracy"] for t in tests])
            sizes.append(
                {
                    "size": size,
                    "iterations": sorted({t["iterations"] for t in tests}),
                    "mean": mean,
                    "standard_error": error,
                    "seeds": len(tests),
                }
            )
        least = SOLVED if entry.metric == "exact_match" else 0.0
        solved = [r for r in finished if r["tests"][0]["accuracy"] >= least]
        kept = [r["parameters"] for r in mine if "parameters" in r]
        summary[twin] = {
            **({"parameters": sum(kept) / len(kept)} if kept else {}),
            "sizes": sizes,
            "seeds": len(mine),
            "failed_seeds": len(mine) - len(solved),
            "seconds": sum(r["seconds"] for r in mine) / len(mine),
        }
    return summary


def _by_network(entry, results):
    finished = [r for r in results if r["status"] == "finished"]
    # All are compared with each other, or none: runs may have been begun without.
    partly = not all("recalibrated" in r for r in finished)
    for twin in entry.networks:
        mine = [r for r in results if r["twin"] == twin]
        if mine:
            yield twin, mine
        for stage in STAGES:
            found = [{**r, **r[stage]} for r in mine if stage in r]
            if found and not (partly and stage == "recalibrated"):
                yield f"{twin}, {stage}", found


def span(numbers: Sequence[int]) -> str:
    """`8` or `8-12`."""
    first, last = min(numbers), max(numbers)
    return str(first) if first == last else f"{first}-{last}"


def percent(mean: float, error: float | None) -> str:
    """`98.2 ± 0.4 %`, as tables print it."""
    return f"{in_percent(mean, error)} %"


def in_percent(mean: float, error: float | None) -> str:
    """`98.2 ± 0.4`, for columns that say what they are in."""
    return with_error(100 * mean, None if error is None else 100 * error)


def with_error(mean: float, error: float | None, digits: int = 1) -> str:
    """`7.4 ± 0.2`, a figure in its own unit."""
    shown = f"{mean:.{digits}f}"
    return shown if error is None else f"{shown} ± {error:.{digits}f}"


def size_label(size: Any) -> str:
    """`size 32`, or `size 32, window 17` where a size is a pair; else `test set`."""
    if isinstance(size, list | tuple):
        return f"size {size[0]}, window {size[1]}"
    return f"size {size}" if size else "test set"
