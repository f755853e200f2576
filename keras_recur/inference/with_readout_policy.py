"""Combine the readouts of a model's iterations, on the same weights."""

from typing import Any

import keras
from keras import tree

from keras_recur.inference._graph import check_readout
from keras_recur.inference.readout_policy import ReadoutPolicy
from keras_recur.inference.with_iterations import with_iterations


def with_readout_policy(
    model: keras.Model,
    policy: str | ReadoutPolicy,
    iterations: int | None = None,
    **arguments: Any,
) -> keras.Model:
    """Return a new model on the same weights that applies a readout policy.

    Args:
        model: A model with a loop and a `Readout`, such as those of the zoo.
        policy: A `ReadoutPolicy`, or the name of one.
        iterations: Number of iterations. Defaults to that of the model.
        **arguments: Further arguments of the named `ReadoutPolicy`.

    Returns:
        A `keras.Model`, not compiled. With `"learned"` it has one more trainable
        weight. To train it alone, set `trainable = False` on the other layers.

    Raises:
        ValueError: If the model has no readout at every iteration, or the policy is
            invalid.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> averaged = keras_recur.inference.with_readout_policy(pair.recurrent, "mean")
    >>> averaged(np.zeros((1, 16, 1))).shape
    (1, 16, 2)
    """
    check_readout(model, "A readout policy")
    if isinstance(policy, ReadoutPolicy) and arguments:
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        raise ValueError(
            "Further arguments require the name of a policy. Received: a ReadoutPolicy "
            f"and {given}. Give them to the ReadoutPolicy."
        )
    if not isinstance(policy, ReadoutPolicy):
        policy = ReadoutPolicy(policy, **arguments, name="policy")
    every = with_iterations(model, iterations, readout="all")
    # The same policy combines every output of the head.
    answers = tree.map_structure(policy, every.output)
    return keras.Model(every.input, answers, name=model.name)
