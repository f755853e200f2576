"""Export the trained network of a run, a search or a published entry."""

import os
from pathlib import Path
from typing import Any

import keras

from keras_recur import data, zoo
from keras_recur._files import check_path
from keras_recur._limits import MAX_COUNT, check_size
from keras_recur._validation import (
    check_flag,
    check_integer,
    check_one_of,
    check_string,
    nearest,
)
from keras_recur.exporting._formats import FORMATS
from keras_recur.exporting.export import export
from keras_recur.exporting.load_model import load_model
from keras_recur.inference.confidence import REDUCTIONS
from keras_recur.runs.entry import Entry
from keras_recur.runs.run_folder import RunFolder
from keras_recur.runs.trained_network import finished_seeds, trained_network
from keras_recur.zoo.entries import entry_folder, read_entry


def export_run(
    run: str | os.PathLike[str],
    path: str | os.PathLike[str],
    format: str = "tf_saved_model",
    *,
    twin: str | None = None,
    seed: int | None = None,
    max_iterations: int | None = None,
    reduction: str = "min",
    preprocess: bool = False,
) -> Path:
    """Export a trained network of a run, with a card that says how it was trained.

    Args:
        run: The folder of a run of `keras-recur compare` or of a search (its best
            configuration), the name of a published entry, or a `.keras` file.
        path: Output path, as in `export`.
        format: As in `export`.
        twin: `"recurrent"`, `"feedforward"` or the name of a variant. Defaults to
            `"recurrent"`, or to the trained network of a search.
        seed: Seed of the network. Defaults to the first that finished, or to that of
            the published weights.
        max_iterations: As in `export`.
        reduction: As in `export`.
        preprocess: Whether to include the normalization of the data set, so that the
            model accepts raw images. Defaults to `False`.

    Returns:
        The path.

    Raises:
        ValueError: If the folder has no run, no finished network, or no such twin or
            seed, or the model cannot be exported.

    Example:

    >>> _ = keras_recur.exporting.export_run("deep_thinking_1d-prefix_sums", "strings")
    >>> import json, pathlib
    >>> json.loads(pathlib.Path("strings/assets/card.json").read_text("utf-8"))["seed"]
    0
    """
    check_one_of("format", format, FORMATS)
    check_one_of("reduction", reduction, REDUCTIONS)
    check_path("path", path)
    check_flag("preprocess", preprocess)
    if twin is not None:
        check_string("twin", twin)
    if seed is not None:
        seed = check_integer("seed", seed, 0)
    if max_iterations is not None:
        check_size("max_iterations", max_iterations, MAX_COUNT)
    model, card, data_name = _trained(check_path("run", run), twin, seed)
    front = None
    if preprocess:
        if data_name is None:
            raise ValueError(
                "`preprocess` requires a run or an entry, whose data set is known. "
                f"Received: {run}."
            )
        front = data.preprocessing(data_name)
    return export(
        model,
        path,
        format,
        max_iterations=max_iterations,
        reduction=reduction,
        preprocessing=front,
        card=card,
    )


def _trained(run, twin, seed) -> tuple[keras.Model, dict[str, Any], str | None]:
    """Return the network with its weights, its card and the name of its data set."""
    path = Path(run)
    if path.suffix == ".keras":
        return load_model(path), {"file": path.name}, None
    if (path / "search.json").exists():
        return _of_search(path, twin)
    if (path / "run.json").exists():
        return _of_run(RunFolder(path), twin or "recurrent", seed)
    if (path / "results.json").exists() or str(run) in zoo.list_entries():
        return _of_published(path.resolve().name, twin or "recurrent", seed)
    known = zoo.list_entries()
    raise ValueError(
        "`run` must be the folder of a run or a search, a `.keras` file or the name of "
        f"a published entry. Received: run={str(run)!r}. Published: "
        f"{', '.join(known)}.{nearest(str(run), known)} Runs are made by "
        "`keras-recur compare` and `search`."
    )


def _of_run(folder, twin, seed):
    if folder.of_experiment():
        raise ValueError(
            f"{folder.path} is the folder of an experiment, which has many networks. "
            "Export a run of `keras-recur compare`, or a model by keras_recur.export."
        )
    check_one_of("twin", twin, folder.read_json("run.json")["twins"])
    seeds = finished_seeds(folder, twin)
    if not seeds:
        raise ValueError(
            f"No seed of {twin} has finished in {folder.path}. Resume its command with "
            "--resume."
        )
    seed = check_one_of("seed", seeds[0] if seed is None else seed, seeds)
    entry, model = folder.entry(), trained_network(folder, twin, seed)
    results = folder.read_json("results.json")
    return model, _card(entry, results, twin, seed), entry.data


def _of_published(name, twin, seed):
    check_one_of("twin", twin, ("recurrent", "feedforward"))
    pair = zoo.load(name)
    results = read_entry(entry_folder(name))
    kept = results["weights"]
    check_one_of("seed", kept["seed"] if seed is None else seed, [kept["seed"]])
    check_one_of("twin", twin, kept["files"])
    entry = Entry.from_dict(results["entry"])
    card = _card(entry, results, twin, kept["seed"])
    return getattr(pair, twin), card, entry.data


def _of_search(path, twin):
    from keras_recur.tuning import load_search
    from keras_recur.tuning.sharing_choice import twin_of

    result = load_search(path)
    best = result.best()
    trained = twin_of(best.metrics["sharing"])
    check_one_of("twin", twin or trained, [trained])
    settings = result.content["settings"]
    card = {
        "twin": trained,
        "configuration": best.metrics,
        "search": settings,
        "trained": result.content.get("provenance"),
    }
    return getattr(best.pair(), trained), card, settings["data"]


def _card(entry, results, twin, seed):
    """Return the training settings and the scores, from the files of the run."""
    family = zoo.describe(entry.family)
    runs = [r for r in results["runs"] if r["twin"] == twin]
    trained = next((r for r in runs if r["seed"] == seed), {})
    arguments = entry.as_dict()
    recipes = arguments["recipes"]
    return {
        "entry": entry.name,
        "family": entry.family,
        "summary": family.summary,
        "paper": family.paper,
        "twin": twin,
        "data": {"name": entry.data, "size": entry.size, "metric": entry.metric},
        "arguments": arguments["model"] | entry.variants.get(twin, {}),
        "recipe": recipes[twin if twin in recipes else "recurrent"],
        "seed": seed,
        "seeds": [r["seed"] for r in runs],
        "scores": {
            "over seeds": results["summary"].get(twin),
            "of this seed": [
                {k: test[k] for k in ("size", "iterations", "accuracy")}
                for test in trained.get("tests", [])
            ],
        },
        "costs of both twins": results["costs"],
        "trained": trained.get("provenance", results["provenance"]),
    }
