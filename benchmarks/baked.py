"""Inference of SWRN-28-10-2 after `bake`, against the plain WRN-28-10.

A baked network has no template bank, so it should be as fast as the zoo's feed-forward
twin. The script first checks that its outputs equal those of the network with banks.
It then times `predict_on_batch` of both in turn, compiled alike. The target is a ratio
of at most 1.02. The batch is 128 on a GPU and 8 on a CPU, as in `soft_step.py`.

    KERAS_BACKEND=jax python benchmarks/baked.py --network swrn --width 10 \\
        --size 32 --batch 8 --iterations 3 --jit true --repeats 25 --templates 2

Each takes a minute on one CPU core.
"""

import functools

from setting import Asked, Job, Setting, parse_setting
from swrn import swrn, swrn_jobs
from worker import at, compare, data, timed_run

WARM_UP = 2


def jobs(backend: str, asked: Asked) -> list[Job]:
    return swrn_jobs("baked", backend, asked, repeats=25)


def measure(setting: Setting) -> None:
    import numpy as np

    from keras_recur.analysis import bake

    at("building")
    pair = swrn(setting)
    baked = bake(pair.recurrent)
    x, _ = data(setting)
    models = {"wrn": pair.feedforward, "baked": baked, "swrn": pair.recurrent}
    outputs = {}
    for name, model in models.items():
        at(f"first runs of {name}")
        model.compile(jit_compile=setting.jit)
        for _ in range(WARM_UP):
            outputs[name] = model.predict_on_batch(x)
    if not np.allclose(outputs["baked"], outputs["swrn"], rtol=1e-3, atol=1e-4):
        raise SystemExit("Baked, the network has other outputs: not comparable.")
    timed = ("wrn", "baked")
    compare(
        "inference",
        setting.repeats,
        {name: functools.partial(timed_run, models[name], x) for name in timed},
    )


if __name__ == "__main__":
    measure(parse_setting(__doc__))
