"""Regularizers and constraints of one weight, for a stack of weights."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_recur")
class EachRow(keras.regularizers.Regularizer, keras.constraints.Constraint):
    """Apply a regularizer or a constraint to every row of a weight separately."""

    def __init__(self, function: Any):
        self.function = function

    def __call__(self, rows):
        found = [self.function(rows[i]) for i in range(rows.shape[0])]
        if len(found[0].shape) < len(rows.shape) - 1:
            return sum(found)
        return ops.stack(found)

    def get_config(self) -> dict[str, Any]:
        return {"function": keras.saving.serialize_keras_object(self.function)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "EachRow":
        return cls(keras.saving.deserialize_keras_object(config["function"]))
