"""The form of a loop: unrolled, or compiled as one iteration."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_recur._validation import check_flag

ROLLED_FROM = 64  # Here compiling costs more than rolled iterations do.


def check_unroll(unroll: Any) -> bool | str:
    """Check the argument `unroll`: a flag, or `"auto"`."""
    return "auto" if unroll == "auto" else check_flag("unroll", unroll)


def is_unrolled(asked: bool | str, groups: Sequence[int], training: Any) -> bool:
    """Return whether a call unrolls its loop.

    Gradients of rolled convolutions are slow under XLA on a CPU, PyTorch compiles
    nothing, and every group of iterations would be a loop of its own.

    Args:
        asked: The argument `unroll`.
        groups: Group of each iteration of the call.
        training: Whether the call trains.
    """
    if asked != "auto":
        return bool(asked)
    long = len(groups) >= ROLLED_FROM and len(set(groups)) == 1
    return bool(training) or not long or keras.backend.backend() == "torch"
