"""Networks without their twins."""

from typing import Any

import keras

from keras_recur import zoo
from keras_recur.zoo.initializers import SeededInitializers


def one_network(family: str, seed: int, **arguments: Any) -> keras.Model:
    """A network without its twin, which may be many times larger."""
    spec = zoo.describe(family)
    usual = {"sharing": "all", "readout": "last", "unroll": True, "remat": False}
    arguments = {**spec.defaults, **usual, **arguments}
    return spec.network(SeededInitializers(spec.initializer, seed), **arguments)
