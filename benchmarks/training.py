"""One real training on mazes of size 9, as published, for four minutes.

`deep_thinking_2d` has width 128. "plain" follows the recipe of Schwarzschild et al.
2022 with 6 iterations, "recall" that of Bansal et al. 2022 with 30 iterations, recall
and the progressive loss. `training.fit` runs as many epochs of the 50,000 mazes as fit
in four minutes, at least one. The rows are the number of epochs, the seconds of an
epoch (median without the first one, which compiles), the examples per second, and the
share of 10,000 test mazes that the network solves.

    KERAS_BACKEND=jax python benchmarks/training.py --network deep_thinking_2d \\
        --width 128 --size 9 --batch 50 --iterations 6 --jit true --variant plain

On a CPU an epoch takes more than an hour.
"""

import statistics
import time

from setting import Asked, Job, Setting, jits, parse_setting
from worker import at, report

SECONDS = 240.0
ITERATIONS = {"plain": 6, "recall": 30}


def jobs(backend: str, asked: Asked) -> list[Job]:
    quick = asked.quick
    return [
        Job(
            "training",
            backend,
            Setting(
                "deep_thinking_2d",
                width=4 if quick else 128,
                size=5 if quick else 9,
                batch=50,
                iterations=2 if quick else iterations,
                jit=jit,
                variant=variant,
            ),
        )
        for jit in jits(backend, asked.device)
        for variant, iterations in ITERATIONS.items()
    ]


def measure(setting: Setting) -> None:
    import dataclasses

    import keras

    from keras_recur import data, recipes, training, zoo

    quick = setting.size < 9
    injection = "concat" if setting.variant == "recall" else None
    network = {"iterations": setting.iterations, "injection": injection}
    recipe = recipes.paper_recipe(
        setting.network, "mazes", size=setting.size, **network
    )
    if quick:
        recipe = dataclasses.replace(recipe, epochs=2)
    at("mazes")
    sizes = {"size": setting.size, "batch_size": setting.batch}
    train, test = (
        data.load("mazes", split, num_examples=100 if quick else None, **sizes)
        for split in ("train", "test")
    )
    model = zoo.build(setting.network, width=setting.width, seed=0, **network).recurrent

    class Watch(keras.callbacks.Callback):
        """Stop when no other epoch fits."""

        def on_train_begin(self, logs=None):
            self.start = self.last = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            now = time.perf_counter()
            at(f"{epoch + 1} epochs, loss {(logs or {}).get('loss', 0.0):.3g}")
            if 2 * now - self.last - self.start > SECONDS:
                self.model.stop_training = True
            self.last = now

    history = training.fit(model, recipe, train, callbacks=[Watch()], verbose=0)
    epochs = history["seconds"]
    seconds = statistics.median(epochs[1:] or epochs)
    report("epochs", len(epochs), "", repeats=1)
    report("epoch", seconds, "s", repeats=len(epochs[1:] or epochs))
    report("examples", len(train) * setting.batch / seconds, "per second", repeats=1)
    at("test mazes")
    found = model.evaluate(test, verbose=0, return_dict=True)
    report("solved mazes", float(found["accuracy"]), "share", repeats=1)


if __name__ == "__main__":
    measure(parse_setting(__doc__))
