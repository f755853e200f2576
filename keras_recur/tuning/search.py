"""The search: width against iterations, over seeds, at a budget.

Resuming is replaying: the oracle proposes the same networks again, and what has a row
is not trained again. KerasTuner's own files, which a kill may leave half written, are
never read.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from keras_tuner.errors import FatalError

from keras_recur._archives import load_weights
from keras_recur._files import check_path
from keras_recur._limits import MAX_WORKERS
from keras_recur._validation import check_callable, check_integer
from keras_recur.runs.provenance import provenance
from keras_recur.tuning._search_watch import SearchWatch
from keras_recur.tuning._summary import is_finished, status
from keras_recur.tuning.budget import Budget
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_plan import SearchPlan
from keras_recur.tuning.search_progress import SearchProgress
from keras_recur.tuning.search_result import SearchResult
from keras_recur.tuning.search_tuner import SearchTuner
from keras_recur.tuning.width_iterations_hypermodel import Configuration
from keras_recur.tuning.workers import run_workers, work_for_chief


def search(
    family: str,
    data: str,
    directory: str | Path,
    *,
    widths: Sequence[int],
    iterations: Sequence[int],
    sharing: Sequence[str] = ("all", "none"),
    learning_rate: float | Sequence[float] | None = None,
    budget: Budget | None = None,
    equal: str | None = None,
    oracle: str = "grid",
    objectives: Sequence[str] | None = None,
    max_trials: int | None = None,
    twins: bool = False,
    seeds: int | Sequence[int] = 3,
    fresh_seeds: int = 3,
    quick: bool = False,
    size: int | None = None,
    num_examples: int | None = None,
    model: dict[str, Any] | None = None,
    recipe: dict[str, Any] | None = None,
    data_dir: str | None = None,
    workers: int = 0,
    report: Callable[[str], None] = lambda line: None,
    progress: Callable[[SearchProgress], None] = lambda found: None,
) -> SearchResult:
    """Searches width against number of iterations, for any family and data set.

    Every network is trained over all seeds, and each run writes a row: these are the
    source of every table and plot. The same call goes on where an earlier one was
    stopped, at any moment: what has a row is not trained again, and a run that was
    interrupted goes on from its last epoch. Runs that failed are rows too; delete one
    from `rows/` to have it tried again. In the end the best network by validation
    accuracy is trained anew over fresh seeds, and tested.

    On many machines the same call runs on each of them, with KerasTuner's environment:
    `KERASTUNER_TUNER_ID` ("chief", or any other name for a worker),
    `KERASTUNER_ORACLE_IP` and `KERASTUNER_ORACLE_PORT`, and a folder that all share.

    Args:
        family: Name of a family of the zoo.
        data: Name of a data set.
        directory: Folder of the search.
        widths: As of `WidthIterationsHyperModel`.
        iterations: As of `WidthIterationsHyperModel`.
        sharing: As of `WidthIterationsHyperModel`.
        learning_rate: As of `WidthIterationsHyperModel`. Default: the recipe's.
        budget: As of `WidthIterationsHyperModel`.
        equal: As of `WidthIterationsHyperModel`.
        oracle: `"grid"` (default), every network of the space; KerasTuner's
            `"random"`, `"bayesian"` or `"hyperband"`, whose early rounds train for
            fewer epochs; `"optuna"`, which looks for the front of several objectives
            and needs the extra of that name. With workers, what bayesian and optuna
            propose depends on which run ends first: a search that goes on may then
            propose other networks than before, beside those that have rows.
        objectives: What Optuna weighs against each other: `"accuracy"`, and any of
            `"macs"`, `"parameters"` and `"activation_bytes"`. Default: accuracy and
            MACs. The winner is the most accurate network in any case.
        max_trials: How many networks at most. Default: of the grid all, else 20;
            Hyperband counts for itself.
        twins: Train the feed-forward twin of every network that shares, too.
        seeds: How many seeds, from 0, or which.
        fresh_seeds: How many seeds the winner is trained over anew; 0: it is not.
        quick: A size for laptops, as of `runs.make_entry`.
        size: As of `runs.make_entry`.
        num_examples: As of `runs.make_entry`.
        model: Further arguments of `zoo.build`.
        recipe: As of `runs.make_entry`: fields of the recipe that replace the usual.
        data_dir: As of `runs.make_entry`.
        workers: Processes that train at the same time, KerasTuner's chief beside them.
            Default 0: this process trains.
        report: Called with a line for people after each run.
        progress: Called with a `SearchProgress` when it changes.

    Returns:
        A `SearchResult`.

    Raises:
        ValueError: for invalid arguments, and a folder that holds another search.
        ImportError: for oracle="optuna" if Optuna is not installed.

    Example:

    >>> result = keras_recur.tuning.search(
    ...     "mlp", "digits", "width-search", widths=[4, 8], iterations=[2],
    ...     sharing=["all"], quick=True, num_examples=64, seeds=1, fresh_seeds=0,
    ...     recipe={"epochs": 1, "milestones": ()},
    ... )
    >>> len(result.rows), result.best().figures["iterations"]
    (2, 2)
    """
    asked = dict(locals())
    for name in ("directory", "workers", "report", "progress"):
        del asked[name]
    workers = check_integer("workers", workers, 0, maximum=MAX_WORKERS)
    check_callable("report", report)
    check_callable("progress", progress)
    folder = SearchFolder(check_path("directory", directory))
    plan = SearchPlan(**asked)
    name = os.environ.get("KERASTUNER_TUNER_ID", "")
    if name and "chief" not in name:
        work_for_chief(folder.path, plan.data_dir)
        return load_search(folder.path)
    # Workers write into the folder too: its chief holds it for them.
    with folder.held():
        if not (folder.path / folder.asked_in).exists():
            plan.check()
        with folder.searching(plan.content(), plan.identity):
            return _search(plan, folder, name, workers, report, progress)


def _search(plan, folder, name, workers, report, progress):
    expected, fresh_seeds = plan.runs(), plan.settings["fresh_seeds"]
    if name:
        place = ":".join(os.environ[f"KERASTUNER_ORACLE_{k}"] for k in ("IP", "PORT"))
        report(f"The chief listens at {place}; the port is not protected.")
    total = None if expected is None else expected + fresh_seeds
    watch = SearchWatch(folder, total, workers, report, progress)
    if workers:
        run_workers(folder, workers, watch.look, data_dir=plan.data_dir)
    else:
        watch.look(running=1)
        tuner = SearchTuner(
            plan, folder, name=name or "alone", on_run=lambda: watch.look(running=1)
        )
        try:
            tuner.search(verbose=0)
        except FatalError as error:
            raise error.__cause__ or error from None
    result = conclude(folder, plan, watch)
    watch.look(running=0, ended=True)
    return result


def conclude(
    folder: SearchFolder, plan: SearchPlan, watch: SearchWatch
) -> SearchResult:
    """Trains the winner over fresh seeds, and writes what was found."""
    content = folder.content()
    content |= {"provenance": provenance(), "winner": content.get("winner")}
    folder.write_json("search.json", content)
    result = load_search(folder.path)
    count = plan.settings["fresh_seeds"]
    finished = [row for row in result.rows if is_finished(row)]
    if finished and count:
        best = result.best().configuration
        row = next(r for r in finished if r["configuration"] == best)
        first = max(plan.seeds) + 1
        watch.look(running=1)
        tuner = SearchTuner(
            plan, folder, on_run=lambda: watch.look(running=1), fresh=True
        )
        rows = [
            tuner.run(
                Configuration(*(row[k] for k in Configuration._fields)),
                row["learning_rate"],
                seed,
            )
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
        result = load_search(folder.path)
    return result


def load_search(directory: str | Path) -> SearchResult:
    """What a search has found so far, from its folder.

    Args:
        directory: Folder of the search.

    Returns:
        A `SearchResult`, whose `best().pair()` has the weights that were trained.

    Raises:
        ValueError: if the folder holds no search, or is damaged.

    Example:

    >>> _ = keras_recur.tuning.search(
    ...     "mlp", "digits", "width-search", widths=[4, 8], iterations=[2],
    ...     sharing=["all"], quick=True, num_examples=64, seeds=1, fresh_seeds=0,
    ...     recipe={"epochs": 1, "milestones": ()},
    ... )
    >>> result = keras_recur.tuning.load_search("width-search")
    >>> result.best().pair().recurrent.output_shape
    (None, 10)
    """
    folder = SearchFolder(check_path("directory", directory))
    settings = folder.content().get("settings") or {}

    def rebuild(configuration: dict[str, Any]):
        plan = SearchPlan(**settings)
        name = configuration["configuration"]
        row = next(
            row
            for row in folder.finished_rows()
            if row["configuration"] == name and is_finished(row)
        )
        pair = plan.pair(row)
        twin = pair.feedforward if row["sharing"] == "none" else pair.recurrent
        load_weights(twin, folder.weights(f"{name}-s{row['seed']}"))
        return pair

    return SearchResult.load(directory, rebuild=rebuild)
