"""Limits of sizes and counts, far above those of any real network."""

from typing import Any

from keras_recur._validation import check_integer, check_positive_int

# Configurations are checked too, because a file may contain any number.

# Iterations with shared weights, and iterations of one call.
MAX_ITERATIONS = 100_000
# Iterations that a rule may end earlier (largest 32-bit integer).
MAX_COUNT = 2**31 - 1
# Copies of a block: untied iterations, groups and kernels of a template bank.
MAX_COPIES = 10_000
# Steps of a state graph, each of which runs different transitions.
MAX_STEPS = 10_000
# Seeds, and worker processes.
MAX_SEEDS, MAX_WORKERS = 100_000, 1_000
# Units, channels, classes, templates, and sizes of kernels and inputs.
MAX_SIZE = 1_000_000


def check_size(name: str, value: Any, maximum: int = MAX_SIZE, hint: str = "") -> int:
    """Return `value` as a positive `int` of at most `maximum`."""
    return check_integer(
        name, check_positive_int(name, value), 1, hint=hint, maximum=maximum
    )


def check_seed(seed: Any) -> int | None:
    """Return `seed` as an `int` for random generators, or `None`."""
    return None if seed is None else check_integer("seed", seed, 0, maximum=2**32 - 1)
