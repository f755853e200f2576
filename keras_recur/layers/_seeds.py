"""Seeds that are derived from other seeds."""

import zlib
from typing import Any


def derived_seed(seed: Any, part: Any) -> int:
    """Return the seed of a part, such as the number of a copy."""
    return zlib.crc32(f"{seed}/{part}".encode()) >> 1
