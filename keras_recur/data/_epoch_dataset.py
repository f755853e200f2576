"""Data sets whose batches depend on the epoch."""

import keras


class EpochDataset(keras.utils.PyDataset):
    """A `PyDataset` with an `epoch` that can be set."""

    epoch: int

    def epoch_callback(self) -> keras.callbacks.Callback:
        """Return a callback that keeps `epoch` equal to the epoch of `fit`."""

        def follow(epoch: int, logs: dict | None = None) -> None:
            del logs
            self.epoch = epoch

        return keras.callbacks.LambdaCallback(on_epoch_begin=follow)
