"""Run a model for another number of iterations, on the same weights."""

import keras

from keras_recur._validation import (
    check_flag,
    check_one_of,
    check_positive_int,
    check_type,
)
from keras_recur.inference._graph import rerun_graph
from keras_recur.layers._loop_form import check_unroll


def with_iterations(
    model: keras.Model,
    iterations: int | None = None,
    readout: str | None = None,
    unroll: bool | str | None = None,
    noise: bool | None = None,
) -> keras.Model:
    """Return a new model on the same weights that runs its loops for `iterations`.

    The model does not change. Training one of the two models trains both.

    Args:
        model: A Functional or Sequential model with `SharedRecurrentBlock` or
            `RecurrentGraph` layers.
        iterations: Iterations of each loop, or steps of a state graph. Defaults to
            those of the model.
        readout: `"last"` or `"all"`, for a model with a `Readout`. Defaults to that of
            the model.
        unroll: Whether loops are unrolled, or `"auto"`, as in `SharedRecurrentBlock`.
            State graphs always are. Defaults to that of the model.
        noise: Whether loops add their `state_noise`, in training and in inference.
            Defaults to that of the model, which adds it in training only.

    Returns:
        A `keras.Model`, not compiled.

    Raises:
        ValueError: If the model has no loop, or too few weights for the iterations.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> longer = keras_recur.inference.with_iterations(
    ...     pair.recurrent, 12, readout="all"
    ... )
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
        changes["unroll"] = check_unroll(unroll)
    if noise is not None:
        changes["noise"] = check_flag("noise", noise)
    return rerun_graph(model, **changes)
