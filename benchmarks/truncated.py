"""(o) Peak memory and time of a training step with truncated gradients.

The loss is that of the last readout. "plain" has the gradient of all iterations,
"detached" has `detach_every=10`, and "frozen" also has `gradient_iterations=5`. Memory
and time are measured as in memory.py.

    KERAS_BACKEND=torch python benchmarks/truncated.py --network deep_thinking_2d \\
        --width 32 --size 24 --batch 8 --iterations 100 --jit false --variant frozen
"""

from memory import measure_step
from setting import Asked, Job, Setting, loop_jits, parse_setting
from worker import at, compiled, warm_up

TRUNCATED = {
    "plain": {},
    "detached": {"detach_every": 10},
    "frozen": {"detach_every": 10, "gradient_iterations": 5},
}


def jobs(backend: str, asked: Asked) -> list[Job]:
    quick = asked.quick
    return [
        Job(
            "truncated",
            backend,
            Setting(
                "deep_thinking_2d",
                width=8 if quick else 32,
                size=12 if quick else 24,
                batch=4 if quick else 8,
                iterations=10 if quick else 100,
                jit=jit,
                variant=variant,
                repeats=asked.repeats or (1 if quick else 3),
            ),
        )
        for jit in loop_jits(backend, asked.device)
        for variant in TRUNCATED
    ]


def measure(setting: Setting) -> None:
    from keras_recur import zoo

    at("warm-up")
    warm_up(setting)
    pair = zoo.build(
        setting.network,
        width=setting.width,
        iterations=setting.iterations,
        seed=0,
        **TRUNCATED[setting.variant],
    )
    measure_step(compiled(pair.recurrent, setting), setting)


if __name__ == "__main__":
    measure(parse_setting(__doc__))
