"""A pair of twins as a picture: what is iterated, and whose weights it has.

References: Schwarzschild et al. 2022, "The Uncanny Similarity of Recurrence and Depth"
(arXiv:2102.11011), Figure 1, draws both twins side by side; Savarese and Maire 2019
(arXiv:1902.09701), Figure 1, layers that mix the templates of a bank.
"""

from pathlib import Path
from typing import Any

from keras_recur._plot_style import save
from keras_recur._validation import check_integer, check_type
from keras_recur.analysis._pair_boxes import parts_of
from keras_recur.analysis._pair_drawing import draw_columns
from keras_recur.zoo import Pair


def plot_pair(pair: Pair, path: str | Path | None = None, shown: int = 6) -> Any:
    """Draws a recurrent network and its feed-forward twin, side by side.

    Each network is a column of boxes, from the input to the readout, with the layers
    and the output shape of every part and the trainable parameters that it adds.
    Iterations with the same weights have one colour and are joined by an arrow that
    leads back; every copy of the twin has a colour of its own. Where kernels are mixed
    from a template bank, a bar shows how large a share each template has in them.
    State graphs are unrolled step by step.

    Args:
        pair: A `Pair`.
        path: PNG file to write. Default: none.
        shown: How many boxes a loop has at most; iterations in between are drawn as
            one. Of state graphs, the first `2 * shown` steps are drawn. Integer of 3
            or more. Default 6.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: for a `shown` below 3.

    Reference:
        [Schwarzschild et al. 2022](https://arxiv.org/abs/2102.11011), Figure 1.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> figure = keras_recur.analysis.plot_pair(pair)
    >>> figure.savefig("pair.png")
    """
    check_type("pair", pair, Pair, "a Pair, as zoo.build returns it")
    check_integer("shown", shown, 3)
    columns = {
        "recurrent": parts_of(pair.recurrent, shown),
        "feedforward": parts_of(pair.feedforward, shown),
    }
    figure = draw_columns(pair.name, columns, steps=2 * shown)
    return save(figure, path)
