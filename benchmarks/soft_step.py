"""(g) A training step of SWRN-28-10-2, which mixes its kernels, against WRN-28-10.

The zoo's pair, compiled alike with the optimizer of the paper (Adam would take longer
over the weights that only WRN has than mixing takes). Their steps alternate. The ratio
of the medians should be at most 1.05.

On a GPU the batch is 128, as in the paper. On a CPU a step of 128 takes a minute, and
it is 8: mixing takes the same time whatever the batch, and everything else grows with
it, so that with a larger batch the ratio comes nearer to 1. `run.py --batch 32` takes
another batch, `--width 4` a narrower network.

    KERAS_BACKEND=jax python benchmarks/soft_step.py --network swrn --width 10 \\
        --size 32 --batch 8 --iterations 3 --jit true --repeats 9 --templates 2

Two minutes each on one CPU core.
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
