"""Settings that a recipe changes per epoch: learning rate and annealed loss."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_recur.training.recipe import Recipe


class RecipeSchedule(keras.callbacks.Callback):
    """Set the learning rate and the weights of annealed readouts for each epoch.

    `states` are the stored states of a run with state replay.
    """

    def __init__(
        self,
        recipe: Recipe,
        share: keras.Variable | None = None,
        states: Sequence[keras.Variable] = (),
    ):
        super().__init__()
        self.recipe, self.share, self.states = recipe, share, list(states)
        # A rate set by another callback scales all later rates of the recipe.
        self.factor = 1.0
        self._planned: float | None = None

    @property
    def rate(self) -> float:
        """Learning rate of the optimizer, without the rounding of its variable."""
        found = self._read()
        return self._given if found == self._stored else found

    def follow(self) -> float:
        """Update the factor from the optimizer's rate and return it."""
        if self._planned and self._read() != self._stored:
            self.factor = self._read() / self._planned
        return self.factor

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.follow()
        self._planned = self.recipe.learning_rate_at(epoch)
        self._given = self._planned * self.factor
        self._optimizer().learning_rate = self._given
        self._stored = self._read()  # The variable rounds the rate.
        if self.share is not None:
            self.share.assign(self.recipe.annealed_at(epoch))

    def _read(self):
        return float(keras.ops.convert_to_numpy(self._optimizer().learning_rate))

    def _optimizer(self) -> Any:
        return self.model.optimizer  # type: ignore[union-attr]
