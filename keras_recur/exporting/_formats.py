"""Formats of exported files, with the backend and packages that each needs."""

import dataclasses
import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from keras_recur.exporting._saved_model import write_saved_model


@dataclasses.dataclass(frozen=True)
class Format:
    """One format."""

    backend: str  # The backend of Keras that writes it.
    ending: str  # Empty for a folder.
    write: Callable[..., None]
    package: str | None = None  # It has one name for import and pip.


def require(format: str) -> None:
    """Check that the packages of a format are installed."""
    needed = FORMATS[format]
    packages = [needed.backend, *([needed.package] if needed.package else [])]
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f"format={format!r} is written by Keras on {needed.backend} and needs "
            f"{' and '.join(packages)}. Missing: "
            f"{', '.join(missing)}. Install it with: pip install {' '.join(missing)}"
        )


def _with_keras(format, **options):
    """Return a writer that calls Keras's exporter."""

    def write(model, path: Path, front: Any, **of_saved_models: Any):
        del of_saved_models
        if front is not None:
            model = keras.Model(front.input, model(front.output), name=model.name)
        chosen = {k: v(model) if callable(v) else v for k, v in options.items()}
        model(keras.tree.map_structure(_one, model.input))  # Keras requires a call.
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # The converters' packages warn.
                model.export(str(path), format=format, verbose=False, **chosen)
        except Exception as error:
            raise RuntimeError(
                f"The model {model.name!r} cannot be written as {format!r}: {error}"
            ) from error

    return write


def _one(spec):
    """Return one example of zeros. Open sizes become 8."""
    shape = (1, *(size or 8 for size in spec.shape[1:]))
    return keras.ops.zeros(shape, spec.dtype)


def _any_size(model):
    """Return the open sizes, the batch included, as PyTorch needs them."""
    from torch.export import Dim

    shapes = [
        {axis: Dim.AUTO for axis, size in enumerate(x.shape) if size is None}
        for x in model.inputs
    ]
    return shapes[0] if len(shapes) == 1 else shapes


FORMATS = {
    "tf_saved_model": Format("tensorflow", "", write_saved_model),
    "onnx": Format("tensorflow", ".onnx", _with_keras("onnx"), package="tf2onnx"),
    "litert": Format("tensorflow", ".tflite", _with_keras("litert")),
    "torch": Format("torch", ".pt2", _with_keras("torch", dynamic_shapes=_any_size)),
}
