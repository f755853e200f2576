"""Loops whose iterations are pure functions: rolled, rematerialized, progressive."""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_recur.layers._depth_samplers import draw
from keras_recur.layers._masks import joined, mapped, masks_of, packed, unpacked
from keras_recur.layers._truncation import Span
from keras_recur.layers.depth import Depth
from keras_recur.layers.sharing.weight_sharing import runs


def pure_loop(
    loop: Any,
    path: Any,
    run_steps: Callable,
    bounded: Callable,
    state: Any,
    injected: Any,
    groups: Sequence[int],
    turns: Sequence[int],
    spans: Sequence[Span],
    start: Any,
    collect: bool,
    training: Any,
) -> Any:
    """Return the state after all iterations, or with `collect` after each."""
    collected = []
    slots = loop.mask_slots(masks_of(state))
    for group, run in runs(groups):
        pure = loop.pure_block(group, training)
        pure.offset = start + run[0] - turns[run[0]]
        carried = pure.start()
        for (_, frozen), part in itertools.groupby(run, key=spans.__getitem__):
            part = list(part)

            def step(index, state, carried, pure=pure, part=part, frozen=frozen):
                state, inputs = bounded((state, loop.inject(state, injected)))
                turn = turns[part[0]] + index
                new_state, carried = pure(turn, carried, inputs, frozen)
                loop.check_state(state, new_state)
                number = turn + pure.offset
                return path.after(state, new_state, number, frozen), carried

            if part[0] and spans[part[0]] != spans[part[0] - 1]:
                state = mapped(ops.stop_gradient, state)
            # Losses of earlier iterations keep their gradient.
            *values, losses = carried
            added = ops.zeros_like(losses) if frozen else losses
            state, carried, states = run_steps(
                step, state, [*values, added], len(part), collect, slots
            )
            if frozen:
                *values, added = map(ops.stop_gradient, carried)
                carried = [*values, losses + added]
            collected.append(states)
        loop.finish(pure, carried)
    if not collect:
        return state
    return joined(
        lambda s, axis: ops.swapaxes(ops.concatenate(s, axis), 0, 1), collected, 0
    )


def progressive_loop(
    loop: Any,
    path: Any,
    sampler: str | Depth,
    state: Any,
    injected: Any,
    groups: Sequence[int],
    turns: Sequence[int],
) -> Any:
    """Return the state after n + k iterations (arXiv:2202.05826, section 3.2)."""
    slots = loop.mask_slots(masks_of(state))
    uniforms = keras.random.uniform((2,), dtype="float32", seed=loop.seed_generator)
    n, k = draw(sampler, uniforms, len(groups))
    for group, run in runs(groups):
        pure = loop.pure_block(group, True)
        pure.offset = run[0] - turns[run[0]]
        carried = pure.start()
        for t in run:

            def step(state, masks, carried, frozen, pure=pure, turn=turns[t], t=t):
                inputs = loop.inject(unpacked(state, slots, masks), injected)
                new_state, carried = pure(turn, carried, inputs, frozen)
                loop.check_state(state, new_state)
                new_state = path.after(state, new_state, t, frozen)
                return new_state, packed(new_state, slots), carried

            # A branch that is not taken is not computed, forward or backward.
            phase = ops.cast(t >= n, "int32") + ops.cast(t >= n + k, "int32")
            state, masks, carried = ops.switch(
                phase,
                [
                    functools.partial(step, frozen=True),
                    functools.partial(step, frozen=False),
                    lambda *passed: passed,
                ],
                state,
                packed(state, slots),
                carried,
            )
            state = unpacked(state, slots, masks)
        loop.finish(pure, carried)
    return state
