"""SWRN-28-10-2 and its twin, WRN-28-10, which two of the benchmarks use."""

import dataclasses

from setting import Asked, Job, Setting, jits

BATCH = {"cpu": 8, "gpu": 128}


def swrn_jobs(part: str, backend: str, asked: Asked, repeats: int) -> list[Job]:
    quick = asked.quick
    setting = Setting(
        "swrn",
        width=asked.width or (1 if quick else 10),
        size=8 if quick else 32,
        batch=asked.batch or (2 if quick else BATCH[asked.device]),
        iterations=1 if quick else 3,
        repeats=asked.repeats or (2 if quick else repeats),
        templates=2,
    )
    return [
        Job(part, backend, dataclasses.replace(setting, jit=jit))
        for jit in jits(backend, asked.device)
    ]


def swrn_depth(iterations: int) -> int:
    """Return the depth in a network's name: 28 for 3 iterations per stage."""
    return 6 * iterations + 10


def swrn(setting: Setting):
    """Build the zoo's pair of SWRN and WRN."""
    from keras_recur import zoo

    return zoo.build(
        setting.network,
        input_shape=(setting.size, setting.size, 3),
        depth=swrn_depth(setting.iterations),
        width=setting.width,
        templates=setting.templates,
        seed=0,
    )
