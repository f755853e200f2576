"""Peak memory and time of a training step with truncated gradients.

The loss is that of the last readout. "plain" has the gradient of all iterations,
"detached" has `detach_every=10`, and "frozen" also has `gradient_iterations=5`. Memory
and time are measured as in memory.py.

    KERAS_BACKEND=torch python benchmarks/truncated.py --network deep_thinking_2d \\
        --width 32 --size 24 --batch 8 --iterations 100 --jit false --variant frozen
"""

from memory import measure_step, step_jobs
from setting import Asked, Job, Setting, parse_setting
from worker import at, compiled, warm_up

TRUNCATED = {
    "plain": {},
    "detached": {"detach_every": 10},
    "frozen": {"detach_every": 10, "gradient_iterations": 5},
}


def jobs(backend: str, asked: Asked) -> list[Job]:
    numbers = [10 if asked.quick else 100]
    return step_jobs("truncated", backend, asked, numbers, TRUNCATED)


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
