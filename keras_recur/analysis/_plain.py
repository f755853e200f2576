"""Arrays as JSON data."""

from typing import Any

import numpy as np


def as_lists(array: np.ndarray) -> list[Any]:
    """Return nested lists with `None` in place of NaN."""
    if array.ndim > 1:
        return [as_lists(row) for row in array]
    return [None if np.isnan(v) else v for v in array.tolist()]
