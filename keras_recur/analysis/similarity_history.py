"""Record the similarity of layers during training."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_recur._plot_style import COLORS, new_figure, save
from keras_recur._validation import check_one_of, check_positive_int
from keras_recur.analysis._banks import require_banks
from keras_recur.analysis.layer_similarity import heat_map, layer_similarity


class SimilarityHistory(keras.callbacks.Callback):
    """Record the layer similarity matrices of a model during training.

    Args:
        every: Number of epochs between records. The similarities before training and
            after the last epoch are always recorded. Defaults to `1`.
        space: `"coefficients"` (default, as in the paper) or `"kernels"`.

    Attributes:
        epochs: Number of finished epochs at each record; 0 is before training. If `fit`
            is called again and starts from 0, counting continues.
        matrices: Dictionary from names of banks to lists with one matrix
            `(layers, layers)` per record.

    Raises:
        ValueError: If an argument has an invalid value or, when training begins, if the
            model has no bank.

    Reference:
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701).

    Example:

    >>> model = keras_recur.zoo.build("mlp", width=4, templates=2).recurrent
    >>> model.compile("sgd", keras_recur.losses.IterationLoss())
    >>> history = keras_recur.callbacks.SimilarityHistory()
    >>> x, y = np.zeros((8, 32, 32, 3)), np.zeros(8)
    >>> fitted = model.fit(x, y, epochs=2, verbose=0, callbacks=[history])
    >>> history.epochs
    [0, 1, 2]
    >>> figure = history.plot()
    """

    def __init__(self, every: int = 1, space: str = "coefficients"):
        super().__init__()
        self.every = check_positive_int("every", every)
        self.space = check_one_of("space", space, ("coefficients", "kernels"))
        self.epochs: list[int] = []
        self.matrices: dict[str, list[np.ndarray]] = {}

    def on_train_begin(self, logs=None):
        require_banks(self.model)
        self._latest = self._before = None

    def on_epoch_begin(self, epoch, logs=None):
        if self._latest is None:
            self._before = max(self.epochs[-1] - epoch, 0) if self.epochs else 0
            self._latest = epoch + self._before
            self._record(self._latest)

    def on_epoch_end(self, epoch, logs=None):
        self._latest = epoch + 1 + self._before
        if self._latest % self.every == 0:
            self._record(self._latest)

    def on_train_end(self, logs=None):
        if self._latest is not None:
            self._record(self._latest)

    def _record(self, epoch):
        if epoch in self.epochs:
            return
        for name, similarity in layer_similarity(self.model).items():
            matrix = getattr(similarity, self.space)
            self.matrices.setdefault(name, []).append(matrix)
        self.epochs.append(epoch)

    def plot(self, path: str | Path | None = None, columns: int = 5) -> Any:
        """Plot heat maps of each bank, and its mean similarity over the epochs.

        Args:
            path: PNG file to write. Defaults to `None`.
            columns: Number of heat maps per bank, from the first record to the last.
                Defaults to `5`.

        Returns:
            A `matplotlib.figure.Figure`.

        Raises:
            ValueError: If nothing was recorded.
        """
        check_positive_int("columns", columns)
        if not self.epochs:
            raise ValueError(
                "Nothing was recorded. Pass this callback to `model.fit` first."
            )
        last = len(self.epochs) - 1
        shown = sorted({round(i) for i in np.linspace(0, last, min(columns, last + 1))})
        rows, wide = len(self.matrices), len(shown) + 1
        size = (2.1 * wide + 1.4, 2.3 * rows + 0.3)
        figure, every = new_figure(wide, rows, size, grid=False)
        panels = np.reshape(every, (rows, wide))
        for row, (name, matrices) in zip(panels, self.matrices.items(), strict=True):
            for axes, record in zip(row, shown, strict=False):
                image = heat_map(axes, matrices[record])
                axes.set_title(f"epoch {self.epochs[record]}", fontsize=9)
            row[0].set_ylabel(name, fontsize=8)
            axes = row[-1]
            apart = ~np.eye(len(matrices[0]), dtype=bool)
            means = [m[apart].mean() if apart.any() else 1.0 for m in matrices]
            axes.plot(self.epochs, means, color=COLORS[0])
            axes.set_ylim(0, 1.02)
            axes.set_title("mean of all pairs", fontsize=9)
            axes.tick_params(labelsize=7)
            axes.set_xlabel("epoch", fontsize=8)
        label = f"similarity of {self.space}"
        figure.colorbar(image, ax=panels[:, :-1], label=label, shrink=0.8)
        return save(figure, path)
