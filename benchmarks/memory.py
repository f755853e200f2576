"""Peak memory of a training step at 10, 30, 100 iterations, with and without remat.

Each runs in its own process, which has trained a tiny network first. The memory in use
before the first step is subtracted from every peak.

On a CPU it is the resident memory of the process. "Peak memory" is that of the third
step, after compiling has ended and freed its memory (Linux only); "with compiling" is
that of the first step. On a GPU it is what the backend's allocator reports; JAX cannot
reset that count, so its peak is over all steps. The times of the first step, which
compiles, and of later ones are rows too, because remat trades time for memory. On a GPU
the network is as wide as in the paper, and a rolled loop (`unroll=False`) runs too.

With XLA on a CPU, it also runs without two of XLA's passes ("unfused", see setting.py):
with them, a step of 100 iterations takes a minute and remat saves nothing.

    KERAS_BACKEND=torch python benchmarks/memory.py --network deep_thinking_2d \\
        --width 32 --size 24 --batch 8 --iterations 30 --jit false --variant remat

Each takes 15 seconds on 2 CPU cores; with XLA, up to ten minutes.
"""

import statistics
from collections.abc import Iterable, Sequence

from memory_meter import memory_meter
from setting import Asked, Job, Setting, loop_jits, parse_setting
from worker import at, compiled, data, recurrent, report, timed_step, warm_up

MIB = 2**20


def jobs(backend: str, asked: Asked) -> list[Job]:
    gpu = asked.device == "gpu"
    numbers = (2, 4)[gpu:] if asked.quick else (10, 30, 100)
    variants = ("plain", "remat", "rolled") if gpu else ("plain", "remat")
    return step_jobs("memory", backend, asked, numbers, variants)


def step_jobs(
    part: str,
    backend: str,
    asked: Asked,
    iterations: Sequence[int],
    variants: Iterable[str],
) -> list[Job]:
    """Return a job for each number of iterations and variant of a training step."""
    quick, gpu = asked.quick, asked.device == "gpu"
    width, batch = (128, 50) if gpu else (32, 8)
    return [
        Job(
            part,
            backend,
            Setting(
                "deep_thinking_2d",
                width=8 if quick else width,
                size=12 if quick else 24,
                batch=4 if quick else batch,
                iterations=number,
                jit=jit,
                variant=variant,
                repeats=asked.repeats or (1 if quick else 3),
            ),
        )
        for jit in loop_jits(backend, asked.device)
        for number in iterations
        for variant in variants
    ]


def measure(setting: Setting) -> None:
    at("warm-up")
    warm_up(setting)
    loop = {"remat": {"remat": True}, "rolled": {"unroll": False}}
    model = recurrent(setting, **loop.get(setting.variant, {}))
    measure_step(compiled(model, setting), setting)


def measure_step(model, setting: Setting) -> None:
    """Report the peak memory and the time of the training steps of a new model."""
    x, y = data(setting)
    against = {"repeats": 1}
    if setting.variant != "plain":
        against["ratio_to"] = "plain"
    meter = memory_meter()
    meter.restart()
    before = meter.in_use()
    at("first step")
    report("first step", timed_step(model, x, y), "s", **against)
    first = (meter.peak() - before) / MIB
    report("peak memory with compiling", first, "MiB", **against)
    at("later steps")
    timed_step(model, x, y)
    if meter.restart():
        timed_step(model, x, y)
        later = (meter.peak() - before) / MIB
        report("peak memory", later, "MiB", **against)
    steps = [timed_step(model, x, y) for _ in range(setting.repeats)]
    against["repeats"] = setting.repeats
    report("step time", statistics.median(steps), "s", **against)


if __name__ == "__main__":
    measure(parse_setting(__doc__))
