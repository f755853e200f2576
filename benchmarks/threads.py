"""Two trainings at once with one thread each against one after the other with two.

`--jobs` trains networks of up to a million parameters in one process per core, each
with one thread, and larger ones in one process with all threads. This measures both
ways for a small and for large blocks, on CPUs. Three processes stay ready: one with two
threads, two with one thread. In turn, the first trains twice for some steps, and the
other two train once at the same time. A ratio below 1 means that the two processes
take less time for the same work.

    KERAS_BACKEND=torch python benchmarks/threads.py --network deep_thinking_1d \\
        --width 48 --size 16 --batch 100 --iterations 8 \\
        --jit false --repeats 7

Each takes a minute on 2 CPU cores. The ratio is exact only if no other program runs.
"""

import os
import subprocess
import sys
import time

from setting import JITS, Asked, Job, Setting, parse_setting
from worker import at, compare, compiled, data, recurrent, report, timed_step

SECONDS = 1.0
TRAINED = (
    Setting("deep_thinking_1d", width=48, size=16, batch=100, iterations=8),
    Setting("deep_thinking_2d", width=64, size=16, batch=8, iterations=4),
    Setting("deep_thinking_2d", width=256, size=12, batch=8, iterations=4),
)
TINY = (Setting("deep_thinking_1d", width=4, size=8, batch=2, iterations=2),)


def jobs(backend: str, asked: Asked) -> list[Job]:
    import dataclasses

    if asked.device == "gpu":
        return []
    repeats = asked.repeats or (1 if asked.quick else 7)
    return [
        Job(
            "threads",
            backend,
            dataclasses.replace(s, jit=JITS[backend][0], repeats=repeats),
        )
        for s in (TINY if asked.quick else TRAINED)
    ]


def measure(setting: Setting) -> None:
    from keras_recur._child import thread_limits

    load = os.getloadavg()[0]
    alone = started(thread_limits(2))
    pair = [started(thread_limits(1)) for _ in range(2)]
    processes = [alone, *pair]
    try:
        at("first steps")
        seconds = [answer(process) for process in processes][0]
        count = max(1, round(SECONDS / seconds))

        def together(chosen):
            start = time.perf_counter()
            for process in chosen:
                print(count, file=process.stdin, flush=True)
            for process in chosen:
                answer(process)
            return time.perf_counter() - start

        timed = {
            "two threads": lambda: together([alone]) + together([alone]),
            "two processes": lambda: together(pair),
        }
        compare("two trainings", setting.repeats, timed)
        report("load of the machine before", load, "")
    finally:
        for process in processes:
            with process:
                process.kill()


def started(environment):
    """Start a process that trains as many steps as each line of its input says."""
    return subprocess.Popen(
        [sys.executable, __file__, *sys.argv[1:], "--variant", "child"],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answer(process) -> float:
    line = process.stdout.readline()
    if not line:
        raise SystemExit("A training process has ended.")
    return float(line)


def train(setting: Setting) -> None:
    """Answer with the seconds of a step, then train whenever a line comes."""
    model, (x, y) = compiled(recurrent(setting), setting), data(setting)
    times = [timed_step(model, x, y) for _ in range(4)]
    print(min(times), flush=True)
    for line in sys.stdin:
        print(sum(timed_step(model, x, y) for _ in range(int(line))), flush=True)


if __name__ == "__main__":
    asked = parse_setting(__doc__)
    (train if asked.variant == "child" else measure)(asked)
