"""SWRN-28-10-2 and its twin, WRN-28-10: what two of the benchmarks run on."""

import dataclasses

from setting import JITS, Asked, Job, Setting

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
        for jit in JITS[backend]
    ]


def swrn(setting: Setting):
    """The zoo's pair. Three iterations in each stage are a depth of 28."""
    from keras_recur import zoo

    return zoo.build(
        setting.network,
        input_shape=(setting.size, setting.size, 3),
        depth=6 * setting.iterations + 10,
        width=setting.width,
        templates=setting.templates,
        seed=0,
    )
