"""Means and standard errors over seeds."""

import math
from collections.abc import Sequence
from typing import Any

# A seed that solves fewer than this share of examples of the size that it was trained
# on, or whose loss became NaN, is counted as failed. It stays in the means.
SOLVED = 0.95


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and standard error; one value has no error."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, None
    variance = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def summarize(entry: Any, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Per twin: accuracy on every size over seeds, and the share of failed seeds."""
    summary = {}
    for twin in ("recurrent", "feedforward"):
        mine = [r for r in results if r["twin"] == twin]
        if not mine:
            continue
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
        solved = [r for r in finished if r["tests"][0]["accuracy"] >= SOLVED]
        summary[twin] = {
            "sizes": sizes,
            "seeds": len(mine),
            "failed_seeds": len(mine) - len(solved),
            "seconds": sum(r["seconds"] for r in mine) / len(mine),
        }
    return summary


def span(numbers: Sequence[int]) -> str:
    """`8` or `8-12`."""
    first, last = min(numbers), max(numbers)
    return str(first) if first == last else f"{first}-{last}"


def percent(mean: float, error: float | None) -> str:
    """`98.2 ± 0.4 %`, as tables print it."""
    shown = f"{100 * mean:.1f}"
    return f"{shown} ± {100 * error:.1f} %" if error is not None else f"{shown} %"
