"""What all measuring processes share: their network and how they report."""

import json
import statistics
import time
from collections.abc import Callable

from setting import Setting

ROW, AT = "@row ", "@at "
OPTIONS = {"deep_thinking_1d": {"injection": "concat"}, "deep_thinking_2d": {}}


def report(what: str, value: float, unit: str, **columns) -> None:
    """Print a row for the CSV. run.py adds the setting and the provenance."""
    row = {"what": what, "value": value, "unit": unit, **columns}
    print(ROW + json.dumps(row), flush=True)


def at(text: str) -> None:
    """Print the progress of this process for the display."""
    print(AT + text, flush=True)


def compare(
    what: str, repeats: int, timed: dict[str, Callable[[], float]], **columns
) -> float:
    """Time two variants in turn and report the ratio of the second to the first.

    Args:
        what: Name of the measurement.
        repeats: Number of pairs.
        timed: Functions by variant, the reference first. Each runs once and returns
            its seconds.
        **columns: Columns of the rows that differ from the setting.

    Returns:
        The ratio of the medians.
    """
    pairs = []
    for pair in range(repeats):
        at(f"pair {pair + 1} of {repeats}")
        pairs.append([run() for run in timed.values()])
    reference, variant = timed
    first, second = (statistics.median(times) for times in zip(*pairs, strict=True))
    each = statistics.median(second / first for first, second in pairs)
    report(what, first, "s", variant=reference, **columns)
    report(what, second, "s", variant=variant, ratio_to=reference, **columns)
    report(f"{what}, pair by pair", each, "ratio", variant=variant, **columns)
    return second / first


def data(setting: Setting):
    """Return a batch of noise with a class for every position or image."""
    import numpy as np

    rng = np.random.default_rng(0)
    shape = (setting.batch, setting.size, setting.size, 3)
    if setting.network.endswith("1d"):
        shape = (setting.batch, setting.size, 1)
    x = rng.normal(size=shape).astype("float32")
    positions = shape[:1] if setting.network in ("swrn", "frnn") else shape[:-1]
    return x, rng.integers(0, 2, size=positions).astype("int32")


def recurrent(setting: Setting, **loop):
    """Build the zoo's recurrent network."""
    from keras_recur import inference, zoo

    pair = zoo.build(
        setting.network,
        width=setting.width,
        iterations=1,
        seed=0,
        **OPTIONS[setting.network],
        **loop,
    )
    return inference.with_iterations(pair.recurrent, setting.iterations)


def compiled(model, setting: Setting, optimizer=None, loss=None):
    """Compile a model as all benchmarks do."""
    import keras

    model.compile(
        optimizer or keras.optimizers.Adam(1e-4),
        loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=bool(setting.jit),
    )
    return model


def timed_step(model, x, y) -> float:
    """Return the seconds of one training step, until its loss is a number."""
    start = time.perf_counter()
    float(model.train_on_batch(x, y))
    return time.perf_counter() - start


def timed_run(model, x) -> float:
    """Return the seconds of one batch, until its outputs are a NumPy array."""
    start = time.perf_counter()
    model.predict_on_batch(x)
    return time.perf_counter() - start


def warm_up(setting: Setting) -> None:
    """Train a tiny network, so that the backend's start is not measured."""
    import dataclasses

    tiny = {"width": 4, "size": 8, "batch": 2, "iterations": 1}
    setting = dataclasses.replace(setting, **tiny)
    timed_step(compiled(recurrent(setting), setting), *data(setting))
