"""Trials per hour with several workers.

N workers search twelve networks on prefix sums, one seed each. The time runs from the
start of the first process to the last row. N is 1 and 2 on a CPU, and also 4 and 8 on a
GPU that the workers share. On a CPU every process has one thread. The
load of the machine before the search (processes running or waiting, mean of a minute)
is a row too, because these figures mean little on a busy machine.

    KERAS_BACKEND=tensorflow python benchmarks/search_workers.py \\
        --network deep_thinking_1d --width 16 --size 12 --batch 100 --iterations 4 \\
        --jit false --variant 2

One worker takes three minutes on a CPU.
"""

import os
import tempfile
import time

from search_overhead import asked_for
from setting import JITS, Asked, Job, Setting, parse_setting
from worker import at, report

EPOCHS = 4
WORKERS = {"cpu": (1, 2), "gpu": (1, 2, 4, 8)}
LOAD = "load of the machine before"
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def jobs(backend: str, asked: Asked) -> list[Job]:
    quick = asked.quick
    return [
        Job(
            "search_workers",
            backend,
            Setting(
                "deep_thinking_1d",
                width=4 if quick else 16,
                size=6 if quick else 12,
                batch=100,
                iterations=2 if quick else 4,
                jit=JITS[backend][0],
                variant=str(workers),
            ),
        )
        for workers in WORKERS["cpu" if quick else asked.device]
    ]


def measure(setting: Setting) -> None:
    from keras_recur._child import SHARED_MEMORY

    load = os.getloadavg()[0]
    os.environ.update(SHARED_MEMORY)  # This process must leave memory to the workers.
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "-1" or not _has_gpu():
        os.environ.update(ONE_THREAD)
    from keras_recur.tuning.search_folder import SearchFolder
    from keras_recur.tuning.search_plan import SearchPlan
    from keras_recur.tuning.settings import SearchSettings
    from keras_recur.tuning.workers import run_workers

    quick = setting.iterations < 4
    asked = asked_for(setting, quick)
    asked["recipe"]["epochs"] = min(EPOCHS, asked["recipe"]["epochs"])
    widths = [setting.width + 2 * i for i in range(3 if quick else 6)]
    plan = SearchPlan(SearchSettings(**asked | {"widths": widths}))
    workers = int(setting.variant)
    with tempfile.TemporaryDirectory() as name:
        folder = SearchFolder(name)
        folder.begin_search(plan.content())
        start = time.perf_counter()

        def look(running):
            rows = len(folder.rows_but(()))
            at(f"{rows} of {plan.runs()} trials, {running} workers")

        run_workers(folder, workers, look)
        seconds = time.perf_counter() - start
        rows = folder.finished_rows()
    if [row["status"] for row in rows] != ["finished"] * plan.runs():
        raise SystemExit("Not all runs have finished.")
    shown = {"variant": f"{workers} worker{'' if workers == 1 else 's'}", "repeats": 1}
    against = {} if workers == 1 else {"ratio_to": "1 worker"}
    report("trials", 3600 * len(rows) / seconds, "per hour", **shown, **against)
    report(LOAD, load, "", **shown)


def _has_gpu():
    """Return whether there is a GPU, before any backend reads the environment."""
    return os.path.exists("/dev/nvidia0")


if __name__ == "__main__":
    measure(parse_setting(__doc__))
