"""The first training step (trace, compile, run) at 10, 30 and 100 iterations.

Unrolled and rolled (`unroll=False`), each on a new model in its own process, which has
trained a tiny network first. The median of the later steps is a row too, because a loop
that compiles fast may run slowly: on JAX on a CPU, the gradient of a convolution in a
rolled loop is 20 to 45 times slower. The network is small, so compiling takes most of
the time. PyTorch compiles nothing and runs both as the same Python loop.

With XLA on a CPU, it also runs without two of XLA's passes ("unfused", see setting.py).

    KERAS_BACKEND=jax python benchmarks/compile_time.py --network deep_thinking_2d \\
        --width 16 --size 16 --batch 4 --iterations 100 --jit true --variant rolled

Each takes ten seconds on 2 CPU cores; unrolled with XLA, up to three minutes.
"""

import statistics
import time

from setting import Asked, Job, Setting, loop_jits, parse_setting
from worker import at, compiled, data, recurrent, report, timed_step, warm_up

BUDGET = 20.0  # seconds for the steps after the first


def jobs(backend: str, asked: Asked) -> list[Job]:
    quick = asked.quick
    return [
        Job(
            "compile",
            backend,
            Setting(
                "deep_thinking_2d",
                width=4 if quick else 16,
                size=8 if quick else 16,
                batch=2 if quick else 4,
                iterations=iterations,
                jit=jit,
                variant=variant,
                repeats=asked.repeats or (2 if quick else 10),
            ),
        )
        for jit in loop_jits(backend, asked.device)
        for iterations in ((2, 4) if quick else (10, 30, 100))
        for variant in ("unrolled", "rolled")
    ]


def measure(setting: Setting) -> None:
    at("warm-up")
    warm_up(setting)
    rolled = setting.variant == "rolled"
    model = compiled(recurrent(setting, unroll=not rolled), setting)
    x, y = data(setting)
    against = {"ratio_to": "unrolled"} if rolled else {}
    at("first step")
    report("first step", timed_step(model, x, y), "s", repeats=1, **against)
    at("later steps")
    timed_step(model, x, y)
    steps, start = [], time.perf_counter()
    while len(steps) < setting.repeats and time.perf_counter() - start < BUDGET:
        steps.append(timed_step(model, x, y))
    later = statistics.median(steps)
    report("later step", later, "s", repeats=len(steps), **against)


if __name__ == "__main__":
    measure(parse_setting(__doc__))
