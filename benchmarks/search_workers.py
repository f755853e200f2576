"""(m) Trials per hour with several workers.

A search of twelve networks on prefix sums, one seed each, by KerasTuner's chief and so
many workers, from the first process that starts to the last row: 1 and 2 on a CPU,
also 4 and 8 on a GPU that they share. On a CPU every process has one thread, so that it
is workers that are compared. The load of the machine before it (processes that ran or
waited, mean of a minute) is a row too: on one that is shared these figures mean little.

    KERAS_BACKEND=tensorflow python benchmarks/search_workers.py \\
        --network deep_thinking_1d --width 16 --size 12 --batch 100 --iterations 4 \\
        --jit false --variant 2

Three minutes for one worker on a CPU.
"""

import os
import tempfile
import time

from search_overhead import asked_for
from setting import JITS, Asked, Job, Setting, parse_setting
from worker import at, report

EPOCHS = 4
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
        for workers in ((1, 2) if asked.device == "cpu" else (1, 2, 4, 8))
    ]


def measure(setting: Setting) -> None:
    load = os.getloadavg()[0]
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
    """Before any backend has read the environment."""
    return os.path.exists("/dev/nvidia0")


if __name__ == "__main__":
    measure(parse_setting(__doc__))
