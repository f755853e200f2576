"""A training step of SWRN-28-10-2, which mixes its kernels, against WRN-28-10.

Both are compiled alike with the paper's optimizer (Adam would spend more time on WRN's
additional weights than mixing takes). Their steps alternate. The target is a ratio of
the medians of at most 1.05.

The batch is 128 on a GPU, as in the paper, and 8 on a CPU, where a step of 128 takes a
minute. Mixing takes the same time for every batch, so the ratio approaches 1 for larger
batches. `run.py --batch 32` sets another batch, `--width 4` a narrower network.

    KERAS_BACKEND=jax python benchmarks/soft_step.py --network swrn --width 10 \\
        --size 32 --batch 8 --iterations 3 --jit true --repeats 9 --templates 2

Each takes two minutes on one CPU core.
"""

import functools

from setting import Asked, Job, Setting, parse_setting
from swrn import swrn, swrn_jobs
from worker import at, compare, compiled, data, timed_step

WARM_UP = 2


def jobs(backend: str, asked: Asked) -> list[Job]:
    return swrn_jobs("soft_step", backend, asked, repeats=9)


def measure(setting: Setting) -> None:
    import keras

    at("building")
    pair = swrn(setting)
    x, y = data(setting)
    timed = {}
    for name, model in (("wrn", pair.feedforward), ("swrn", pair.recurrent)):
        at(f"first steps of {name}")
        paper = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)
        compiled(model, setting, paper)
        for _ in range(WARM_UP):
            timed_step(model, x, y)
        timed[name] = functools.partial(timed_step, model, x, y)
    compare("training step", setting.repeats, timed)


if __name__ == "__main__":
    measure(parse_setting(__doc__))
