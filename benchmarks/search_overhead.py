"""A trial of a search against the same network in a plain loop of `fit`.

Both sides train two networks on prefix sums, one recurrent and its twin:
`tuning.search` with one seed in a new folder, and a loop that builds and compiles each
and calls Keras's `fit` with the same data, batches and epochs. The overhead is what the
search does besides: proposing, checkpoints after every epoch, accuracy curves, weights,
rows. The loss is that of the last readout. The two alternate, so that other load on
the machine affects both. The rows are medians of the seconds per trial, their ratio
(target: at most 1.03), the median of the paired ratios, and the same for processor
time, which other load changes less.

    KERAS_BACKEND=tensorflow python benchmarks/search_overhead.py \\
        --network deep_thinking_1d --width 16 --size 12 --batch 100 --iterations 4 \\
        --jit false --repeats 3

It takes three minutes on one CPU core.
"""

import statistics
import tempfile
import time
from pathlib import Path

from setting import JITS, Asked, Job, Setting, parse_setting
from worker import OPTIONS, at, compare, report

EPOCHS, EXAMPLES = 12, 8000
# Keras's `fit` has no state replay.
KERAS = {"replay": 0.0, "loss_weights": "final", "window": None}


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
    """Return the arguments of `search`."""
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
    # So few iterations are asked for only to check that it runs.
    asked = asked_for(setting, quick=setting.iterations < 4)
    asked["recipe"] |= KERAS
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
    """Return the seconds per trial."""
    from keras_recur import tuning

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        found = tuning.search(directory=Path(folder) / "search", **asked)
        seconds = time.perf_counter() - start
    if {row["status"] for row in found.rows} != {"finished"}:
        raise SystemExit(f"Not all runs have finished: {found}")
    return seconds / len(found.rows)


def by_loop(asked: dict) -> float:
    """Return the seconds per trial."""
    import keras

    from keras_recur import metrics
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
