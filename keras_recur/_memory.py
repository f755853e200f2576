"""Sizes that no memory holds are refused before it is taken."""

import contextlib
import functools
import os
from pathlib import Path


@functools.cache
def memory() -> int:
    """Bytes of memory that this process may use at most."""
    found = [2**40]
    with contextlib.suppress(AttributeError, ValueError, OSError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(ValueError, OSError):
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text("utf-8")))
    return min(found)


def check_memory(received: str, size: int) -> None:
    """Refuse what needs more memory than there is.

    Args:
        received: The arguments, for the message.
        size: Bytes that are needed at least.
    """
    if size > memory():
        raise ValueError(
            f"Examples must fit into memory, {memory() / 2**30:,.0f} GiB here. "
            f"Received: {received}, which needs about {size / 2**30:,.0f} GiB. Use "
            "fewer or smaller examples."
        )
