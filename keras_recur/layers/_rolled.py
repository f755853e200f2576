"""The rolled loop: one compiled body for many iterations, on every backend.

`ops.scan` on JAX. On TensorFlow a bounded `while_loop`, because its `scan` and
`fori_loop` pass no bound, without which XLA (the default on a GPU) cannot compile
their gradients. On PyTorch every loop of Keras is a Python loop, and so is this.
"""

import keras
from keras import ops, tree


def rolled_loop(step, state, carried, iterations, collect):
    """Applies `step(index, state, carried)` for index 0 to iterations - 1.

    Returns:
        The last state, the last carried values and, if `collect`, the states after
        each iteration with the iterations as first axis, else `None`.
    """
    run = {"jax": _scan, "tensorflow": _bounded_while}
    run = run.get(keras.backend.backend(), python_loop)
    return run(step, state, carried, iterations, collect)


def _scan(step, state, carried, iterations, collect):
    def body(carry, index):
        state, carried = step(index, *carry)
        return (state, carried), state if collect else None

    (state, carried), states = ops.scan(
        body, (state, carried), ops.arange(iterations, dtype="int32")
    )
    return state, carried, states


def _bounded_while(step, state, carried, iterations, collect):
    import tensorflow as tf

    leaves = tree.flatten(state)
    arrays = [
        tf.TensorArray(leaf.dtype, size=iterations, element_shape=leaf.shape)
        for leaf in leaves
        if collect
    ]

    def body(index, leaves, carried, arrays):
        state = tree.pack_sequence_as(structure, leaves)
        state, carried = step(index, state, carried)
        leaves = tree.flatten(state)
        arrays = [
            array.write(index, leaf)
            for array, leaf in zip(arrays, leaves, strict=bool(arrays))
        ]
        return index + 1, leaves, carried, arrays

    structure = state
    _, leaves, carried, arrays = tf.while_loop(
        lambda index, *_: index < iterations,
        body,
        (tf.constant(0), leaves, carried, arrays),
        maximum_iterations=iterations,
    )
    state = tree.pack_sequence_as(structure, leaves)
    if not collect:
        return state, carried, None
    states = [array.stack() for array in arrays]
    return state, carried, tree.pack_sequence_as(structure, states)


def python_loop(step, state, carried, iterations, collect):
    states = []
    for index in range(iterations):
        state, carried = step(index, state, carried)
        states.append(state)
    if not collect:
        return state, carried, None
    return state, carried, tree.map_structure(lambda *x: ops.stack(x), *states)
