"""Write everything that a run needs to resume into one file."""

import contextlib
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_recur._archives import check_arrays
from keras_recur._files import check_path, replacing
from keras_recur._validation import check_type
from keras_recur.training._callback_state import CallbackState
from keras_recur.training._devices import gathered, process_index
from keras_recur.training._identity import completed_recipe
from keras_recur.training._schedule import RecipeSchedule


class Checkpoint(keras.callbacks.Callback):
    """Write weights, optimizer, random states and history after every epoch.

    The file includes the states of seed generators, so a resumed run ends like an
    uninterrupted one. It is replaced atomically. Pass this callback last, so that
    changes by other callbacks at the end of an epoch are stored too.

    Args:
        directory: Folder of `checkpoint.npz`. `~` is expanded.
        model: The compiled model.
        history: Dictionary of lists, filled by `restore`.
        fingerprint: Identity of the configuration: a string, or a dictionary of named
            parts in JSON types. Errors name the parts that differ.
        earlier: Fingerprints that older versions wrote. Defaults to `()`.
        callbacks: Other callbacks. Those of Keras keep their state. Defaults to `()`.
        schedule: `RecipeSchedule` of the run. Defaults to `None`.

    Attributes:
        ended: Whether a callback stopped the restored run before its last epoch.

    Raises:
        ValueError: If an argument has an invalid value.
    """

    def __init__(
        self,
        directory: str | Path,
        model: keras.Model,
        history: dict[str, list[float]],
        fingerprint: str | dict[str, Any],
        *,
        earlier: Sequence[str] = (),
        callbacks: Sequence[Any] = (),
        schedule: RecipeSchedule | None = None,
    ):
        super().__init__()
        self.path = check_path("directory", directory) / "checkpoint.npz"
        check_type("model", model, keras.Model, "a compiled Keras model")
        if getattr(model, "optimizer", None) is None:
            raise ValueError(
                "`model` must be compiled, since a checkpoint holds the optimizer. "
                f"Received: the model {model.name!r}, which has none. Call "
                "model.compile(...) first."
            )
        self.history = check_type("history", history, dict, "a dictionary of lists")
        self.fingerprint = check_type(
            "fingerprint", fingerprint, str | dict, "a string or a dictionary"
        )
        self.earlier = tuple(earlier)
        self.ended = False
        lent = [] if schedule is None else [*schedule.states, schedule.share]
        lent = {id(v): v for v in lent if v is not None}
        others = [v for v in model.variables if id(v) not in lent]
        self._kept = [*others, *lent.values(), *model.optimizer.variables]
        self._schedule = schedule
        self._state = CallbackState(callbacks)
        self._restored: tuple[Any, Any] = {}, {}
        self._more = bool(callbacks)
        self._written = 0

    def restore(self) -> bool:
        """Load the file into model, optimizer and history; return whether it exists."""
        if not self.path.exists():
            return False
        try:
            check_arrays(self.path)
            with open(self.path, "rb") as stored, np.load(stored) as file:
                meta = json.loads(str(file["meta"]))
                values = [file[f"arr_{i}"] for i in range(meta["arrays"])]
                best = {
                    key: [file[f"{key} {i}"] for i in range(count)]
                    for key, count in meta.get("best_weights", {}).items()
                }
                fingerprint, history = meta["fingerprint"], dict(meta["history"])
                if isinstance(fingerprint, dict) and "the recipe" in fingerprint:
                    recipe = completed_recipe(fingerprint["the recipe"])
                    fingerprint["the recipe"] = recipe
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            EOFError,
            RecursionError,
            zipfile.BadZipFile,
        ) as error:
            raise ValueError(
                f"{self.path} is damaged and cannot be read ({error}). Remove it to "
                "train this run from its first epoch."
            ) from error
        known = [self.fingerprint, *self.earlier]
        # Other processes may have other data: their parts of the same batches.
        if process_index() == 0 and fingerprint not in known:
            self._refuse(_difference(fingerprint, self.fingerprint))
        shapes = [tuple(v.shape) for v in self._kept]
        if [v.shape for v in values] != shapes:
            # Older fingerprints do not show which weights are trained.
            self._refuse("other weights are trained, or another version wrote it")
        for variable, value in zip(self._kept, values, strict=True):
            variable.assign(value)
        self.history.clear()
        self.history.update(history)
        self.ended = bool(meta.get("ended"))
        self._restored = meta.get("callbacks", {}), best
        if self._schedule is not None:
            self._schedule.factor = float(meta.get("factor", 1.0))
        self._written = self._epochs()
        return True

    def on_train_begin(self, logs=None):
        self._state.restore(*self._restored)

    def on_epoch_end(self, epoch, logs=None):
        self._write()

    def on_train_end(self, logs=None):
        stopped = bool(self._trained().stop_training)
        if stopped or self._more:  # Callbacks may have changed the weights.
            self._write(ended=stopped)

    def rescue(self) -> None:
        """Write the last finished epoch if another callback prevented it."""
        if self._epochs() > self._written:
            with contextlib.suppress(OSError):  # The old file is kept.
                self._write()

    def _write(self, ended=False):
        self._written = self._epochs()
        # All processes take part in reading weights that are divided among them.
        values = [_to_numpy(variable) for variable in self._kept]
        if process_index() > 0:
            return
        best: dict[str, Any] = {
            key: [_storable(weight) for weight in weights]
            for key, weights in self._state.arrays().items()
        }
        meta = {
            "fingerprint": self.fingerprint,
            "history": self.history,
            "arrays": len(values),
            "ended": ended,
            "callbacks": self._state.values(),
            "best_weights": {key: len(weights) for key, weights in best.items()},
            "factor": 1.0 if self._schedule is None else self._schedule.follow(),
        }
        named = {
            f"{k} {i}": w for k, found in best.items() for i, w in enumerate(found)
        }
        with replacing(self.path) as file:
            np.savez(file, *values, **named, meta=np.array(json.dumps(meta)))

    def _refuse(self, what):
        raise ValueError(
            f"{self.path} belongs to another configuration: {what}. Nothing was "
            "overwritten: choose another folder, or the configuration it was begun "
            "with."
        )

    def _epochs(self):
        return max(map(len, self.history.values()), default=0)

    def _trained(self) -> Any:
        return self.model


def _difference(theirs, ours):
    """Return a clause that names the parts in which two fingerprints differ."""
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return "model, recipe or data"
    parts = [name for name in ours if theirs.get(name) != ours[name]]
    told = []
    for name in parts:
        old, new = theirs.get(name), ours[name]
        if isinstance(old, dict) and isinstance(new, dict):
            fields = [f for f in new if old.get(f) != new[f]]
            name += f" ({', '.join(fields)})"
        told.append(name)
    return f"{' and '.join(told)} {'differs' if len(told) == 1 else 'differ'}"


def _to_numpy(variable: Any) -> np.ndarray:
    return _storable(keras.ops.convert_to_numpy(gathered(variable)))


def _storable(value: np.ndarray) -> np.ndarray:
    # NumPy files cannot store bfloat16; float32 represents all its values.
    return value.astype("float32") if value.dtype.kind == "V" else value
