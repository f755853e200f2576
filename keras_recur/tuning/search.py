"""The search of width against iterations, by one or many equal processes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_recur._files import check_path
from keras_recur._limits import MAX_WORKERS
from keras_recur._validation import check_callable, check_integer
from keras_recur.runs.provenance import provenance
from keras_recur.tuning._search_watch import SearchWatch
from keras_recur.tuning._storage import check_storage, is_sqlite, refuse_sqlite
from keras_recur.tuning._summary import is_finished, status
from keras_recur.tuning.load_search import load_search
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_plan import SearchPlan
from keras_recur.tuning.search_progress import SearchProgress
from keras_recur.tuning.search_result import SearchResult
from keras_recur.tuning.search_tuner import SearchTuner
from keras_recur.tuning.settings import SearchSettings, takes_settings
from keras_recur.tuning.workers import run_workers

# Attributes of the study: who concludes it, and the rows it was concluded with.
_CLAIM, _CONCLUDED = "conclusion", "concluded"


@takes_settings
def search(
    family: str,
    data: str,
    directory: str | Path,
    *,
    storage: str | None = None,
    workers: int = 0,
    conclude: Callable[[SearchResult], Any] = lambda result: None,
    report: Callable[[str], None] = lambda line: None,
    progress: Callable[[SearchProgress], None] = lambda found: None,
    **settings: Any,
) -> SearchResult:
    """Search width against the number of iterations, for any family and data set.

    The search trains every network over all seeds and writes one row per run. The same
    call resumes an interrupted search after its last epoch. To repeat a failed run,
    delete its file in `rows/`. At the end, the search trains the network with the
    highest mean validation score again on fresh seeds and tests it.

    Any number of processes may share a search. Make the same call in each of them, with
    the same folder, at any time and on any machine. They need no server. If one dies,
    another takes its network and resumes it from its checkpoint. They also share the
    fresh seeds of the winner, and the last one writes the result.

    Args:
        family: Name of a family of the zoo.
        data: Name of a data set.
        directory: Folder of the search.
        storage: URL of a database for the study that the processes share, such as
            `"postgresql://user@host/name"`. SQLite serves one process only. Defaults to
            a journal file in the folder.
        workers: Number of processes to start on this machine. Those that die are
            restarted. Defaults to `0`: this process trains.
        conclude: Function that receives the result when the search has ended, in one
            process only. It is not called again unless rows have changed.
        report: Function that receives one line of text after each run.
        progress: Function that receives the progress whenever it changes: an object
            with the fields `done`, `total`, `running`, `failed`, `best`, `score` and
            `seconds_left`, whose `str()` is one line of text.
        **settings: Fields of `SearchSettings`. `widths` and `iterations` are required.

    Returns:
        A `SearchResult`.

    Raises:
        ValueError: If an argument is invalid, or the folder contains another search.
        ImportError: If the driver of the database is not installed.
        ConnectionError: If the database cannot be reached.

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
    for name, function in (
        ("conclude", conclude),
        ("report", report),
        ("progress", progress),
    ):
        check_callable(name, function)
    if storage is not None and is_sqlite(check_storage(storage)) and workers:
        refuse_sqlite(storage)
    _check_environment()
    folder = SearchFolder(check_path("directory", directory))
    plan = SearchPlan(SearchSettings(family, data, **settings))
    plan.runs()  # It refuses what cannot be searched.
    folder.check_search(plan.content(), plan.identity)
    if not (folder.path / folder.asked_in).exists():
        plan.check()
    with folder.shared(storage) as shared:
        with shared.turn:
            folder.begin_search(plan.content(), plan.identity)
            folder.study_name()
        return _search(
            plan, folder, shared, workers, storage, conclude, report, progress
        )


def _check_environment():
    """Refuse the variables by which KerasTuner looks for its chief."""
    wrong = [name for name in os.environ if name.startswith("KERASTUNER_")]
    if wrong:
        raise ValueError(
            "A search has no chief: all processes are equal and need only the same "
            f"folder. Unset {', '.join(sorted(wrong))}."
        )


def _search(plan, folder, shared, workers, storage, conclude, report, progress):
    total = plan.runs()
    if total is not None:
        total += plan.settings.fresh_seeds
    watch = SearchWatch(folder, total, workers, report, progress)
    tuner = SearchTuner(plan, folder, shared, on_wait=lambda: watch.poll(running=1))
    if workers:
        data_dir = plan.settings.data_dir
        run_workers(folder, workers, watch.poll, data_dir=data_dir, storage=storage)
    else:
        watch.poll(running=1)
        tuner.work()
    # The process that finishes last finds what the others have left.
    while not shared.claim(_CLAIM):
        tuner.wait()
    try:
        if shared.get(_CONCLUDED) != folder.digest():
            _conclude(tuner, conclude)
            shared.set(_CONCLUDED, folder.digest())
    finally:
        shared.release(_CLAIM)
    watch.poll(running=0, ended=True)
    return load_search(folder.path)


def _conclude(tuner, conclude):
    """Write the result, with the winner on fresh seeds."""
    folder, content = tuner.folder, tuner.folder.content()
    content |= {"provenance": provenance(), "winner": content.get("winner")}
    if runs := tuner.winner_runs():
        rows = [tuner.row(run, fresh=True) for run in runs]
        content["winner"] = {
            "configuration": rows[0]["configuration"],
            "seeds": [r["seed"] for r in rows],
            "test_accuracy": [
                r.get("test_accuracy") if is_finished(r) else tuner.plan.guess.accuracy
                for r in rows
            ],
            "status": [status(r) for r in rows],
        }
    folder.write_json("search.json", content)
    conclude(load_search(folder.path))
