"""How large is too large: what is refused at once instead of keeping a machine busy.

Each limit lies far above any network that anybody trains. Files may name any number,
so the limits hold for configs too.
"""

from typing import Any

from keras_recur._validation import check_integer, check_positive_int

# Iterations of weights that are shared, and of one call.
MAX_ITERATIONS = 100_000
# What a program can count to: iterations that a rule may end earlier.
MAX_COUNT = 2**31 - 1
# Copies of a block: untied iterations, groups, and kernels of a template bank.
MAX_COPIES = 10_000
# Steps of a state graph, each of which runs other transitions.
MAX_STEPS = 10_000
# Seeds, and processes of one machine.
MAX_SEEDS, MAX_WORKERS = 100_000, 1_000
# Units, channels, classes, sizes of kernels and of inputs, templates.
MAX_SIZE = 1_000_000


def check_size(name: str, value: Any, maximum: int = MAX_SIZE, hint: str = "") -> int:
    """Return `value` as a positive `int` that is at most `maximum`."""
    return check_integer(
        name, check_positive_int(name, value), 1, hint=hint, maximum=maximum
    )


def check_seed(seed: Any) -> int | None:
    """Return `seed` as an `int` that random generators take, or `None`."""
    return None if seed is None else check_integer("seed", seed, 0, maximum=2**32 - 1)
