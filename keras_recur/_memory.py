"""Memory checks before allocation, and detection of out-of-memory errors."""

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
    """Return the number of bytes that this process may use."""
    found = [2**40]
    with contextlib.suppress(AttributeError, ValueError, OSError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(ValueError, OSError):  # "max" in a container.
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text("utf-8")))
    return min(found)


def check_memory(what: str, size: int, received: str) -> None:
    """Refuse arguments that need more memory than there is; `size` is in bytes."""
    if size > memory():
        raise ValueError(
            f"{what} must fit into memory: {size / 2**30:,.0f} GiB are needed, and "
            f"this machine has {memory() / 2**30:,.0f} GiB. Received: {received}. "
            "Choose smaller values."
        )


def out_of_memory(error: BaseException) -> bool:
    """Return whether Python, NumPy or a backend reports exhausted memory."""
    if isinstance(error, MemoryError):
        return True
    if type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError"):
        return True
    said = str(error).lower()
    return any(text in said for text in _SAID)
