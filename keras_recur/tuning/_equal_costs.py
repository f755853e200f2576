"""Compare networks of about equal MACs or parameters."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

from keras_recur.runs.summary import with_error
from keras_recur.tuning._names import sharings

# Largest ratio between the costs of two members of a group.
TOLERANCE = 1.15


class Comparison(NamedTuple):
    """The widest network of a group and the one with most iterations."""

    sharing: str
    widest: dict[str, Any]
    longest: dict[str, Any]
    between: dict[str, Any] | None  # The best other network, if it beats both.

    def difference(self) -> tuple[float, float | None]:
        """Return the score that more iterations add, and its standard error."""
        return difference(self.longest, self.widest)


def kept_to_one_amount(content: dict[str, Any]) -> bool:
    return (content.get("settings") or {}).get("equal") == "macs"


def equal_groups(
    configurations: list[dict[str, Any]], cost: str = "macs", one_amount: bool = False
) -> list[list[dict[str, Any]]]:
    """Return groups of about equal cost, the largest first, or one group of all."""
    if not any(c["finished"] for c in configurations):
        return []
    left = [c for c in configurations if c[cost]]
    left.sort(key=lambda c: c[cost])
    if one_amount:
        return [left] if _compares(left) else []
    groups = []
    while True:
        costs = [c[cost] for c in left]
        windows = [
            left[bisect_left(costs, least) : bisect_right(costs, TOLERANCE * least)]
            for least in costs
        ]
        windows = [window for window in windows if _compares(window)]
        if not windows:
            return groups
        group = max(windows, key=len)
        groups.append(group)
        members = {id(c) for c in group}
        left = [c for c in left if id(c) not in members]


def by_iterations(group: list[dict[str, Any]], sharing: str) -> list[dict[str, Any]]:
    """Return the best configuration for every number of iterations, in order."""
    best: dict[int, dict[str, Any]] = {}
    for found in group:
        if found["sharing"] == sharing:
            known = best.get(found["iterations"])
            if known is None or found["accuracy"] > known["accuracy"]:
                best[found["iterations"]] = found
    return [best[iterations] for iterations in sorted(best)]


def comparisons(groups: Sequence[list[dict[str, Any]]]) -> list[Comparison]:
    """Return the comparisons within the groups, ordered by sharing."""
    found = []
    for group in groups:
        for sharing in sharings(group):
            points = by_iterations(group, sharing)
            widest, *others = points
            if not others or others[-1]["width"] >= widest["width"]:
                continue
            longest = others.pop()
            best = max(others, key=lambda c: c["accuracy"], default=None)
            beats = best is not None and all(
                is_apart(*difference(best, end)) for end in (widest, longest)
            )
            found.append(Comparison(sharing, widest, longest, best if beats else None))
    order = sharings([{"sharing": c.sharing} for c in found])
    return sorted(found, key=lambda c: (order.index(c.sharing), c.widest["macs"]))


class Pair(NamedTuple):
    """Two networks, whose difference is the score that the first one adds."""

    one: dict[str, Any]
    other: dict[str, Any]

    def difference(self) -> tuple[float, float | None]:
        """Return the difference and its standard error."""
        return difference(self.one, self.other)


def sharing_comparisons(
    groups: Sequence[list[dict[str, Any]]],
) -> list[Pair]:
    """Return shared weights with each other sharing, at their best iterations."""
    found = []
    for group in groups:
        best = {kind: _best_loop(group, kind) for kind in sharings(group)}
        shared = best.pop("all", None)
        found += [Pair(shared, other) for other in best.values() if shared and other]
    order = sharings([c.other for c in found])
    return sorted(
        found, key=lambda c: (order.index(c.other["sharing"]), c.one["parameters"])
    )


def gains(configurations: list[dict[str, Any]]) -> list[Pair]:
    """Return the best of more iterations with the fewest, by sharing and width."""
    found = []
    for sharing in sharings(configurations):
        for width in sorted({c["width"] for c in configurations}):
            same = [c for c in configurations if c["width"] == width and c["finished"]]
            points = by_iterations(same, sharing)
            if len(points) > 1:
                best = max(points[1:], key=lambda c: c["accuracy"])
                found.append(Pair(best, points[0]))
    return found


def mean_difference(found: Sequence[Comparison]) -> tuple[float, float | None]:
    """Return the mean score that more iterations add, and its standard error."""
    # Comparisons of one seed have no standard error and count only without others.
    pairs = [comparison.difference() for comparison in found]
    known = [(mean, error) for mean, error in pairs if error is not None]
    if not known:
        return sum(mean for mean, _ in pairs) / len(pairs), None
    mean = sum(mean for mean, _ in known) / len(known)
    return mean, math.hypot(*(error for _, error in known)) / len(known)


def verdict(found: Sequence[Comparison]) -> str:
    """Return a sentence about the comparisons of one sharing, without a full stop."""
    mean, error = mean_difference(found)
    if error is None:
        return (
            "one seed per network cannot show whether more iterations or more width "
            "did better"
        )
    if is_apart(mean, error):
        return "more iterations did better than more width"
    if is_apart(-mean, error):
        return "more width did better than more iterations"
    pairs = [comparison.difference() for comparison in found]
    if any(is_apart(*p) for p in pairs) and any(is_apart(-m, e) for m, e in pairs):
        return (
            "the number of MACs decided whether more iterations or more width did "
            "better"
        )
    between = [c.between["configuration"] for c in found if c.between is not None]
    if between:
        return (
            f"a compromise between iterations and width did better than either "
            f"extreme ({', '.join(between)})"
        )
    return (
        "more iterations and more width did not differ by more than two standard errors"
    )


def points(mean: float, error: float | None) -> str:
    """Return a difference of scores in percentage points, such as `+1.2 ± 0.4`."""
    rounded = round(100 * mean, 1) + 0.0  # Turns -0.0 into 0.0.
    text = with_error(rounded, None if error is None else 100 * error)
    return text if text.startswith("-") else f"+{text}"


def difference(
    one: dict[str, Any], other: dict[str, Any]
) -> tuple[float, float | None]:
    """Return the score that a network has more than another, and its standard error."""
    errors = one["standard_error"], other["standard_error"]
    error = None if None in errors else math.hypot(*errors)
    return one["accuracy"] - other["accuracy"], error


def is_apart(mean: float, error: float | None) -> bool:
    """Return whether a difference is above two standard errors."""
    return error is not None and mean > 2 * error


def _best_loop(group, sharing):
    """Return the best finished network with several iterations, or `None`."""
    found = [c for c in by_iterations(group, sharing) if c["iterations"] > 1]
    found = [c for c in found if c["finished"]]
    return max(found, key=lambda c: c["accuracy"], default=None)


def _compares(group):
    """Return whether a sharing has several numbers of iterations."""
    pairs = {(c["sharing"], c["iterations"]) for c in group}
    return len(pairs) > len({sharing for sharing, _ in pairs})
