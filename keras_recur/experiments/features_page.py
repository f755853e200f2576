"""Page of the experiment `features`."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_recur import zoo
from keras_recur._plot_style import label
from keras_recur.experiments import features_figures
from keras_recur.experiments.features_claims import headline, method
from keras_recur.experiments.features_figures import (
    PANELS,
    level,
    probes_of,
    similarities,
)
from keras_recur.reports.page import Page
from keras_recur.runs.entry import TWINS
from keras_recur.runs.summary import in_percent, with_error


def write_features_page(page: Page, results: dict[str, Any], plots: Path) -> None:
    """Write the findings to a page, and the figures to the folder `plots`."""
    settings = results["settings"]
    family = zoo.describe(settings["family"])
    positions = "probe_positions" in results["runs"][0]
    page.headline(headline(results))
    page.paragraph(
        "Schwarzschild et al. 2021 (arXiv:2102.11011) write that recurrent networks "
        "have the same hierarchical behavior as feed-forward ones although they use "
        "the same filters in every iteration. This page asks what both twins represent "
        f"in each iteration, with controls. Family: {settings['family']}. "
        f"{family.summary} Data: {settings['data']}. {method(results)}"
    )
    if others := _other_recipe(settings):
        page.paragraph(
            f"The twins were trained in different ways ({others}: recurrent, "
            "feed-forward twin). So a difference between them may come from their "
            "training, and not from sharing weights."
        )
    page.heading("What a linear probe can read")
    page.figure(
        features_figures.probes(results),
        plots / "probes.png",
        "Accuracy on test examples of a logistic regression on the state after each "
        f"iteration (0: before the first one). {_READ[positions]} {_labels(results)} "
        f"Dotted: the network's own head. {_UNTRAINED}{_pixels(results)}",
    )
    page.heading("Whether filters matter again")
    page.figure(
        features_figures.importance(results),
        plots / "ablation.png",
        "Points of accuracy lost if what an iteration has written to one channel is "
        "undone, for the first seed: the channel keeps the value that it had before. "
        "Each row is a channel. In the feed-forward twin, a channel belongs to another "
        "filter in every iteration, but a residual sum can keep its role.",
    )
    if similarities(results):  # There is none for one seed.
        page.heading("Similarity of states")
        page.figure(
            features_figures.similarity(results),
            plots / "similarity.png",
            "Debiased CKA of the states of two networks, mean over pairs of different "
            "seeds, as twins of one seed begin with the same weights. Two seeds of one "
            "network are the ceiling; the untrained network is that of another seed.",
        )
        page.table(*_similarity_table(results))
    preferred = results.get("together", {}).get("preferred", [])
    kept = {found["network"]: _percent(found["kept"]) for found in preferred}
    for found in preferred:
        if found["network"] not in TWINS:
            continue
        if found["network"] == TWINS[0]:
            page.heading("What excites a filter most")
        page.figure(
            features_figures.preferred(results, found),
            plots / f"preferred_{found['network']}.png",
            f"{label(found['network'])}, seed {found['seed']}: images made to excite a "
            "filter after an iteration (column), and below them the best test images. "
            "Numbers: activation relative to that of the best test image. The tables "
            "show how the image of each iteration (row) excites the filter after each "
            "iteration (column). The median image made for another iteration reaches "
            f"{kept[found['network']]} of the activation (untrained recurrent "
            f"network: {kept['untrained']}). The images show what a filter "
            "responds to, and not what the network uses.",
        )
    page.heading("How states move")
    page.figure(
        features_figures.dynamics(results),
        plots / "dynamics.png",
        "Left: median relative change of the state. Right: factor by which a small "
        f"disturbance grows. {_UNTRAINED}",
    )
    page.table(*networks_table(results))
    page.paragraph(
        "Mean ± standard error over seeds, accuracies in percent. Channels that matter "
        "again: share of the channels that matter (loss above two standard errors) "
        "that matter in two iterations or more. Rank correlation: of the losses by "
        "channel, over pairs of iterations; a channel is undone as in the figure, or "
        "set to zero. A seed in which all channels matter equally has none. Accuracy, "
        f"channels and iterations: {_count(results)} test examples. A seed whose "
        "training diverged counts as guessing in accuracies and is left out of the "
        "rest.",
        small=True,
    )


_UNTRAINED = "Gray: before training (dashed: feed-forward twin)."
_READ = {
    False: "Left: means over positions. Right: means of 4 x 4 fields.",
    True: (
        "One probe reads the states of all positions, and its accuracy is the share of "
        "right labels."
    ),
}


def _other_recipe(settings):
    """Return how the recipes of the twins differ, as text."""
    ours, theirs = settings["recipe"], settings["feedforward_recipe"]
    different = [key for key in ours if ours[key] != theirs[key]]
    return "; ".join(f"{key} {ours[key]}, {theirs[key]}" for key in different)


def _count(results):
    return f"{max(run['accuracy_examples'] for run in results['runs']):,}"


def _labels(results):
    counts = max((run["label_counts"] for run in results["runs"]), key=len)
    if not counts:
        return ""
    fitted, validation, tested = (f"{count:,}" for count in counts)
    return (
        f"Fitted to {fitted} labels, regularized by {validation}, tested on {tested}."
    )


def _pixels(results):
    found = results.get("together", {}).get("pixels")
    if found is None:
        return ""
    return f" Gray dots: a probe of the pixels ({100 * found:.1f} %)."


def _similarity_table(results):
    header = ["", "equal iterations", "all pairs", "without component 1", "order score"]
    rows = []
    for kind, found in similarities(results).items():
        matrices = np.array([row["matrix"] for row in found], "float64")[:, 1:, 1:]
        cells = [
            np.mean([level(row["matrix"]) for row in found]),
            np.nanmean(matrices) if matrices.size else np.nan,
            *(
                np.mean([row[key] for row in found if row[key] is not None] or [np.nan])
                for key in ("without_first_component", "order_score")
            ),
        ]
        shown = ["-" if np.isnan(cell) else f"{cell:.2f}" for cell in cells]
        rows.append([PANELS[kind], *shown])
    return header, rows


def networks_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows, with a column per network."""
    networks = results["summary"]["networks"]
    probe, *fields = probes_of(results["runs"][0])
    rows = {
        "accuracy": lambda n: in_percent(*n["accuracy"]),
        "probe before the first iteration": lambda n: in_percent(*n[probe][0]),
        "probe after the last": lambda n: in_percent(*n[probe][-1]),
        "the same, before training": lambda n: in_percent(*n[f"untrained_{probe}"][-1]),
    }
    if fields:
        rows["probe of 4 x 4 fields after the last"] = lambda n: in_percent(
            *n["probe_grid"][-1]
        )
    rows |= {
        "channels that matter again": lambda n: _share(n["reuse"]),
        "rank correlation": lambda n: _score(n["rank_correlation"]),
        "the same, channel set to zero": lambda n: _score(n["zero_rank_correlation"]),
        "loss without one iteration": lambda n: _share(n["lesion_loss"]),
        "loss if two iterations change places": lambda n: _share(n["swap_loss"]),
        "parameters": lambda n: f"{n['parameters']:,}",
        "failed seeds": lambda n: f"{n['failed_seeds']} of {n['seeds']}",
    }
    header = ["", *map(label, networks)]
    return header, [
        [name, *(cell(found) for found in networks.values())]
        for name, cell in rows.items()
    ]


def _percent(share):
    return "-" if share is None else f"{100 * share:.0f} %"


def _share(found):
    return "-" if found is None else in_percent(*found)


def _score(found):
    return "-" if found is None else with_error(*found, digits=2)
