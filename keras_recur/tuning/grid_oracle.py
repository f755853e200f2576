"""An oracle that proposes given values in order."""

from collections.abc import Iterable
from typing import Any

import keras_tuner

from keras_recur._validation import check_type


class GridOracle(keras_tuner.Oracle):
    """Oracle that proposes given values in order.

    Unlike KerasTuner's grid, this oracle has no state but its trials.

    Args:
        values: List of dictionaries: the hyperparameters of each trial.
        objective: Argument of `keras_tuner.Oracle`.
        **kwargs: Further arguments of `keras_tuner.Oracle`.

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

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the next values, or stop after the last ones."""
        if len(self.trials) >= len(self.grid):
            return {"status": "STOPPED"}
        return {"status": "RUNNING", "values": dict(self.grid[len(self.trials)])}
