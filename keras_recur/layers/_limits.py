"""How large is too large: what is refused at once instead of keeping a machine busy.

Each limit lies far above any network that anybody trains. Files may name any number,
so the limits hold for configs too.
"""

import contextlib
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keras_recur._validation import check_integer, check_positive_int

# Iterations of weights that are shared, and of one call.
MAX_ITERATIONS = 100_000
# Copies of a block: untied iterations, groups, and kernels of a template bank.
MAX_COPIES = 10_000
# Steps of a state graph, each of which runs other transitions.
MAX_STEPS = 10_000
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


def out_of_memory(error: BaseException) -> bool:
    """Whether a backend says in this error that memory was not enough."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(
        text in said
        for text in (
            "out of memory",
            "allocate",
            "resource_exhausted",
            "oom when",
            "storage size calculation overflowed",
        )
    )


def check_memory(what: str, shape: Iterable[int], received: str) -> None:
    """Refuse a weight that is larger than the memory of this machine.

    Args:
        what: What the weight is, to begin the message with.
        shape: Its sizes.
        received: The arguments that it follows from, as `name=value`.

    Raises:
        ValueError: if the weight does not fit, in single precision.
    """
    needed, memory = 4 * math.prod(shape), _memory()
    if memory and needed > memory:
        raise ValueError(
            f"{what} must fit into memory: {needed / 2**30:,.0f} GiB are needed, and "
            f"this machine has {memory / 2**30:,.0f} GiB. Received: {received}. Choose "
            "smaller sizes."
        )


def _memory() -> int:
    """Bytes of memory, or 0 where the system does not say it."""
    limits = []
    with contextlib.suppress(AttributeError, OSError, ValueError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(OSError, ValueError):  # In a container: "max" is no limit.
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits, default=0)
