"""A training step of each recurrent network against one of its feed-forward twin.

Every family of the zoo has its default size. Both networks are compiled alike, with
Adam, and their steps alternate. One process measures several families, one after the
other, because its start takes as long as a measurement: `--variant 2/5` measures the
second of five parts of all families, and `--variant mlp` one family.

    KERAS_BACKEND=jax python benchmarks/twins.py --batch 64 --jit true --repeats 15 \\
        --variant 2/5

Each takes a minute or two on a GPU. On a CPU it takes many minutes.
"""

import dataclasses
import functools

from setting import Asked, Job, Setting, jits, parse_setting
from worker import at, compare, compiled, timed_step

WARM_UP = 2
PARTS = 5  # processes that share the families
SIZE = 32  # of inputs without a fixed one
# Iterations of a text network are the length of its input.
TINY = {
    "deep_thinking_1d": {"width": 4, "iterations": 2},
    "frnn_text": {"width": 4, "input_shape": (4,)},
    "mlp": {"width": 4, "iterations": 2},
}


def jobs(backend: str, asked: Asked) -> list[Job]:
    setting = Setting(
        batch=asked.batch or (2 if asked.quick else 64),
        repeats=asked.repeats or (2 if asked.quick else 15),
    )
    variants = [f"{i + 1}/{PARTS}" for i in range(PARTS)]
    return [
        Job("twins", backend, dataclasses.replace(setting, jit=jit, variant=variant))
        for jit in jits(backend, asked.device)
        for variant in (["quick"] if asked.quick else variants)
    ]


def measure(setting: Setting) -> None:
    from keras_recur import zoo

    for name in families(setting.variant):
        at(name)
        sizes = TINY[name] if setting.variant == "quick" else {}
        defaults = zoo.describe(name).defaults | sizes
        pair = zoo.build(name, seed=0, **sizes)
        x, y = noise(pair.recurrent, setting.batch)
        timed = {}
        for twin in ("feedforward", "recurrent"):
            model = compiled(getattr(pair, twin), setting)
            for _ in range(WARM_UP):
                timed_step(model, x, y)
            timed[twin] = functools.partial(timed_step, model, x, y)
        columns = {
            "network": name,
            "width": defaults["width"],
            "size": x.shape[1],
            "iterations": defaults.get("iterations"),
        }
        compare("step of a twin", setting.repeats, timed, **columns)


def families(variant: str) -> list[str]:
    """Return the names of the families that a process measures."""
    from keras_recur import zoo

    if variant == "quick":
        return list(TINY)
    if variant in zoo.list_families():
        return [variant]
    part, _, parts = variant.partition("/")
    return zoo.list_families()[int(part) - 1 :: int(parts)]


def noise(model, batch: int):
    """Return a batch of noise with a class for every answer of the model."""
    import numpy as np

    rng = np.random.default_rng(0)
    sizes = [SIZE if size is None else size for size in model.input_shape[1:]]
    x = rng.normal(size=(batch, *sizes)).astype("float32")
    if model.inputs[0].dtype == "int32":
        x = rng.integers(0, model.output_shape[-1], x.shape).astype("int32")
    *answers, classes = model.compute_output_shape(x.shape)
    return x, rng.integers(0, classes, answers).astype("int32")


if __name__ == "__main__":
    measure(parse_setting(__doc__))
