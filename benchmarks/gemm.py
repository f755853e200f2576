"""Share of the device's peak that training steps in bfloat16 reach.

The peak is that of a large bfloat16 matrix product by the backend's own operation,
measured here: the median of several runs of ten products. A training step of
SWRN-28-10 or of `resnet_bn` at width 512 runs under `mixed_bfloat16`. Its operations
are 6 times the MACs of `zoo.costs`: two for each, and three times as many as a forward
pass. The share is operations over time over peak.

    KERAS_BACKEND=jax python benchmarks/gemm.py --network swrn --width 10 --size 32 \\
        --batch 128 --iterations 3 --jit true --repeats 15 --templates 2

Each takes half a minute on a GPU. On a CPU it takes many minutes.
"""

import statistics
import time

from setting import Asked, Job, Setting, jits, parse_setting
from swrn import swrn, swrn_jobs
from twins import noise
from worker import at, compiled, report, timed_step

DTYPE = "mixed_bfloat16"
SIDE, TINY_SIDE = 8192, 64
PRODUCTS, RUNS, WARM_UP = 10, 9, 3


def jobs(backend: str, asked: Asked) -> list[Job]:
    quick = asked.quick
    found = swrn_jobs("gemm", backend, asked, repeats=15)
    found += [
        Job(
            "gemm",
            backend,
            Setting(
                "resnet_bn",
                width=4 if quick else 512,
                size=8 if quick else 32,
                batch=2 if quick else 128,
                iterations=1 if quick else 4,
                jit=jit,
                repeats=asked.repeats or (2 if quick else 15),
            ),
        )
        for jit in jits(backend, asked.device)
    ]
    return found


def measure(setting: Setting) -> None:
    import keras

    from keras_recur import zoo

    side = TINY_SIDE if setting.size < 32 else SIDE
    at("matrix products")
    peak = product_speed(side)
    shown = {"dtype": DTYPE}
    report("matrix product", peak / 1e12, "TFLOP/s", repeats=RUNS, **shown)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(DTYPE)
    try:
        model = network(setting)
    finally:
        keras.config.set_dtype_policy(before)
    flops = 6 * zoo.costs(model).macs * setting.batch
    compiled(model, setting, keras.optimizers.SGD(1e-3, momentum=0.9))
    x, y = noise(model, setting.batch)
    at("first steps")
    for _ in range(WARM_UP):
        timed_step(model, x, y)
    at("steps")
    times = [timed_step(model, x, y) for _ in range(setting.repeats)]
    step = statistics.median(times)
    report("bfloat16 step", step, "s", **shown)
    report("share of the matrix product", flops / step / peak, "share", **shown)


def product_speed(side: int) -> float:
    """Return the operations per second of a matrix product of this side."""
    import numpy as np
    from keras import ops

    rng = np.random.default_rng(0)
    factors = rng.normal(size=(2, side, side)).astype("float32")
    first, second = (ops.cast(factor, "bfloat16") for factor in factors)

    def run():
        start = time.perf_counter()
        for _ in range(PRODUCTS):
            product = ops.matmul(first, second)
        # A device computes in order, so the last product ends last.
        float(ops.cast(product[0, 0], "float32"))
        return time.perf_counter() - start

    for _ in range(WARM_UP):
        run()
    seconds = statistics.median(run() for _ in range(RUNS))
    return PRODUCTS * 2 * side**3 / seconds


def network(setting: Setting):
    from keras_recur import zoo

    if setting.network == "swrn":
        return swrn(setting).recurrent
    return zoo.build(
        setting.network,
        input_shape=(setting.size, setting.size, 3),
        width=setting.width,
        iterations=setting.iterations,
        seed=0,
    ).recurrent


if __name__ == "__main__":
    measure(parse_setting(__doc__))
