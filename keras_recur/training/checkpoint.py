"""All that a training run needs to go on, in one file, replaced as a whole."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_recur._archives import check_arrays
from keras_recur._files import replacing


class Checkpoint(keras.callbacks.Callback):
    """Writes weights, optimizer, random states and history after every epoch.

    `model.save_weights` leaves out the states of seed generators, and with them the
    promise that an interrupted run ends as an uninterrupted one; so this keeps every
    variable. The file is written beside the old one and put in its place in one
    step: an interruption or a full disk leaves the old one as it was.

    Args:
        directory: Where `checkpoint.npz` lies.
        model: The compiled model.
        history: Dictionary of lists, filled by `restore`.
        fingerprint: Text that identifies the configuration.
    """

    def __init__(
        self,
        directory: str | Path,
        model: keras.Model,
        history: dict[str, list[float]],
        fingerprint: str,
    ):
        super().__init__()
        self.path = Path(directory) / "checkpoint.npz"
        self.history = history
        self.fingerprint = fingerprint
        self._kept = [*model.variables, *model.optimizer.variables]

    def restore(self) -> bool:
        """Loads the file into model, optimizer and history, if there is one."""
        if not self.path.exists():
            return False
        try:
            check_arrays(self.path)
            with open(self.path, "rb") as stored, np.load(stored) as file:
                meta = json.loads(str(file["meta"]))
                values = [file[f"arr_{i}"] for i in range(meta["arrays"])]
        except (
            OSError,
            ValueError,
            KeyError,
            EOFError,
            RecursionError,
            zipfile.BadZipFile,
        ) as error:
            raise ValueError(
                f"{self.path} is damaged and cannot be read ({error}). Remove it to "
                "train this run from its first epoch."
            ) from error
        if meta["fingerprint"] != self.fingerprint:
            raise ValueError(
                f"{self.path} belongs to another configuration (model, recipe or "
                "data). Nothing was overwritten: choose another folder, or the "
                "configuration it was begun with."
            )
        for variable, value in zip(self._kept, values, strict=True):
            variable.assign(value)
        self.history.update(meta["history"])
        return True

    def on_epoch_end(self, epoch, logs=None):
        values = [_to_numpy(variable) for variable in self._kept]
        meta = {
            "fingerprint": self.fingerprint,
            "history": self.history,
            "arrays": len(values),
        }
        with replacing(self.path) as file:
            np.savez(file, *values, meta=np.array(json.dumps(meta)))


def _to_numpy(variable: Any) -> np.ndarray:
    value = keras.ops.convert_to_numpy(variable)
    # NumPy files cannot hold bfloat16; float32 holds all its values.
    return value.astype("float32") if value.dtype.kind == "V" else value
