"""State of Keras's own callbacks, which a resumed run restores."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

# `on_train_begin` resets these attributes.
_REMEMBERED: dict[type, tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch", "stopped_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.ModelCheckpoint: ("best",),
}


class CallbackState:
    """Read and write the state of Keras's own callbacks."""

    def __init__(self, callbacks: Sequence[Any]):
        # Keys are the class and the position in it, so others can be added.
        self._found: dict[str, tuple[Any, tuple[str, ...]]] = {}
        for callback in callbacks:
            for kind, names in _REMEMBERED.items():
                if isinstance(callback, kind):
                    count = sum(key.startswith(kind.__name__) for key in self._found)
                    self._found[f"{kind.__name__} {count}"] = (callback, names)

    def values(self) -> dict[str, dict[str, Any]]:
        """Return the state in JSON types, by callback."""
        return {
            key: {name: _plain(getattr(callback, name, None)) for name in names}
            for key, (callback, names) in self._found.items()
        }

    def arrays(self) -> dict[str, list[Any]]:
        """Return the best weights that callbacks hold, by callback."""
        best = {
            k: getattr(c, "best_weights", None) for k, (c, _) in self._found.items()
        }
        return {key: weights for key, weights in best.items() if weights is not None}

    def restore(self, values: dict[str, Any], arrays: dict[str, list[Any]]) -> None:
        """Restore results of `values` and `arrays`, after `on_train_begin`."""
        for key, (callback, names) in self._found.items():
            for name in names:
                if values.get(key, {}).get(name) is not None:
                    setattr(callback, name, values[key][name])
            if key in arrays:
                callback.best_weights = arrays[key]


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value
