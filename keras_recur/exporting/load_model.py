"""A saved model, read with errors that say what is wrong with the file."""

import zipfile
from pathlib import Path

import keras

_PARTS = ("config.json", "metadata.json", "model.weights.h5")


def load_model(path: str | Path) -> keras.Model:
    """Reads a `.keras` file that any backend has written.

    Args:
        path: The file, as `model.save(path)` has written it.

    Returns:
        A `keras.Model`, on the running backend, not compiled.

    Raises:
        ValueError: if there is no such file, if it is incomplete, or no Keras model, or
            one with layers that are not known here.

    Example:

    >>> pair = keras_recur.zoo.build("mlp", input_shape=(8, 8, 1), width=4)
    >>> pair.recurrent.save("winner.keras")
    >>> keras_recur.exporting.load_model("winner.keras").input_shape
    (None, 8, 8, 1)
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(
            f"There is no file {path}. A model is written by model.save('NAME.keras')."
        )
    if path.is_dir():
        raise ValueError(
            f"{path} is a folder. A `.keras` file is needed; a folder of a run is read "
            "by keras_recur.exporting.export_run, a SavedModel by "
            "tensorflow.saved_model.load."
        )
    try:
        with zipfile.ZipFile(path) as file:
            missing = [part for part in _PARTS if part not in file.namelist()]
            damaged = file.testzip()
    except (zipfile.BadZipFile, EOFError) as error:
        if path.suffix != ".keras":
            raise ValueError(
                f"{path} is no `.keras` file, which is what model.save('NAME.keras') "
                f"writes. Received: a file of {path.stat().st_size:,} bytes ending in "
                f"{path.suffix!r}."
            ) from error
        raise ValueError(
            f"{path} is cut short or damaged ({error}): {path.stat().st_size:,} bytes "
            "that are no complete `.keras` file. Copy or save it again."
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
        return keras.saving.load_model(path, compile=False)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(
            f"{path} holds a model that cannot be built here. Layers of your own must "
            "be imported first, and registered with "
            f"keras.saving.register_keras_serializable. Keras says: {error}"
        ) from error
