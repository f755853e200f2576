"""Refuse what exceeds memory before it is allocated; recognize exhausted memory."""

import contextlib
import functools
import os
from pathlib import Path

_SAID = (
    "resource_exhausted",
    "out of memory",
    "oom when",
    "not enough memory",
    "allocate",
    "storage size calculation overflowed",
)


@functools.cache
def memory() -> int:
    """Return the bytes of memory that this process may use."""
    found = [2**40]
    with contextlib.suppress(AttributeError, ValueError, OSError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(
        ValueError, OSError
    ):  # In a container, "max" means no limit.
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text("utf-8")))
    return min(found)


def check_memory(what: str, size: int, received: str) -> None:
    """Refuse a size above the available memory.

    Args:
        what: Subject of the message.
        size: Minimum number of bytes.
        received: The responsible arguments, as `name=value`.

    Raises:
        ValueError: If it does not fit.
    """
    if size > memory():
        raise ValueError(
            f"{what} must fit into memory: {size / 2**30:,.0f} GiB are needed, and "
            f"this machine has {memory() / 2**30:,.0f} GiB. Received: {received}. "
            "Choose smaller values."
        )


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error of Python, NumPy or a backend means exhausted memory."""
    if isinstance(error, MemoryError):
        return True
    if type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError"):
        return True
    said = str(error).lower()
    return any(text in said for text in _SAID)
