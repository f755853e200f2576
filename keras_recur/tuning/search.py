"""The search of width against iterations. It resumes by repeating its proposals."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_tuner.errors import FatalError

from keras_recur._files import check_path
from keras_recur._limits import MAX_WORKERS
from keras_recur._validation import check_callable, check_integer
from keras_recur.runs.provenance import provenance
from keras_recur.tuning._search_watch import SearchWatch
from keras_recur.tuning._summary import is_finished, status
from keras_recur.tuning.configuration import Configuration
from keras_recur.tuning.load_search import load_search
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_plan import SearchPlan
from keras_recur.tuning.search_progress import SearchProgress
from keras_recur.tuning.search_result import SearchResult
from keras_recur.tuning.search_tuner import SearchTuner
from keras_recur.tuning.settings import SearchSettings, takes_settings
from keras_recur.tuning.workers import run_workers, work_for_chief


@takes_settings
def search(
    family: str,
    data: str,
    directory: str | Path,
    *,
    workers: int = 0,
    report: Callable[[str], None] = lambda line: None,
    progress: Callable[[SearchProgress], None] = lambda found: None,
    **settings: Any,
) -> SearchResult:
    """Search width against the number of iterations, for any family and data set.

    The search trains every network over all seeds and writes one row per run. The same
    call resumes an interrupted search after its last epoch. To repeat a failed run,
    delete its file in `rows/`. At the end, the search trains the network with the
    highest mean validation score again on fresh seeds and tests it.

    To search on several machines, make the same call on each of them, with a shared
    folder and KerasTuner's environment variables: `KERASTUNER_TUNER_ID` (`"chief"`, or
    any other name for a worker), `KERASTUNER_ORACLE_IP` and `KERASTUNER_ORACLE_PORT`.

    Args:
        family: Name of a family of the zoo.
        data: Name of a data set.
        directory: Folder of the search.
        workers: Number of worker processes. Defaults to `0`: this process trains.
        report: Function that receives one line of text after each run.
        progress: Function that receives the progress whenever it changes: an object
            with the fields `done`, `total`, `running`, `failed`, `best`, `score` and
            `seconds_left`, whose `str()` is one line of text.
        **settings: Fields of `SearchSettings`. `widths` and `iterations` are required.

    Returns:
        A `SearchResult`.

    Raises:
        ValueError: If an argument is invalid, or the folder contains another search.
        ImportError: If `oracle="optuna"` and Optuna is not installed.

    Example:

    >>> result = keras_recur.tuning.search(
    ...     "mlp", "digits", "width-search", widths=[4, 8], iterations=[2],
    ...     sharing=["all"], quick=True, num_examples=64, seeds=1, fresh_seeds=0,
    ...     recipe={"epochs": 1, "milestones": ()},
    ... )
    >>> len(result.rows), result.best().metrics["iterations"]
    (2, 2)
    """
    workers = check_integer("workers", workers, 0, maximum=MAX_WORKERS)
    check_callable("report", report)
    check_callable("progress", progress)
    folder = SearchFolder(check_path("directory", directory))
    plan = SearchPlan(SearchSettings(family, data, **settings))
    name = os.environ.get("KERASTUNER_TUNER_ID", "")
    if name and "chief" not in name:
        work_for_chief(folder.path, plan.settings.data_dir)
        return load_search(folder.path)
    # The chief locks the folder for its workers too.
    with folder.held():
        if not (folder.path / folder.asked_in).exists():
            plan.check()
        with folder.searching(plan.content(), plan.identity):
            return _search(plan, folder, name, workers, report, progress)


def _search(plan, folder, name, workers, report, progress):
    total = plan.runs()
    if total is not None:
        total += plan.settings.fresh_seeds
    if name:
        place = ":".join(os.environ[f"KERASTUNER_ORACLE_{k}"] for k in ("IP", "PORT"))
        report(f"The chief listens at {place}. This port is not protected.")
    watch = SearchWatch(folder, total, workers, report, progress)
    if workers:
        run_workers(folder, workers, watch.poll, data_dir=plan.settings.data_dir)
    else:
        watch.poll(running=1)
        tuner = SearchTuner(
            plan, folder, name=name or "alone", on_run=lambda: watch.poll(running=1)
        )
        try:
            tuner.search(verbose=0)
        except FatalError as error:
            raise error.__cause__ or error from None
    result = _conclude(folder, plan, watch)
    watch.poll(running=0, ended=True)
    return result


def _conclude(folder, plan, watch):
    """Train the winner on fresh seeds and write the result."""
    content = folder.content()
    content |= {"provenance": provenance(), "winner": content.get("winner")}
    folder.write_json("search.json", content)
    result = load_search(folder.path)
    count = plan.settings.fresh_seeds
    finished = [row for row in result.rows if is_finished(row)]
    if not finished or not count:
        return result
    best = result.best().configuration
    row = next(r for r in finished if r["configuration"] == best)
    first = max(plan.seeds) + 1
    watch.poll(running=1)
    tuner = SearchTuner(plan, folder, on_run=lambda: watch.poll(running=1), fresh=True)
    rows = [
        tuner.run(Configuration.of(row), row["learning_rate"], seed)
        for seed in range(first, first + count)
    ]
    content["winner"] = {
        "configuration": best,
        "seeds": [r["seed"] for r in rows],
        "test_accuracy": [
            r.get("test_accuracy") if is_finished(r) else plan.guess.accuracy
            for r in rows
        ],
        "status": [status(r) for r in rows],
    }
    folder.write_json("search.json", content)
    return load_search(folder.path)
