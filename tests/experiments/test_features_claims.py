"""Verdicts on the claims about features, for results whose answer is known."""

import re

import numpy as np
import pytest
from scipy import stats

from keras_recur.experiments.features_claims import (
    clear,
    estimate,
    headline,
    jackknife,
)

SEEDS = range(6)


def made(gap=0.0, noise=0.3, floor=0.6, ranks=(0.5, 0.1), twins=0.9, seeds=SEEDS):
    """Return results whose twins differ by `gap` points in the last state."""
    random = np.random.default_rng(0)
    runs = []
    for seed in seeds:
        for twin, rank in zip(("recurrent", "feedforward"), ranks, strict=True):
            probe = 0.8 + random.normal(0, noise / 100, 3)
            probe[-1] += gap / 100 * (twin == "recurrent")
            runs.append(
                {
                    "network": twin,
                    "seed": seed,
                    "status": "finished",
                    "history": {},
                    "probe_mean": probe.tolist(),
                    "untrained_probe_mean": [floor] * 3,
                    "rank_correlation": None if rank is None else rank + 0.01 * seed,
                }
            )
    levels = {
        "twins": twins,
        "recurrent seeds": 0.9,
        "feedforward seeds": 0.9,
        "untrained": 0.5,
    }
    together = {
        kind: [
            {"seed": a, "other": b, "matrix": (np.eye(3) * value).tolist()}
            for a in seeds
            for b in seeds
            if a != b
        ]
        for kind, value in levels.items()
    }
    return {"runs": runs, "together": together}


def verdicts(**settings):
    found = headline(made(**settings))
    return re.findall(r": (holds|does not hold|cannot be told) \(", found)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["holds", "holds", "holds"]),
        ({"gap": 5.0}, ["does not hold", "holds", "holds"]),
        ({"noise": 5.0}, ["cannot be told", "holds", "holds"]),
        ({"floor": 0.9}, ["does not hold", "holds", "holds"]),
        ({"ranks": (0.1, 0.5)}, ["holds", "does not hold", "holds"]),
        ({"ranks": (None, 0.5)}, ["holds", "cannot be told", "holds"]),
        ({"twins": 0.8}, ["holds", "holds", "does not hold"]),
        ({"twins": 0.4}, ["holds", "holds", "does not hold"]),
        ({"seeds": range(2)}, ["cannot be told", "cannot be told", "cannot be told"]),
    ],
)
def test_verdicts(settings, expected):
    # Equal ranks in every seed would be clear with two seeds already.
    if settings.get("seeds"):
        settings = settings | {"ranks": (0.3, None)}
    assert verdicts(**settings) == expected


def test_one_seed_allows_no_claim():
    assert headline(made(seeds=[0])).startswith("Claims need two seeds")


def test_estimate_is_that_of_a_t_test():
    values = np.random.default_rng(0).normal(1, 2, 7)
    found = estimate(values)
    interval = stats.ttest_1samp(values, 0).confidence_interval()
    np.testing.assert_allclose((found.low, found.high), interval)


def test_clear_is_the_correction_of_holm():
    # Chances of .012, .02 and .5: the bounds are .05 / 3, .05 / 2 and .05.
    def row(chance):
        size = stats.t.isf(chance / 2, 3)
        values = np.array([-1.0, -1.0, 1.0, 1.0])
        return values + size * values.std(ddof=1) / 2

    assert clear([row(0.5), row(0.02), row(0.012)]) == [False, True, True]
    assert clear([row(0.5), row(0.02), row(0.018)]) == [False, False, False]


def test_jackknife_of_a_mean_has_its_standard_error():
    values = np.random.default_rng(0).normal(size=8)
    rows = [{"seed": i, "other": i} for i in range(8)]
    found = jackknife(lambda keep: np.mean(values[keep]), rows)
    expected = estimate(values)
    np.testing.assert_allclose(found, expected)
