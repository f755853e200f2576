"""Limits on sizes, above which arguments are refused at once.

Each limit is far above any network in use. They hold for configs in files too.
"""

from typing import Any

from keras_recur._validation import check_integer, check_positive_int

# Iterations with shared weights, and iterations of one call.
MAX_ITERATIONS = 100_000
# Iterations that a stop rule may end earlier.
MAX_COUNT = 2**31 - 1
# Copies of a block: untied iterations, groups, and kernels of a template bank.
MAX_COPIES = 10_000
# Steps of a state graph.
MAX_STEPS = 10_000
# Seeds, and processes of one machine.
MAX_SEEDS, MAX_WORKERS = 100_000, 1_000
# Units, channels, classes, kernel sizes, input sizes and templates.
MAX_SIZE = 1_000_000


def check_size(name: str, value: Any, maximum: int = MAX_SIZE, hint: str = "") -> int:
    """Return `value` as a positive `int` that is at most `maximum`."""
    return check_integer(
        name, check_positive_int(name, value), 1, hint=hint, maximum=maximum
    )


def check_seed(seed: Any) -> int | None:
    """Return `seed` as an `int` that random generators take, or `None`."""
    return None if seed is None else check_integer("seed", seed, 0, maximum=2**32 - 1)
