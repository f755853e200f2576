"""Return a model with other iterations or another readout, on the same weights."""

import keras

from keras_recur._validation import (
    check_flag,
    check_one_of,
    check_positive_int,
    check_type,
)
from keras_recur.inference._graph import rerun_graph


def with_iterations(
    model: keras.Model,
    iterations: int | None = None,
    readout: str | None = None,
    unroll: bool | None = None,
) -> keras.Model:
    """Return a new model on the same weights that runs its loops for `iterations`.

    The model itself is not changed: setting an attribute of a compiled model would
    be ignored by its compiled functions. Training either model trains both.

    Args:
        model: A Functional or Sequential model with one or more
            `SharedRecurrentBlock` or `RecurrentGraph` layers.
        iterations: How often each loop applies its block; the steps of a state graph.
            Default: as it was built.
        readout: `"last"` or `"all"`: what the model returns, where it has a
            `Readout` layer. Default: as it was built.
        unroll: Whether the loops are unrolled. Default: as they were built. State
            graphs always are.

    Returns:
        A `keras.Model`, not compiled.

    Raises:
        ValueError: for a model without a loop, and for more iterations than untied
            weights exist for.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> longer = keras_recur.inference.with_iterations(pair.recurrent, 12, readout="all")
    >>> longer(np.zeros((1, 16, 1))).shape
    (1, 12, 16, 2)
    """
    check_type("model", model, keras.Model, "a Keras model")
    changes: dict = {}
    if iterations is not None:
        changes["iterations"] = check_positive_int("iterations", iterations)
    if readout is not None:
        check_one_of("readout", readout, ("last", "all"))
        changes["return_sequences"] = readout == "all"
        changes["readout"] = readout
    if unroll is not None:
        changes["unroll"] = check_flag("unroll", unroll)
    return rerun_graph(model, **changes)
