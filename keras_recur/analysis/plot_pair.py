"""Plot a pair of twins with their iterations and shared weights."""

from pathlib import Path
from typing import Any

from keras_recur._plot_style import save
from keras_recur._validation import check_integer, check_type
from keras_recur.analysis._pair_boxes import parts_of
from keras_recur.analysis._pair_drawing import draw_columns
from keras_recur.zoo import Pair


def plot_pair(pair: Pair, max_boxes: int = 6, path: str | Path | None = None) -> Any:
    """Plot a recurrent network and its feed-forward twin side by side.

    Each network is a column of boxes from the input to the readout. A box shows the
    layers, the output shape, and the trainable parameters that it adds. Iterations with
    the same weights have the same color and are joined by an arrow. For kernels mixed
    from a template bank, a bar shows the share of each template. State graphs are
    unrolled step by step.

    Args:
        pair: A `Pair`.
        max_boxes: Maximum number of boxes per loop, at least 3. One box shows the
            remaining iterations. State graphs show the first `2 * max_boxes` steps.
            Defaults to `6`.
        path: PNG file to write. Defaults to `None`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `max_boxes` is below 3.

    Reference:
        [Schwarzschild et al. 2022](https://arxiv.org/abs/2102.11011), Figure 1.
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), Figure 1.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> figure = keras_recur.analysis.plot_pair(pair)
    >>> figure.savefig("pair.png")
    """
    check_type("pair", pair, Pair, "a Pair, as zoo.build returns it")
    check_integer("max_boxes", max_boxes, 3)
    columns = {
        "recurrent": parts_of(pair.recurrent, max_boxes),
        "feedforward": parts_of(pair.feedforward, max_boxes),
    }
    figure = draw_columns(pair.name, columns, steps=2 * max_boxes)
    return save(figure, path)
