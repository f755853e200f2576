"""A model that combines the answers of its iterations, on the same weights."""

from typing import Any

import keras
from keras import tree

from keras_recur.inference import ReadoutPolicy
from keras_recur.inference._graph import check_readout
from keras_recur.inference.with_iterations import with_iterations


def with_readout_policy(
    model: keras.Model,
    policy: str | ReadoutPolicy,
    iterations: int | None = None,
    **arguments: Any,
) -> keras.Model:
    """A new model on the same weights that answers by a readout policy.

    Args:
        model: A model with a loop and a `Readout`, as the zoo builds them.
        policy: A `ReadoutPolicy`, or its name.
        iterations: How often the loop applies its block. Default: as it was built.
        **arguments: Further arguments of `ReadoutPolicy`, where a name is given.

    Returns:
        A `keras.Model`, not compiled. With `"learned"` it has one more weight, which is
        trained like any other; to train it alone, set `trainable = False` for the
        layers before.

    Raises:
        ValueError: for a model without readouts at every iteration, and as
            `ReadoutPolicy`.

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
            "Further arguments need the name of a policy. Received: a ReadoutPolicy "
            f"and {given}. Give them to the ReadoutPolicy."
        )
    if not isinstance(policy, ReadoutPolicy):
        policy = ReadoutPolicy(policy, **arguments, name="policy")
    every = with_iterations(model, iterations, readout="all")
    # Every answer of a head with several is combined by the same policy.
    answers = tree.map_structure(policy, every.output)
    return keras.Model(every.input, answers, name=model.name)
