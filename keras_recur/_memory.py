"""What no memory holds is refused before it is taken; what ran out is recognized."""

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
    """Bytes of memory that this process may use at most."""
    found = [2**40]
    with contextlib.suppress(AttributeError, ValueError, OSError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(ValueError, OSError):  # In a container: "max" is no limit.
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text("utf-8")))
    return min(found)


def check_memory(what: str, size: int, received: str) -> None:
    """Refuse what needs more memory than there is.

    Args:
        what: What has to fit, to begin the message with.
        size: Bytes that are needed at least.
        received: The arguments that it follows from, as `name=value`.

    Raises:
        ValueError: if it does not fit.
    """
    if size > memory():
        raise ValueError(
            f"{what} must fit into memory: {size / 2**30:,.0f} GiB are needed, and "
            f"this machine has {memory() / 2**30:,.0f} GiB. Received: {received}. "
            "Choose smaller values."
        )


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, NumPy or a backend says that memory is used up."""
    if isinstance(error, MemoryError):
        return True
    if type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError"):
        return True
    said = str(error).lower()
    return any(text in said for text in _SAID)
