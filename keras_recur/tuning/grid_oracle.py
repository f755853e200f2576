"""Every network of a space, one after another; what is finished is not run again."""

from collections.abc import Iterable
from typing import Any

import keras_tuner

from keras_recur._validation import check_type


class GridOracle(keras_tuner.Oracle):
    """Proposes the given values in order.

    KerasTuner's own grid cannot go on after an interruption. This one needs no state
    of its own to do so: it proposes the same values in the same order, and whoever runs
    a trial finds what is finished.

    Args:
        values: Values of the hyperparameters, of one trial after another.
        objective: As of every oracle.
        **kwargs: As of every oracle.

    Example:

    >>> oracle = keras_recur.tuning.GridOracle([{"width": 8}, {"width": 16}])
    >>> oracle.populate_space("0")["values"]
    {'width': 8}
    """

    def __init__(
        self, values: Iterable[dict[str, Any]], objective: Any = None, **kwargs
    ):
        grid = list(check_type("values", values, Iterable, "a list of dictionaries"))
        for i, value in enumerate(grid):
            check_type(f"values[{i}]", value, dict, "a dictionary")
        super().__init__(objective=objective, **kwargs)
        self.grid = grid
        self._next = 0

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The next values; the search has ended when there are none."""
        if self._next >= len(self.grid):
            return {"status": "STOPPED"}
        values = self.grid[self._next]
        self._next += 1
        return {"status": "RUNNING", "values": dict(values)}
