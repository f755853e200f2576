"""The random number of iterations of a progressive call."""

import functools
import math
from typing import Any

import numpy as np
from keras import ops

from keras_recur._validation import nearest
from keras_recur.layers.depth import Depth

SAMPLERS = ("paper", "uniform")


def check_sampler(name: str, value: Any) -> str | Depth:
    """Return the name of a sampler, or a `Depth`."""
    if isinstance(value, Depth) or (isinstance(value, str) and value in SAMPLERS):
        return value
    raise ValueError(
        f"`{name}` must be 'paper', 'uniform' or a `Depth`. Received: {name}="
        f"{value!r} (of type {type(value).__name__}).{nearest(value, SAMPLERS)}"
    )


def sampler_of(progressive: Any, iterations: int) -> str | Depth | None:
    """Return the sampler of a call with this many iterations, or `None`."""
    if progressive is None or progressive is False:
        return None
    if progressive is True:
        return "paper"
    sampler = check_sampler("progressive", progressive)
    if isinstance(sampler, Depth) and sampler.mean > iterations:
        raise ValueError(
            f"The `mean` of a `Depth` can be at most the {iterations} iterations of "
            f"the call. Received: progressive={sampler}. Use a smaller `mean`, or "
            "more iterations."
        )
    return sampler


def draw(sampler: str | Depth, uniforms: Any, iterations: int) -> tuple[Any, Any]:
    """Return how many iterations run without gradient, and how many then with it.

    Args:
        sampler: A sampler from `sampler_of`.
        uniforms: Two uniform random numbers, or two arrays of them.
        iterations: The largest number of iterations.
    """
    first, second = uniforms[0], uniforms[1]
    if isinstance(sampler, Depth):
        shares = ops.convert_to_tensor(_cumulative(sampler, iterations), "float32")
        passed = ops.expand_dims(first, -1) >= shares
        total = 1 + ops.sum(ops.cast(passed, "int32"), axis=-1)
        trained = ops.minimum(total, min(sampler.gradient, iterations))
        return total - trained, trained
    if sampler == "uniform":
        total = _below(first, iterations) + 1
        trained = _below(second, total) + 1
        return total - trained, trained
    frozen = _below(first, iterations)
    return frozen, _below(second, iterations - frozen) + 1


def _below(uniform, bound):
    """Return a random integer from 0 to `bound - 1`."""
    return ops.cast(ops.floor(uniform * ops.cast(bound, "float32")), "int32")


@functools.lru_cache
def _cumulative(depth, iterations):
    """Return the probabilities of at most 1, 2, ..., `iterations - 1` iterations."""
    # A sum over many rates is exact to float32, and leaves one number to draw.
    z = np.linspace(-8.0, 8.0, 4001)
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    log_rates = math.log(depth.mean) - depth.spread**2 / 2 + depth.spread * z
    with np.errstate(over="ignore"):
        log_poisson = -np.exp(log_rates)
    total, found = 0.0, []
    for n in range(1, iterations):
        total += float(weights @ np.exp(log_poisson))
        found.append(min(total, 1.0))
        log_poisson += log_rates - math.log(n)
    return np.asarray(found)
