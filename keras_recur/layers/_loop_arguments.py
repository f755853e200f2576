"""Check the call arguments and the states of a `SharedRecurrentBlock`."""

import numbers
from typing import Any

import keras
from keras import tree

from keras_recur.layers._graph_arguments import fits


def policy_of(block: keras.layers.Layer) -> Any:
    """Return the dtype policy of a block, or of its last layer if it has layers."""
    inner = getattr(block, "layers", None)
    return policy_of(inner[-1]) if inner else block.dtype_policy


def dtype_of(x: Any) -> str:
    """Return the dtype of a tensor or a Python number."""
    return keras.backend.standardize_dtype(
        getattr(x, "dtype", None) or type(x).__name__
    )


def check_start(start: Any, injection: str | None, injected: Any, progressive: Any):
    """Check that a call can begin after `start` iterations."""
    if isinstance(start, numbers.Integral) and start == 0:
        return
    if isinstance(start, numbers.Integral) and start < 0:
        raise ValueError(
            "`start` must be the number of iterations that were run before, 0 or "
            f"more. Received: start={start}."
        )
    if progressive or (injection and injected is None):
        what = f"{progressive=}" if progressive else "no `injected`"
        raise ValueError(
            "A call with `start` cannot be progressive, and with `injection` it needs "
            f"the first input as `injected`. Received: start={start}, "
            f"injection={injection!r}, {what}."
        )


def check_progressive(loop: Any, progressive: Any, collect: bool) -> None:
    """Check that a progressive call returns one state and draws its own gradient."""
    every, kept = loop.detach_every, loop.gradient_iterations
    if progressive and (every or kept):
        raise ValueError(
            "A progressive call draws its iterations with gradient, so the loop cannot "
            f"have `detach_every` or `gradient_iterations`. Received: {progressive=}, "
            f"detach_every={every}, gradient_iterations={kept}."
        )
    if progressive and collect:
        raise ValueError(
            "A progressive call predicts from one state and cannot return a "
            f"sequence. Received: {progressive=}, return_sequences=True."
        )


def check_injected(injection: str | None, state: Any, injected: Any) -> None:
    """Check that `injected` fits the state."""
    if injection is None:
        if injected is not None:
            raise ValueError(
                "`injected` needs `injection='add'` or `injection='concat'`. "
                "Received: injection=None."
            )
        return
    if injected is None:
        return
    # With "concat" the last axis may differ.
    end = None if injection == "add" else -1
    same = _structure(state) == _structure(injected)
    for s, i in zip(tree.flatten(state), tree.flatten(injected), strict=False):
        same = same and fits(s.shape[:end], i.shape[:end])
    if not same:
        raise ValueError(
            f"`injected` must have the state's structure and shape for "
            f"injection={injection!r}{' except for the last axis' if end else ''}. "
            f"Received: injected={_shapes(injected)} for a state {_shapes(state)}."
        )


def check_state(name: str, before: Any, after: Any, dtypes: bool = True) -> None:
    """Check that the block `name` keeps its state's structure, shape and dtype."""
    same = _structure(before) == _structure(after)
    for old, new in zip(tree.flatten(before), tree.flatten(after), strict=False):
        same = same and fits(old.shape, new.shape)
        same = same and (not dtypes or dtype_of(old) == dtype_of(new))
    if not same:
        raise ValueError(
            "The block must keep its state's structure, shape and dtype. "
            f"Received: a block {name!r} that turns {_shapes(before)} into "
            f"{_shapes(after)}. Let its last layer have as many units or filters as "
            "the state, 'same' padding, stride 1 and the loop's dtype policy."
        )


def _structure(nest):
    return tree.map_structure(lambda _: None, nest)


def _shapes(nest):
    return tree.map_structure(lambda x: f"{dtype_of(x)}{tuple(x.shape)}", nest)
