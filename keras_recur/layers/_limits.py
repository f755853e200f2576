"""How large is too large: what is refused at once instead of keeping a machine busy.

Each limit lies far above any network that anybody trains. Files may name any number,
so the limits hold for configs too.
"""

import contextlib
import math
import os
from collections.abc import Iterable

# Iterations of weights that are shared, and of one call.
MAX_ITERATIONS = 1_000_000
# Copies of a block: untied iterations, groups, and kernels of a template bank.
MAX_COPIES = 10_000
# Steps of a state graph, each of which runs other transitions.
MAX_STEPS = 10_000
# Units, channels, classes, sizes of kernels and of inputs, templates.
MAX_SIZE = 1_000_000


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
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 0
