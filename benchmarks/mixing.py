"""Mixing kernels by one matrix product per bank, against layer by layer.

The kernels of stage 3 of SWRN-28-10 (six of 3x3x640x640) are mixed from 2 or 6
templates, forward and backward. The reference does what the paper's code does: for
every layer, it sums coefficient times template. The script first checks that kernels
and gradients are equal. Both are compiled as in a training step and run in turn. The
target on a CPU is at most a third of the reference's time.

    KERAS_BACKEND=jax python benchmarks/mixing.py --network swrn --width 10 \\
        --iterations 3 --jit true --repeats 15 --templates 2

Each takes 15 to 30 seconds on one CPU core.
"""

import functools
import time

from setting import JITS, Asked, Job, Setting, parse_setting
from worker import at, compare

WARM_UP = 2


def jobs(backend: str, asked: Asked) -> list[Job]:
    return [
        Job(
            "mixing",
            backend,
            Setting(
                "swrn",
                width=asked.width or (1 if asked.quick else 10),
                iterations=1 if asked.quick else 3,
                jit=jit,
                repeats=asked.repeats or (2 if asked.quick else 15),
                templates=templates,
            ),
        )
        for jit in JITS[backend]
        for templates in (2, 6)
    ]


def measure(setting: Setting) -> None:
    import numpy as np
    from keras import ops

    from keras_recur.layers import TemplateBank

    channels, layers = 64 * setting.width, 2 * setting.iterations
    shape = (3, 3, channels, channels)
    bank = TemplateBank(setting.templates, shape, layers, seed=0)
    bank.build()
    rng = np.random.default_rng(0)
    given = [rng.normal(size=shape).astype("float32") for _ in range(layers)]
    given = [ops.convert_to_tensor(gradient) for gradient in given]

    def by_bank(*weights):
        return bank.stateless_call(weights, (), given[0])[0]

    timed, results = {}, []
    for name, mix in (("layer by layer", layer_by_layer), ("bank", by_bank)):
        at(f"first runs of {name}")
        run = with_gradients(mix, setting.jit)
        weights = [ops.convert_to_tensor(v.numpy()) for v in bank.trainable_variables]
        timed[name] = functools.partial(timed_run, run, weights, given)
        for _ in range(WARM_UP):
            timed[name]()
        results.append([ops.convert_to_numpy(x) for x in run(weights, given)])
    for first, second in zip(*results, strict=True):
        # Sums of millions of products differ: compare relative to the largest.
        if np.abs(first - second).max() > 1e-4 * np.abs(first).max():
            raise SystemExit("Both ways must give equal kernels: not comparable.")
    del results
    compare("mixing", setting.repeats, timed)


def layer_by_layer(templates, coefficients):
    """Mix each layer's kernel separately, as the paper's released code does."""
    from keras import ops

    axes = (1,) * (len(templates.shape) - 1)
    return [
        ops.sum(ops.reshape(coefficients[i], (-1, *axes)) * templates, axis=0)
        for i in range(coefficients.shape[0])
    ]


def with_gradients(mix, jit: bool):
    """Return a function from weights and kernel gradients to kernels and gradients."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        @jax.jit
        def run(weights, given):
            kernels, backward = jax.vjp(mix, *weights)
            return [*kernels, *backward(list(given))]

        return run
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        @tf.function(jit_compile=jit)
        def run(weights, given):
            with tf.GradientTape() as tape:
                tape.watch(weights)
                kernels = mix(*weights)
            return [*kernels, *tape.gradient(kernels, weights, given)]

        return run
    import torch

    def run(weights, given):
        weights = [w.detach().requires_grad_() for w in weights]
        kernels = mix(*weights)
        return [*kernels, *torch.autograd.grad(kernels, weights, given)]

    return run


def timed_run(run, weights, given) -> float:
    """Return the seconds of one run, until all results are there."""
    import keras

    start = time.perf_counter()
    results = run(weights, given)
    if keras.backend.backend() == "jax":
        results[0].block_until_ready()
    else:  # A GPU has its own queue; waiting for the last result empties it.
        float(keras.ops.convert_to_numpy(results[-1])[0, 0])
    return time.perf_counter() - start


if __name__ == "__main__":
    measure(parse_setting(__doc__))
