"""A training step with the progressive loss against the same one without.

The progressive loss of Bansal et al. 2022 adds a run from a random iteration for a
random number of iterations to the full run (alpha is 0.5, so both are scored). A step
includes taking its batch from the data.

    KERAS_BACKEND=jax python benchmarks/progressive.py --network deep_thinking_1d \\
        --width 32 --size 16 --batch 100 --iterations 12 --jit true --repeats 30

Each takes 20 to 60 seconds on one CPU core.
"""

import contextlib
import functools
import itertools

from replay import WARM_UP, loss_jobs, repeated, timed_step
from setting import Asked, Job, Setting, parse_setting
from worker import at, compare, compiled, data

ALPHA = 0.5


def jobs(backend: str, asked: Asked) -> list[Job]:
    return loss_jobs("progressive", backend, asked)


def measure(setting: Setting) -> None:
    from keras_recur import losses, zoo
    from keras_recur.training._progressive import progressive_steps

    batches = repeated(data(setting), 100)
    timed = {}
    with contextlib.ExitStack() as hooks:
        for name in ("plain", "progressive"):
            at(f"first steps, {name}")
            model = zoo.build(
                setting.network,
                width=setting.width,
                iterations=setting.iterations,
                injection="concat",
                seed=0,
            ).recurrent
            compiled(model, setting, loss=losses.IterationLoss("final"))
            if name == "progressive":
                hooks.enter_context(progressive_steps(model, ALPHA, "paper"))
            step = functools.partial(timed_step, model, batches, itertools.count())
            for _ in range(WARM_UP):
                step()
            timed[name] = step
        compare("progressive step", setting.repeats, timed)


if __name__ == "__main__":
    measure(parse_setting(__doc__))
