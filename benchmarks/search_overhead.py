"""(l) A trial of the search, against the same network in a bare loop of `fit`.

Two networks on prefix sums, one that shares its weights and its twin: once by
`tuning.search` with one seed, in a new folder, and once by a loop that builds each,
compiles it and calls Keras's own `fit` with the same data, batches and epochs. Both
draw their examples and compile anew for every network. What the search does beside
that is its overhead: proposing, checkpoints after every epoch, the curve over the
iterations, weights, rows. Size, examples and epochs are those of the search in
tuning/prefix_sums. They alternate, so that whatever else the machine does meets
both. Reported are medians of the seconds per trial, their ratio (at most 1.05 is the
target), and the median of the ratios pair by pair; and the same of the processor's
time, which other work on the machine changes less.

    KERAS_BACKEND=tensorflow python benchmarks/search_overhead.py \\
        --network deep_thinking_1d --width 16 --size 12 --batch 100 --iterations 4 \\
        --jit false --repeats 3

Three minutes on one CPU core.
"""

import statistics
import tempfile
import time
from pathlib import Path

from setting import JITS, Asked, Job, Setting, parse_setting
from worker import OPTIONS, at, compare, report

from keras_recur import metrics

EPOCHS, EXAMPLES = 12, 8000


def jobs(backend: str, asked: Asked) -> list[Job]:
    quick = asked.quick
    setting = Setting(
        "deep_thinking_1d",
        width=4 if quick else 16,
        size=6 if quick else 12,
        batch=100,
        iterations=2 if quick else 4,
        jit=JITS[backend][0],
        repeats=asked.repeats or (1 if quick else 3),
    )
    return [Job("search_overhead", backend, setting)]


def asked_for(setting: Setting, quick: bool) -> dict:
    """Arguments of `search`."""
    return {
        "family": setting.network,
        "data": "prefix_sums",
        "widths": [setting.width],
        "iterations": [setting.iterations],
        "sharing": ["all", "none"],
        "seeds": 1,
        "fresh_seeds": 0,
        "quick": True,
        "size": setting.size,
        "num_examples": 200 if quick else EXAMPLES,
        "model": OPTIONS[setting.network],
        "recipe": {
            "epochs": 1 if quick else EPOCHS,
            "milestones": (),
            "warmup": 0,
            "progressive": 0.0,
            "batch_size": setting.batch,
        },
    }


def measure(setting: Setting) -> None:
    # Where so few iterations are asked for, it is only to see that it runs.
    asked = asked_for(setting, quick=setting.iterations < 4)
    for run in (by_search, by_loop):
        at("first runs")
        run(asked | {"num_examples": 200})
    used: dict[str, list[float]] = {"fit": [], "search": []}

    def timed(name, run):
        start = time.process_time()
        seconds = run(asked)
        used[name].append((time.process_time() - start) / 2)
        return seconds

    compare(
        "trial",
        setting.repeats,
        {
            "fit": lambda: timed("fit", by_loop),
            "search": lambda: timed("search", by_search),
        },
    )
    fit, search = (statistics.median(times) for times in used.values())
    what = "trial, processor time"
    report(what, fit, "s", variant="fit")
    report(what, search, "s", variant="search", ratio_to="fit")


def by_search(asked: dict) -> float:
    """Seconds per trial."""
    from keras_recur import tuning

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        found = tuning.search(directory=Path(folder) / "search", **asked)
        seconds = time.perf_counter() - start
    if {row["status"] for row in found.rows} != {"finished"}:
        raise SystemExit(f"Not all runs have finished: {found}")
    return seconds / len(found.rows)


def by_loop(asked: dict) -> float:
    """Seconds per trial."""
    import keras

    from keras_recur.tuning.search_plan import SearchPlan
    from keras_recur.tuning.settings import SearchSettings

    plan = SearchPlan(SearchSettings(**asked))
    networks = list(plan.space.configurations())
    start = time.perf_counter()
    for found in networks:
        keras.backend.clear_session()
        keras.utils.set_random_seed(0)
        twin = "feedforward" if found.sharing == "none" else "recurrent"
        entry = plan.entry(found, 1e-3)
        recipe, model = entry.recipe(twin), entry.network(twin, 0)
        model.compile(
            recipe.make_optimizer(model),
            recipe.loss(),
            metrics=[metrics.ExactMatch()],
        )
        model.fit(
            entry.train_data(twin, 0),
            validation_data=entry.phase_validation_data(twin),
            epochs=recipe.epochs,
            shuffle=False,
            verbose=0,
        )
    return (time.perf_counter() - start) / len(networks)


if __name__ == "__main__":
    measure(parse_setting(__doc__))
