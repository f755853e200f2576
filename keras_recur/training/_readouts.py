"""Check that a model is built and has the readouts that a recipe trains."""

from typing import Any

import keras
from keras import tree

from keras_recur.data._batches import to_numpy
from keras_recur.training.recipe import Recipe


def build_on(model: Any, batch: Any) -> None:
    """Build a model, if needed, by calling it on the inputs of a batch."""
    if model.built and all(layer.built for layer in model._flatten_layers()):
        return
    x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
    x = tree.map_structure(lambda leaf: keras.ops.convert_to_tensor(to_numpy(leaf)), x)
    try:
        model(x)
    except Exception as error:
        raise ValueError(
            "`model` must be built, or able to take the first batch of `data`. "
            f"Received: the model {model.name!r}, which is not built and fails on that "
            f"batch ({error}). Begin it with keras.Input(shape), or call it once."
        ) from error


def check_readouts(model: Any, recipe: Recipe, batch: Any) -> None:
    """Check that the model returns several readouts if the recipe trains several."""
    asked = {
        name: getattr(recipe, name)
        for name, usual in (("loss_weights", "final"), ("anneal_from", None))
        if getattr(recipe, name) != usual
    }
    if recipe.hierarchy:
        asked["hierarchy"] = recipe.hierarchy
    x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
    if not recipe.every_readout or not hasattr(y, "shape"):
        return
    shape = _output_shape(model, x)
    if shape is None or len(shape) != len(y.shape) + 1:
        return
    shown = ", ".join(f"{name}={value!r}" for name, value in asked.items())
    raise ValueError(
        "A recipe that weights or orders readouts needs a model that returns several. "
        f"Received: {shown}, and a model with outputs of shape "
        f"{shape} for targets of shape {tuple(y.shape)}. Build the model with "
        "readout='all'."
    )


def _output_shape(model, x):
    """Return the shape of the output, or `None` if there are several outputs."""
    found = getattr(model, "output_shape", None) if hasattr(model, "outputs") else None
    if found is None:
        x = tree.map_structure(
            lambda leaf: keras.KerasTensor(leaf.shape, to_numpy(leaf).dtype.name), x
        )
        outputs: Any = model.compute_output_spec(x)
        found = getattr(outputs, "shape", None)
    single = isinstance(found, tuple) and all(not isinstance(n, tuple) for n in found)
    return found if single else None
