"""The rolled loop: one compiled body for many iterations."""

import keras
from keras import ops, tree

from keras_recur.layers._masks import joined, packed, unpacked


def rolled_loop(step, state, carried, iterations, collect, slots):
    """Return the last state, the last carried values, and the states if `collect`."""
    # On PyTorch every loop of Keras is a Python loop.
    run = {"jax": _scan, "tensorflow": _bounded_while}
    run = run.get(keras.backend.backend(), python_loop)
    return run(step, state, carried, iterations, collect, slots)


def _scan(step, state, carried, iterations, collect, slots):
    def body(carry, index):
        state, masks, carried = carry
        state, carried = step(index, unpacked(state, slots, masks), carried)
        masks = packed(state, slots)
        return (state, masks, carried), (state, masks) if collect else None

    (state, masks, carried), states = ops.scan(
        body,
        (state, packed(state, slots), carried),
        ops.arange(iterations, dtype="int32"),
    )
    state = unpacked(state, slots, masks)
    return state, carried, unpacked(states[0], slots, states[1]) if collect else None


def _bounded_while(step, state, carried, iterations, collect, slots):
    import tensorflow as tf

    structure = state
    count = len(tree.flatten(state))

    def flat(state):
        return tree.flatten(state) + packed(state, slots)

    def nested(leaves):
        state = tree.pack_sequence_as(structure, leaves[:count])
        return unpacked(state, slots, leaves[count:])

    leaves = flat(state)
    arrays = [
        tf.TensorArray(leaf.dtype, size=iterations, element_shape=leaf.shape)
        for leaf in leaves
        if collect
    ]

    def body(index, leaves, carried, arrays):
        state, carried = step(index, nested(leaves), carried)
        leaves = flat(state)
        arrays = [
            array.write(index, leaf)
            for array, leaf in zip(arrays, leaves, strict=bool(arrays))
        ]
        return index + 1, leaves, carried, arrays

    # XLA cannot compile the gradient of `scan` and `fori_loop`, which pass no bound.
    _, leaves, carried, arrays = tf.while_loop(
        lambda index, *_: index < iterations,
        body,
        (tf.constant(0), leaves, carried, arrays),
        maximum_iterations=iterations,
    )
    if not collect:
        return nested(leaves), carried, None
    states = nested([array.stack() for array in arrays])
    return nested(leaves), carried, states


def python_loop(step, state, carried, iterations, collect, slots):
    states = []
    for index in range(iterations):
        state, carried = step(index, state, carried)
        states.append(state)
    if not collect:
        return state, carried, None
    return state, carried, joined(ops.stack, states, 0)
