"""Normalization of images as a layer."""

import keras

from keras_recur.data.data_spec import describe


def preprocessing(name: str) -> keras.layers.Layer:
    """Return the layer that normalizes raw images as `load` does.

    Args:
        name: Name of a data set of images, one of `list_datasets()`.

    Returns:
        A `keras.layers.Rescaling` that maps images of integers, channels last, to
        `(x / white - mean) / std`. `white` is 255, or 16 for digits.

    Raises:
        ValueError: If the name is unknown, or the data set does not consist of images.

    Example:

    >>> layer = keras_recur.data.preprocessing("mnist")
    >>> white = layer(np.full((1, 28, 28, 1), 255.0))
    >>> round(float(white[0, 0, 0, 0]), 2)
    2.82
    """
    spec = describe(name)
    if spec.mean is None or spec.std is None:
        raise ValueError(
            "`preprocessing` is for data sets of images. Received: "
            f"name={name!r}, whose examples need no preprocessing."
        )
    return keras.layers.Rescaling(
        scale=[1 / (spec.white * s) for s in spec.std],
        offset=[-m / s for m, s in zip(spec.mean, spec.std, strict=True)],
        name=f"{name}_preprocessing",
    )
