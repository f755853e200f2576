"""A training step of many unrolled iterations with boundaries against without.

On a CPU, a boundary between iterations keeps XLA from fusing across them. Both networks
are equal and run in one process, and their steps alternate. The rows are the time of
the first step, which compiles, and the medians and ratios of later steps.

    KERAS_BACKEND=jax python benchmarks/boundaries.py --network deep_thinking_2d \\
        --width 16 --size 16 --batch 8 --iterations 20 --jit true --repeats 15
"""

import contextlib

from setting import Asked, Job, Setting, parse_setting
from worker import at, compare, compiled, data, recurrent, report, timed_step

WARM_UP = 3


def jobs(backend: str, asked: Asked) -> list[Job]:
    if backend == "torch" or asked.device != "cpu":
        return []
    quick = asked.quick
    return [
        Job(
            "boundaries",
            backend,
            Setting(
                "deep_thinking_2d",
                width=4 if quick else 16,
                size=8 if quick else 16,
                batch=2 if quick else 8,
                iterations=number,
                jit=True,
                repeats=asked.repeats or (1 if quick else 15),
            ),
        )
        for number in ((2,) if quick else (5, 10, 20, 40))
    ]


def measure(setting: Setting) -> None:
    from keras_recur.layers._boundary import no_boundaries

    x, y = data(setting)
    timed = {}
    for variant, scope in (
        ("without", no_boundaries),
        ("boundaries", contextlib.nullcontext),
    ):
        at(f"first steps, {variant}")
        model = compiled(recurrent(setting), setting)
        with scope():
            first = timed_step(model, x, y)
            for _ in range(WARM_UP):
                timed_step(model, x, y)
        report("first step", first, "s", variant=variant, repeats=1)
        timed[variant] = lambda model=model: timed_step(model, x, y)
    compare("step", setting.repeats, timed)


if __name__ == "__main__":
    measure(parse_setting(__doc__))
