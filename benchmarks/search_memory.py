"""Resident memory of a search's worker over fifty trials.

One worker trains one small network on prefix sums with fifty learning rates.
`replaced`: a new process after every 20 runs, as in a search. `kept`: one process for
all runs. The worker's resident memory is read twice a second. The rows are its maximum
in each ten trials, and the ratio of the last to the first (target: at most 1.1 if
replaced). Linux only.

    KERAS_BACKEND=tensorflow python benchmarks/search_memory.py \\
        --network deep_thinking_1d --width 16 --size 6 --batch 100 --iterations 2 \\
        --jit false --variant replaced

Each takes five minutes on one CPU core.
"""

import os
import tempfile
from pathlib import Path

from search_overhead import asked_for
from setting import JITS, Asked, Job, Setting, parse_setting
from worker import at, report

TRIALS, PART = 50, 10
MIB = 2**20


def jobs(backend: str, asked: Asked) -> list[Job]:
    setting = {
        "network": "deep_thinking_1d",
        "width": 4 if asked.quick else 16,
        "size": 6,
        "batch": 100,
        "iterations": 2,
        "jit": JITS[backend][0],
    }
    return [
        Job("search_memory", backend, Setting(**setting, variant=variant))
        for variant in ("replaced", "kept")
    ]


def measure(setting: Setting) -> None:
    from keras_recur._child import NETWORKS_PER_PROCESS
    from keras_recur.tuning.search_folder import SearchFolder
    from keras_recur.tuning.search_plan import SearchPlan
    from keras_recur.tuning.settings import SearchSettings
    from keras_recur.tuning.workers import run_workers

    trials = 2 * PART if setting.width < 16 else TRIALS
    rates = [1e-3 * (1 + i / TRIALS) for i in range(trials)]
    asked = asked_for(setting, quick=True)
    changes = {"sharing": ["all"], "learning_rate": rates}
    plan = SearchPlan(SearchSettings(**asked | changes))
    most: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = SearchFolder(name)
        folder.begin_search(plan.content())

        def look(running):
            done = len(list((folder.path / "rows").glob("*.json")))
            at(f"{done} of {plan.runs()} trials")
            part = done // PART
            if done % PART:  # At a multiple, an old process may still be running.
                most[part] = max(most.get(part, 0), worker_memory())

        kept = setting.variant == "kept"
        run_workers(folder, 1, look, plan.runs() if kept else NETWORKS_PER_PROCESS)
    parts = [most[part] for part in sorted(most)]
    for i, value in enumerate(parts):
        trials = f"trials {i * PART + 1} to {(i + 1) * PART}"
        variant = f"{setting.variant}, {trials}"
        report("resident memory of a worker", value / MIB, "MiB", variant=variant)
    ratio = parts[-1] / parts[0]
    report("resident memory, last over first", ratio, "ratio", variant=setting.variant)


def worker_memory() -> int:
    """Return the resident bytes of this process's worker, or 0 if there is none."""
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or _parent(entry) != os.getpid():
                continue
            if b"tuning._worker" in (entry / "cmdline").read_bytes():
                for line in (entry / "status").read_text().splitlines():
                    if line.startswith("VmRSS"):
                        return int(line.split()[1]) * 1024
        except OSError:  # The process has just ended.
            continue
    return 0


def _parent(entry):
    return int((entry / "stat").read_text().rpartition(")")[2].split()[1])


if __name__ == "__main__":
    measure(parse_setting(__doc__))
