"""Many short epochs with `training.fit` against Keras's `fit`, on TensorFlow.

Both train one recurrent network on the same data set of arrays, with the same
optimizer, loss and metric, and score validation data after every epoch. Keras's `fit`
waits at the end of an epoch for the thread that tunes its `tf.data` pipeline, unlike
`training.fit`. The two alternate. The first epoch, which compiles, is not timed.

    KERAS_BACKEND=tensorflow python benchmarks/short_epochs.py \\
        --network deep_thinking_1d --width 16 --size 12 --batch 100 --iterations 4 \\
        --jit false --repeats 5

It takes three minutes on one CPU core.
"""

import time

from setting import Asked, Job, Setting, parse_setting
from worker import OPTIONS, at, compare, data

EPOCHS, STEPS = 20, 40


def jobs(backend: str, asked: Asked) -> list[Job]:
    if backend != "tensorflow":
        return []
    quick = asked.quick
    setting = Setting(
        "deep_thinking_1d",
        width=4 if quick else 16,
        size=6 if quick else 12,
        batch=10 if quick else 100,
        iterations=2 if quick else 4,
        jit=False,
        repeats=asked.repeats or (1 if quick else 5),
    )
    return [Job("short_epochs", backend, setting)]


def measure(setting: Setting) -> None:
    at("first runs")
    for run in (by_keras, by_fit):
        run(setting, epochs=2)
    variants = {"keras": by_keras, "keras_recur": by_fit}
    timed = {
        name: lambda run=run: run(setting, EPOCHS) for name, run in variants.items()
    }
    compare("short epochs", setting.repeats, timed)


def by_keras(setting: Setting, epochs: int) -> float:
    from keras_recur.metrics import ExactMatch

    model, recipe, train, validation = prepared(setting, epochs)
    optimizer = recipe.make_optimizer(model)
    model.compile(optimizer, recipe.loss(), metrics=[ExactMatch()])
    clock = after_first_epoch()
    model.fit(
        train,
        validation_data=validation,
        epochs=epochs,
        shuffle=False,
        callbacks=[train.epoch_callback(), clock],
        verbose=0,
    )
    return clock.seconds


def by_fit(setting: Setting, epochs: int) -> float:
    from keras_recur import training

    model, recipe, train, validation = prepared(setting, epochs)
    clock = after_first_epoch()
    training.fit(model, recipe, train, validation, callbacks=[clock], verbose=0)
    return clock.seconds


def prepared(setting: Setting, epochs: int):
    """Return a network, its recipe and its data."""
    import dataclasses

    from keras_recur import training, zoo
    from keras_recur.data import ArrayDataset

    arguments = {"width": setting.width, "iterations": setting.iterations}
    pair = zoo.build(setting.network, seed=0, **arguments, **OPTIONS[setting.network])
    recipe = training.Recipe("adam", 1e-4, epochs=epochs, batch_size=setting.batch)
    rows = setting.batch * STEPS
    x, y = data(dataclasses.replace(setting, batch=rows))
    train = ArrayDataset(x, y, setting.batch, shuffle=True)
    return pair.recurrent, recipe, train, train.take(rows // 4)


def after_first_epoch():
    """Return a callback that times all epochs but the first."""
    import keras

    class Clock(keras.callbacks.Callback):
        seconds = 0.0

        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                self.start = time.perf_counter()

        def on_train_end(self, logs=None):
            self.seconds = time.perf_counter() - self.start

    return Clock()


if __name__ == "__main__":
    measure(parse_setting(__doc__))
