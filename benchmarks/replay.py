"""A training step with state replay against the same one without.

Both score the last three iterations of one recurrent network. A step includes taking
its batch from the data. The target is a ratio of at most 1.03.

    KERAS_BACKEND=jax python benchmarks/replay.py --network deep_thinking_1d \\
        --width 32 --size 16 --batch 100 --iterations 12 --jit true --repeats 30

Each takes 20 to 60 seconds on one CPU core.
"""

import functools
import itertools
import time

from setting import Asked, Job, Setting, network_jobs, parse_setting
from worker import at, compare, compiled, data

WINDOW, WARM_UP = 3, 3
NETWORKS = (
    Setting("deep_thinking_1d", width=32, size=16, batch=100, iterations=12),
    Setting("deep_thinking_2d", width=32, size=24, batch=16, iterations=12),
)
ON_GPU = (
    Setting("deep_thinking_1d", width=400, size=32, batch=500, iterations=12),
    Setting("deep_thinking_2d", width=128, size=24, batch=50, iterations=12),
)
TINY = (Setting("deep_thinking_1d", width=4, size=8, batch=2, iterations=3),)


def jobs(backend: str, asked: Asked) -> list[Job]:
    return loss_jobs("replay", backend, asked)


def loss_jobs(part: str, backend: str, asked: Asked) -> list[Job]:
    """Return a job for each network whose step has another loss or another start."""
    return network_jobs(part, backend, asked, NETWORKS, ON_GPU, TINY)


def measure(setting: Setting) -> None:
    from keras_recur import losses, training, zoo

    model = zoo.build(
        setting.network,
        width=setting.width,
        iterations=setting.iterations,
        injection="concat",
        update="leaky",
        seed=0,
    ).recurrent
    batch = data(setting)
    replaying = training.with_state_replay(
        model, setting.batch, WINDOW, input_shapes=[batch[0].shape[1:]]
    )
    batches = repeated(batch, 100)
    replayed = training.ReplayedData(batches, first_step=0)
    timed = {}
    for name, network, given in (
        ("without", windowed(model), batches),
        ("with replay", replaying, replayed),
    ):
        at(f"first steps, {name}")
        compiled(network, setting, loss=losses.IterationLoss("uniform"))
        step = functools.partial(timed_step, network, given, itertools.count())
        for _ in range(WARM_UP):
            step()
        timed[name] = step
    compare("replay step", setting.repeats, timed)


def repeated(batch, count: int):
    """Return data with the same batch several times."""
    import keras

    class Repeated(keras.utils.PyDataset):
        def __len__(self):
            return count

        def __getitem__(self, index):
            return batch

    return Repeated()


def windowed(model):
    """Return the model on the same layers that reads out the last iterations."""
    import keras

    from keras_recur.layers import Readout, SharedRecurrentBlock

    def call(layer, *args, **kwargs):
        if isinstance(layer, Readout):
            return layer(*args, **kwargs | {"readout": "all"})
        if isinstance(layer, SharedRecurrentBlock):
            states = layer(*args, **kwargs | {"return_sequences": True})
            return states[:, -WINDOW:]
        return layer(*args, **kwargs)

    return keras.models.clone_model(
        model, clone_function=lambda layer: layer, call_function=call
    )


def timed_step(model, batches, count) -> float:
    """Return the seconds of taking a batch and of a training step on it."""
    start = time.perf_counter()
    x, y = batches[next(count) % len(batches)]
    float(model.train_on_batch(x, y))
    return time.perf_counter() - start


if __name__ == "__main__":
    measure(parse_setting(__doc__))
