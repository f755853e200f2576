"""A search with 1,000 finished trials, and eight processes on one journal.

Nothing is trained: every run gets a made-up row at once, so only the search itself is
timed. `grid` and `optuna` fill a search with finished trials. The rows are the seconds
to start (to open the folder and read all trials), and the medians of 20 proposals and
20 reports of a result, and the seconds to write the report. `8 processes` starts equal
processes on an empty folder, which run all trials of a grid. The rows are the median
seconds of a proposal, with the waiting for the others, the trials per second, and the
share of trials that have a row and have ended exactly once. The backend makes no
difference, so only PyTorch is measured.

    KERAS_BACKEND=torch python benchmarks/search_storage.py --size 1000 --variant grid

Each takes one to three minutes on one CPU core.
"""

import json
import os
import statistics
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from setting import Asked, Job, Setting, parse_setting
from worker import at, report

MEASURED, PROCESSES = 20, 8
SHARED = f"{PROCESSES} processes"


def jobs(backend: str, asked: Asked) -> list[Job]:
    if backend != "torch":
        return []
    size = 30 if asked.quick else 1000
    return [
        Job("search_storage", backend, Setting(size=size, variant=variant))
        for variant in ("grid", "optuna", SHARED.replace(" ", "-"))
    ]


def measure(setting: Setting) -> None:
    size = setting.size or 1000
    with tempfile.TemporaryDirectory() as name:
        if setting.variant in ("grid", "optuna"):
            measure_one(Path(name) / "search", size, setting.variant)
        else:
            measure_many(Path(name) / "search", size)


def measure_one(path: Path, size: int, oracle: str) -> None:
    import optuna

    from keras_recur import tuning
    from keras_recur.tuning._search_watch import SearchWatch

    plan, folder = begin(path, size + MEASURED, oracle)
    at("filling the storage")
    with folder.shared() as shared:
        tuner = instant_tuner(plan, folder, shared)
        if oracle == "optuna":
            # The default sampler takes longer, and the storage is the same.
            random = optuna.samplers.RandomSampler(seed=1)
            tuner.oracle._oracle._sampler = shared.study.sampler = random
        for done in range(size):
            run_trial(tuner)
            at(f"{done} of {size} trials")
    at("starting")
    start = time.perf_counter()
    plan, folder = begin(path, size + MEASURED, oracle)
    with folder.shared() as shared:
        SearchWatch(folder, plan.runs(), 1, print, lambda found: None).poll(running=1)
        tuner = instant_tuner(plan, folder, shared)
        tuner.oracle.reload()
        seconds = {"start": time.perf_counter() - start}
        times = [run_trial(tuner) for _ in range(MEASURED)]
    for name, found in zip(("propose", "tell"), zip(*times, strict=True), strict=True):
        seconds[name] = statistics.median(found)
    at("writing the report")
    start = time.perf_counter()
    tuning.write_search_report(path, tuning.load_search(path))
    seconds["report"] = time.perf_counter() - start
    for what, value in seconds.items():
        report(what, value, "s", variant=oracle)


def measure_many(path: Path, size: int) -> None:
    plan, folder = begin(path, size, "grid")
    start = time.perf_counter()
    children = []
    for _ in range(PROCESSES):
        # Importing takes longer than all trials.
        if not (child := os.fork()):
            code = 1
            try:
                take_part(plan, folder)
                code = 0
            except BaseException:
                traceback.print_exc()
            os._exit(code)
        children.append(child)
    codes = [os.waitpid(child, 0)[1] for child in children]
    seconds = time.perf_counter() - start
    if any(codes):
        raise SystemExit("A process has failed.")
    times = [s for p in path.glob("*.times") for s in json.loads(p.read_text())]
    with folder.shared() as shared:
        tuner = instant_tuner(plan, folder, shared)
        tuner.oracle.reload()
        found = list(tuner.oracle.trials.values())
        ended = Counter(tuner.oracle.end_order)
        files = [tuner._file(run) for trial in found for run in tuner._runs_of(trial)]
    counts = Counter(files)
    once = sum(
        ended[trial.trial_id] == counts[file] == 1 and folder.row(file) is not None
        for trial, file in zip(found, files, strict=True)
    )
    report("proposal", statistics.median(times), "s", variant=SHARED)
    report("trials", size / seconds, "per second", variant=SHARED)
    report("ended exactly once", once / size, "share", variant=SHARED)


def take_part(plan, folder) -> None:
    times = []
    with folder.shared() as shared:
        tuner = instant_tuner(plan, folder, shared)
        while (found := run_trial(tuner)) is not None:
            times.append(found[0])
    (folder.path / f"{os.getpid()}.times").write_text(json.dumps(times))


def begin(path: Path, trials: int, oracle: str):
    """Return the plan and the folder of a search with this number of trials."""
    from keras_recur.tuning.search_folder import SearchFolder
    from keras_recur.tuning.search_plan import SearchPlan
    from keras_recur.tuning.settings import SearchSettings

    side = 4
    while side**3 < trials:
        side += 1
    rates = [1e-4 * 2**i for i in range(side)]
    settings = SearchSettings(
        "mlp",
        "digits",
        widths=[8 * (i + 1) for i in range(side)],
        iterations=[i + 1 for i in range(side)],
        sharing=["all"],
        learning_rate=rates if oracle == "grid" else (rates[0], rates[-1]),
        oracle=oracle,
        max_trials=trials,
        seeds=1,
        fresh_seeds=0,
        quick=True,
    )
    plan, folder = SearchPlan(settings), SearchFolder(path)
    path.mkdir(exist_ok=True)
    folder.begin_search(plan.content(), plan.identity)
    return plan, folder


def run_trial(tuner) -> tuple[float, float] | None:
    """Run a trial; return the seconds to propose it and to report its result."""
    start = time.perf_counter()
    while (trial := tuner.oracle.create_trial(tuner.tuner_id)).status == "IDLE":
        start = time.perf_counter()
    proposed = time.perf_counter() - start
    if trial.status == "STOPPED":
        return None
    tuner._try_run_and_update_trial(trial)
    start = time.perf_counter()
    tuner.on_trial_end(trial)
    return proposed, time.perf_counter() - start


def instant_tuner(plan, folder, shared):
    """Return a tuner that makes up the result of every run."""
    import numpy as np

    from keras_recur.tuning.search_tuner import SearchTuner

    class InstantTuner(SearchTuner):
        def _train(self, run, fresh):
            (width, iterations, _), rate, seed, _ = run
            score = float(np.random.default_rng([width, iterations, seed]).random())
            return {
                "status": "finished",
                "message": "",
                "accuracy": score,
                "loss": 1 - score,
                "seconds": 1.0,
                "curve": [score] * iterations,
                "parameters": width**2,
                "macs": iterations * width**2,
                "activation_bytes": 4 * iterations * width,
                "effective_depth": iterations,
                "learning_rate": rate,
            }

    tuner = InstantTuner(plan, folder, shared)
    tuner._populate_initial_space()
    return tuner


if __name__ == "__main__":
    measure(parse_setting(__doc__))
