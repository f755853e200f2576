"""Iterations without gradient, and states at which the gradient stops."""

from typing import Any

from keras_recur._validation import check_integer
from keras_recur.layers.sharing.weight_sharing import WeightSharing

# Consecutive iterations of a span have the same gradient; it stops between spans.
Span = tuple[int, bool]


def check_truncation(
    detach_every: Any, gradient_iterations: Any, sharing: WeightSharing
) -> tuple[int | None, int | None]:
    """Return the checked arguments of a loop with this sharing."""
    count = sharing.iterations
    if detach_every is not None:
        hint = "None detaches no state."
        detach_every = check_integer("detach_every", detach_every, 1, hint, count)
    if gradient_iterations is None:
        return detach_every, None
    most, hint = detach_every or count, "None gives all of them gradient."
    kept = check_integer("gradient_iterations", gradient_iterations, 1, hint, most)
    spans = _spans(count, detach_every, kept)
    frozen = {t for t, (_, without) in enumerate(spans) if without}
    # With template banks every iteration has its own coefficients.
    owners = range(count) if sharing.derived else sharing.groups
    trained = {owner for t, owner in enumerate(owners) if t not in frozen}
    if not trained.issuperset(owners):
        raise ValueError(
            "`gradient_iterations` must leave all weights an iteration with gradient. "
            f"Received: gradient_iterations={kept}, detach_every={detach_every} with "
            f"{sharing.description}. Use sharing='all', or `detach_every` alone."
        )
    return detach_every, kept


def spans_of(loop: Any, count: int, training: Any) -> list[Span]:
    """Return the span of every iteration: its number, and whether it has no gradient.

    In inference all iterations are one span with gradient.
    """
    if not training:
        return [(0, False)] * count
    return _spans(count, loop.detach_every, loop.gradient_iterations)


def _spans(count, detach_every, gradient_iterations):
    every = detach_every or count
    kept = gradient_iterations or every
    # Counted from the end, so that the last iterations always have gradient.
    places = (divmod(count - 1 - t, every) for t in range(count))
    return [(number, after >= kept) for number, after in places]
