"""First state, damping and noise of a loop."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops, tree

from keras_recur.layers._masks import attach, mapped, masks_of
from keras_recur.layers._random import draw_key, keyed
from keras_recur.layers._seeds import derived_seed

INITIAL_STATES = ("input", "zeros", "normal", "fixed_normal")
# A normal distribution that is truncated at 2 has this standard deviation.
_TRUNCATED = 0.87962566103423978
# Reserve numbers for the tensors of a state; each iteration takes the next ones.
_LEAVES = 64


class StatePath:
    """What one call of a loop does to its state, besides applying the block."""

    def __init__(self, loop: Any, initial_state: str, noise: bool):
        self.initial_state = initial_state
        self.damping, self.noise = loop.damping, loop.state_noise if noise else 0.0
        self._fixed = loop.first_states
        self._key: Any = None
        if self.noise or initial_state == "normal":
            self._key = draw_key(loop.seed_generator)

    def first(self, x: Any) -> Any:
        """Return the first state. Integers stay as they are in `x`."""
        if self.initial_state == "input":
            return x
        fixed = iter(self._fixed)

        def start(leaf, number):
            zeros = ops.zeros_like(leaf)
            if self.initial_state == "zeros":
                return zeros
            if self.initial_state == "fixed_normal":
                return zeros + ops.cast(next(fixed), leaf.dtype)
            draws = keras.random.truncated_normal(
                ops.shape(leaf),
                0.0,
                1 / _TRUNCATED,
                "float32",
                keyed(self._key, number),
            )
            return zeros + ops.cast(draws, leaf.dtype)  # Zeros keep the static shape.

        return _each_float(start, x)

    def after(self, before: Any, after: Any, number: Any, frozen: bool = False) -> Any:
        """Return the damped and noisy state after iteration `number`."""
        if not self.damping and not self.noise:
            return after
        if frozen and self.damping:
            before = mapped(ops.stop_gradient, before)
        old = tree.flatten(before)

        def moved(leaf, i):
            if self.damping:
                leaf = self.damping * old[i] + (1.0 - self.damping) * leaf
            if self.noise:
                at = (number + 1) * _LEAVES + i
                draws = keras.random.normal(
                    ops.shape(leaf), 0.0, self.noise, "float32", keyed(self._key, at)
                )
                leaf = leaf + ops.cast(draws, leaf.dtype)
            return leaf

        return _each_float(moved, after)


def _each_float(function, nest):
    """Apply `function(leaf, number)` to the floating tensors. Masks stay attached."""
    leaves = [
        function(leaf, i) if keras.backend.is_float_dtype(leaf.dtype) else leaf
        for i, leaf in enumerate(map(ops.convert_to_tensor, tree.flatten(nest)))
    ]
    return attach(tree.pack_sequence_as(nest, leaves), masks_of(nest))


def add_first_states(loop: Any, state: Any) -> list[Any]:
    """Create the weights of `initial_state="fixed_normal"`, one per floating tensor."""
    if loop.initial_state != "fixed_normal":
        return []
    weights = []
    for i, leaf in enumerate(tree.flatten(state)):
        if not keras.backend.is_float_dtype(leaf.dtype):
            continue
        shape = tuple(leaf.shape[1:])[-1:]
        if None in shape:
            raise ValueError(
                "initial_state='fixed_normal' draws one number per channel, so the "
                "last axis of the state must have a known size. Received: a state of "
                f"shape {tuple(leaf.shape)}. Use initial_state='normal'."
            )
        seed = None if loop.seed is None else derived_seed(loop.seed, f"first/{i}")
        weights.append(
            loop.add_weight(
                name="first_state",
                shape=shape,
                initializer=keras.initializers.TruncatedNormal(
                    0.0, 1 / _TRUNCATED, seed=seed
                ),
                trainable=False,
            )
        )
    return weights


def check_initial_state(initial_state: str, injection: str | None) -> None:
    """Check that the block sees the input of a loop that does not start from it."""
    if initial_state != "input" and injection is None:
        raise ValueError(
            f"initial_state={initial_state!r} needs `injection='add'` or "
            "`injection='concat'`, because the block would never see the input. "
            "Received: injection=None."
        )


def settings(loop: Any) -> dict[str, Any]:
    """Return the arguments of this module in the config of a loop."""
    names: Sequence[str] = ("initial_state", "damping", "state_noise")
    return {name: getattr(loop, name) for name in names}


def is_random(loop: Any, initial_state: Any = None, noise: Any = None) -> bool:
    """Return whether an inference call with these arguments draws random numbers."""
    start = loop.initial_state if initial_state is None else initial_state
    return start == "normal" or bool(noise and loop.state_noise)
