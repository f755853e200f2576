"""What images are normalised with, as a layer."""

import keras

from keras_recur.data.datasets import describe
from keras_recur.data.load import image_transform


def preprocessing(name: str) -> keras.layers.Layer:
    """The layer that does to raw images what `load` does to those of a data set.

    Args:
        name: Name of a data set of images, one of `list_datasets()`.

    Returns:
        A `keras.layers.Rescaling`, from images of integers, channels last, to what
        models were trained on: `(x / white - mean) / std`, white being 255 (16 for
        digits).

    Raises:
        ValueError: for an unknown name, and for data sets that are no images.

    Example:

    >>> layer = keras_recur.data.preprocessing("mnist")
    >>> white = layer(np.full((1, 28, 28, 1), 255.0))
    >>> round(float(white[0, 0, 0, 0]), 2)
    2.82
    """
    spec = describe(name)
    if spec.procedural or len(spec.input_shape) != 3:
        raise ValueError(
            f"The data set {name!r} needs no preprocessing: its examples are made as "
            "models take them. Only images have one."
        )
    done = image_transform(spec)
    return keras.layers.Rescaling(
        scale=[1 / (done.white * s) for s in done.std],
        offset=[-m / s for m, s in zip(done.mean, done.std, strict=True)],
        name=f"{name}_preprocessing",
    )
