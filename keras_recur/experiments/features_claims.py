"""Claims about what iterations see, and whether the seeds support them.

A verdict has three values: a difference that is not clear does not prove equality.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from keras_recur._plot_style import label
from keras_recur.experiments.features_figures import level, probes_of, similarities
from keras_recur.runs.entry import TWINS
from keras_recur.runs.summary import is_finished, with_error

# Differences that count as none: points of accuracy, and units of similarity.
SAME_ACCURACY, SAME_SIMILARITY = 2.0, 0.05
_LEVEL = 0.05  # Of all tests of a claim together.


class Estimate(NamedTuple):
    """Mean over seeds, its standard error, and half of its confidence interval."""

    mean: float
    error: float
    half: float

    @property
    def low(self) -> float:
        return self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean + self.half

    def text(self, digits: int) -> str:
        error = None if np.isnan(self.error) else self.error
        return with_error(self.mean, error, digits)


def headline(results: dict[str, Any]) -> str:
    """Return the claims, which were stated before the measurement, and the verdicts."""
    runs = _by_seed(results)
    if len(runs) < 2:
        return "Claims need two seeds or more of both twins."
    claims = [
        (
            "The probes of the twins do not differ in any iteration, and read more "
            "than from untrained networks",
            _same_probes(runs),
        ),
        (
            "Which channels matter is more alike in all iterations of the recurrent "
            "network than in its twin",
            _filters(runs),
        ),
    ]
    if len(similarities(results)) > 2:
        claims.append(
            (
                "The states of twins are as similar as those of two seeds, and more "
                "than those of an untrained network",
                _between(similarities(results)),
            )
        )
    parts = [
        f"{i}. {claim}: {_VERDICTS[holds]} ({why})."
        for i, (claim, (holds, why)) in enumerate(claims, 1)
    ]
    return " ".join(["Claims stated before the measurement:", *parts])


_VERDICTS = {True: "holds", False: "does not hold", None: "cannot be told"}


def method(results: dict[str, Any]) -> str:
    """Return how the verdicts are found."""
    return (
        f"Differences are taken within each of {len(_by_seed(results))} seeds. One is "
        "clear if a t test over seeds finds it at 5 %, with Holm's correction for all "
        f"iterations. Up to {SAME_ACCURACY:g} points of accuracy and "
        f"{SAME_SIMILARITY:g} of similarity count as no difference, if the 95 % "
        "confidence interval lies within. Similarities share networks, so the "
        "intervals are those of a jackknife over seeds."
    )


def _by_seed(results):
    """Return the finished runs of both twins for each seed that has both."""
    found: dict[int, dict[str, Any]] = {}
    for run in results["runs"]:
        if is_finished(run):
            found.setdefault(run["seed"], {})[run["network"]] = run
    return [twins for twins in found.values() if len(twins) == len(TWINS)]


def estimate(values: Any, tests: int = 1) -> Estimate:
    """Return the mean of one value per seed; the interval holds for `tests` at once."""
    error = float(np.std(values, ddof=1) / np.sqrt(len(values)))
    quantile = stats.t.ppf(1 - _LEVEL / 2 / tests, len(values) - 1)
    return Estimate(float(np.mean(values)), error, float(quantile * error))


def clear(rows: Any) -> list[bool]:
    """Return which rows of one value per seed have a mean that is not 0, by Holm."""
    chances = []
    for row in rows:
        mean, error, _ = estimate(row)
        size = abs(mean) / error if error else np.inf if mean else 0.0
        chances.append(2 * stats.t.sf(size, len(row) - 1))
    found = [False] * len(rows)
    for place, i in enumerate(np.argsort(chances, kind="stable")):
        if chances[i] > _LEVEL / (len(rows) - place):
            break
        found[i] = True
    return found


def _same_probes(runs):
    probe, *_ = probes_of(runs[0][TWINS[0]])
    ours, theirs = (
        100 * np.array([run[twin][probe] for run in runs], "float64").T
        for twin in TWINS
    )
    gaps = ours - theirs
    floors = [
        100 * np.array([run[twin][f"untrained_{probe}"] for run in runs], "float64").T
        for twin in TWINS
    ]
    gains = np.concatenate([ours[1:] - floors[0][1:], theirs[1:] - floors[1][1:]])
    above = [
        np.sign(row.mean()) * found
        for found, row in zip(clear(gains), gains, strict=True)
    ]
    differ = clear(gaps)
    intervals = [estimate(row, len(gaps)) for row in gaps]
    same = all(max(abs(i.low), abs(i.high)) <= SAME_ACCURACY for i in intervals)
    largest = max(intervals, key=lambda found: abs(found.mean))
    states = [i for i, found in enumerate(differ) if found]
    where = "none clear"
    if len(states) > 4:
        where = f"clear in {len(states)} of {len(gaps)} states"
    elif states:
        word = "state" if len(states) == 1 else "states"
        where = f"clear in {word} {', '.join(map(str, states))}"
    all_above = min(above) > 0
    floor = "all clearly above" if all_above else "not all clearly above"
    holds = None
    if states or min(above) < 0:
        holds = False
    elif same and all_above:
        holds = True
    return holds, (
        f"largest difference, recurrent minus twin: {largest.text(1)} points, {where}; "
        f"after the first iteration {floor} untrained ones"
    )


def _filters(runs):
    pairs = [[run[twin]["rank_correlation"] for twin in TWINS] for run in runs]
    for twin, column in zip(TWINS, zip(*pairs, strict=True), strict=True):
        if set(column) == {None}:
            why = "it makes no difference which channel is removed"
            return None, f"{label(twin)}: {why}"
    known = [pair for pair in pairs if None not in pair]
    if len(known) < 2:
        return None, "in one seed or none, the losses by channel differ in both twins"
    ours, theirs = np.array(known, "float64").T
    (found,) = clear([ours - theirs])
    holds = bool(ours.mean() > theirs.mean()) if found else None
    texts = [estimate(values).text(2) for values in (ours, theirs)]
    return holds, f"rank correlation {texts[0]} against {texts[1]}"


def _between(found):
    """Return whether the similarity of twins is that of seeds, and above the floor."""
    twins, *seeds, untrained = (found[kind] for kind in found)

    def difference(*others):
        return jackknife(
            lambda keep: _level([twins], keep) - _level(others, keep), twins
        )

    near, above = difference(*seeds), difference(untrained)
    kinds = {"twins": [twins], "seeds": seeds, "untrained": [untrained]}
    texts = [
        f"{name} {jackknife(lambda keep, rows=rows: _level(rows, keep), twins).text(2)}"
        for name, rows in kinds.items()
    ]
    holds = None
    if near.high < -SAME_SIMILARITY or above.high < 0:
        holds = False
    elif near.low > -SAME_SIMILARITY and above.low > 0:
        holds = True
    return holds, ", ".join(texts)


def _level(kinds, keep):
    """Return the mean over kinds of the mean level over pairs of some seeds."""
    means = []
    for rows in kinds:
        pairs = [row for row in rows if {row["seed"], row["other"]} <= set(keep)]
        found = [level(row["matrix"]) for row in pairs]
        means.append(float(np.mean(found)) if found else float("nan"))
    return float(np.mean(means))


def jackknife(value: Any, rows: Sequence[dict[str, Any]]) -> Estimate:
    """Return an estimate of `value(seeds)` from values without one seed."""
    seeds = sorted({row["seed"] for row in rows} | {row["other"] for row in rows})
    parts = np.array([value([s for s in seeds if s != left]) for left in seeds])
    count = len(seeds)
    error = float(np.sqrt((count - 1) / count * ((parts - parts.mean()) ** 2).sum()))
    quantile = stats.t.ppf(1 - _LEVEL / 2, count - 1)
    return Estimate(float(value(seeds)), error, float(quantile * error))
