"""Read a saved model and check its file."""

import json
import os
import zipfile
from pathlib import Path

import keras

from keras_recur._archives import (
    check_text,
    check_weights,
    check_zip,
    limited_weights,
    member,
)
from keras_recur._files import check_path

_PARTS = ("config.json", "metadata.json", "model.weights.h5")


def load_model(path: str | os.PathLike[str]) -> keras.Model:
    """Read a `.keras` file that any backend wrote.

    Args:
        path: A file that `model.save(path)` wrote.

    Returns:
        A `keras.Model` on the current backend, not compiled.

    Raises:
        ValueError: If the file is missing, incomplete or not a Keras model, has unknown
            layers, or would need far more memory than its size.

    Example:

    >>> pair = keras_recur.zoo.build("mlp", input_shape=(8, 8, 1), width=4)
    >>> pair.recurrent.save("winner.keras")
    >>> keras_recur.exporting.load_model("winner.keras").input_shape
    (None, 8, 8, 1)
    """
    path = check_path("path", path)
    if not path.exists():
        raise ValueError(
            f"There is no file {path}. Write a model by model.save('NAME.keras')."
        )
    if path.is_dir():
        raise ValueError(
            f"{path} is a folder. A `.keras` file is needed; a folder of a run is read "
            "by keras_recur.exporting.export_run, a SavedModel by "
            "tensorflow.saved_model.load."
        )
    try:
        with zipfile.ZipFile(path) as file:
            check_zip(path, file)
            missing = [part for part in _PARTS if part not in file.namelist()]
            damaged = file.testzip()
            stored = 0 if missing or damaged else _check_sizes(path, file)
    except (zipfile.BadZipFile, EOFError) as error:
        if path.suffix != ".keras":
            raise ValueError(
                f"{path} is not a `.keras` file, as model.save('NAME.keras') writes. "
                f"Received: a file of {path.stat().st_size:,} bytes ending in "
                f"{path.suffix!r}."
            ) from error
        raise ValueError(
            f"{path} is cut short or damaged ({error}): {path.stat().st_size:,} bytes "
            "are not a complete `.keras` file. Copy or save it again."
        ) from error
    if damaged:
        raise ValueError(
            f"{path} is damaged: its part {damaged} does not match its checksum. Copy "
            "or save it again."
        )
    if missing:
        raise ValueError(
            f"{path} was written by another program: it has no {', '.join(missing)}. "
            "A Keras model is written by model.save('NAME.keras')."
        )
    try:
        return _loaded(path, stored)
    except RecursionError as error:
        raise ValueError(
            f"{path} is damaged: its configuration is nested too deeply."
        ) from error
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path} is damaged: its configuration is not JSON ({error}). Save the "
            "model again."
        ) from error


def _loaded(path, stored):
    with limited_weights(path, stored):
        try:
            return keras.saving.load_model(path, compile=False)
        except json.JSONDecodeError:
            raise
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ValueError(
                f"{path} holds a model that cannot be built here. Layers of your own "
                "must be imported first, and registered with "
                f"keras.saving.register_keras_serializable. Keras says: {error}"
            ) from error


def _check_sizes(path: Path, file: zipfile.ZipFile) -> int:
    """Check the sizes that a file declares; return the bytes of its weights."""
    check_text(path, file, _PARTS[:2])
    try:
        with member(path, file, _PARTS[2]) as weights:
            return check_weights(path, weights)
    except OSError as error:
        raise ValueError(
            f"{path} is damaged: its {_PARTS[2]} cannot be read ({error}). Save the "
            "model again."
        ) from error
