"""Page of the experiment `features`."""

from pathlib import Path
from typing import Any

from keras_recur import zoo
from keras_recur._plot_style import label
from keras_recur.experiments import features_figures
from keras_recur.experiments.features_figures import level, probes_of, similarities
from keras_recur.reports.page import Page
from keras_recur.runs.entry import TWINS
from keras_recur.runs.summary import in_percent, is_clear, mean_and_error, with_error


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
        f"{family.summary} Data: {settings['data']}."
    )
    page.heading("What a linear probe can read")
    page.figure(
        features_figures.probes(results),
        plots / "probes.png",
        "Accuracy on test examples of a logistic regression on the state after each "
        f"iteration (0: before the first one). {_READ[positions]} Dotted: the "
        f"network's own head. {_UNTRAINED}",
    )
    page.heading("Whether filters matter again")
    page.figure(
        features_figures.importance(results),
        plots / "ablation.png",
        "Points of accuracy lost if what an iteration has written to one channel is "
        "removed, for the first seed. Each row is a channel.",
    )
    page.heading("Similarity of states")
    page.figure(
        features_figures.similarity(results),
        plots / "similarity.png",
        "Debiased CKA of the states of two networks, mean over seeds. Two seeds of one "
        "network are the ceiling, the untrained network the floor.",
    )
    for found in results.get("together", {}).get("preferred", []):
        if found["network"] == TWINS[0]:
            page.heading("What excites a filter most")
        page.figure(
            features_figures.preferred(results, found),
            plots / f"preferred_{found['network']}.png",
            f"{label(found['network'])}, seed {found['seed']}: images made to excite a "
            "filter (row) after an iteration (column). Above: activation relative to "
            "that of the best test image. The images show what a filter responds to, "
            "and not what the network uses.",
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
        "Mean ± standard error over seeds, accuracies in percent. Reuse: share of the "
        "channels that matter (loss above two standard errors) that matter in two "
        "iterations or more. Rank correlation: of the losses by channel, over pairs of "
        "iterations. A seed whose training diverged counts as guessing in accuracies "
        "and is left out of the rest.",
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


def headline(results: dict[str, Any]) -> str:
    """Return which of the claims, stated before the measurement, hold."""
    networks = results["summary"]["networks"]
    if any(networks.get(twin, {"seeds": 0})["seeds"] < 2 for twin in TWINS):
        return "Claims need two seeds or more of both twins."
    parts = [
        f"1. The probes of the twins do not differ clearly in any iteration, and read "
        f"more than from untrained networks: {_verdict(*_same_probes(networks))}.",
        f"2. The same filters matter again in more iterations of the recurrent network "
        f"than of its twin: {_verdict(*_filters(networks))}.",
    ]
    levels = _levels(results)
    if len(levels) > 2:
        between = _between(levels)
        parts.append(
            f"3. The states of twins are as similar as those of two seeds, and more "
            f"than those of an untrained network: {_verdict(*between)}."
        )
    return " ".join(["Claims stated before the measurement:", *parts])


def _verdict(holds, why):
    return f"{'holds' if holds else 'does not hold'} ({why})"


def _same_probes(networks):
    probe, *_ = probes_of(networks[TWINS[0]])
    one, two = (networks[t][probe] for t in TWINS)
    gaps = [
        (100 * abs(a[0] - b[0]), is_clear(a[0] - b[0], a[1], b[1]))
        for a, b in zip(one, two, strict=True)
    ]
    floors = [networks[t][f"untrained_{probe}"] for t in TWINS]
    above = all(
        a[0] > f[0] and is_clear(a[0] - f[0], a[1], f[1])
        for mine, floor in zip((one, two), floors, strict=True)
        for a, f in zip(mine[1:], floor[1:], strict=True)
    )
    clear = [i for i, (_, found) in enumerate(gaps) if found]
    largest = max(gap for gap, _ in gaps)
    states = "state" if len(clear) == 1 else "states"
    where = f"clear in {states} {', '.join(map(str, clear))}" if clear else "none clear"
    if len(clear) > 4:
        where = f"clear in {len(clear)} of {len(gaps)} states"
    floor = "all above untrained ones" if above else "not all above untrained ones"
    return not clear and above, (
        f"largest difference {largest:.1f} points, {where}; after the first iteration "
        f"{floor}"
    )


def _filters(networks):
    found = [networks[t]["rank_correlation"] for t in TWINS]
    if None in found:
        network = label(TWINS[found.index(None)])
        return False, f"{network}: it makes no difference which channel is removed"
    (a, a_error), (b, b_error) = found
    clear = is_clear(a - b, a_error or 0, b_error or 0)
    return a > b and clear, (
        f"rank correlation {with_error(a, a_error, 2)} against "
        f"{with_error(b, b_error, 2)}"
    )


def _levels(results):
    """Return mean and standard error of the similarity in equal iterations."""
    levels = {}
    for kind, rows in similarities(results).items():
        values = [level(row["matrix"]) for row in rows]
        levels[kind] = mean_and_error(values)
    return levels


def _between(levels):
    twins, floor = levels["twins"], levels["untrained"]
    ceilings = [levels[f"{twin} seeds"] for twin in TWINS]
    ceiling = min(ceilings)
    near = twins[0] >= ceiling[0] or not _differ(twins, ceiling)
    above = twins[0] > floor[0] and _differ(twins, floor)
    shown = {"twins": twins, "seeds": ceiling, "untrained": floor}
    return near and above, ", ".join(
        f"{name} {with_error(*found, digits=2)}" for name, found in shown.items()
    )


def _differ(one, two):
    return is_clear(one[0] - two[0], one[1] or 0, two[1] or 0)


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
        "parameters": lambda n: f"{n['parameters']:,}",
        "failed seeds": lambda n: f"{n['failed_seeds']} of {n['seeds']}",
    }
    header = ["", *map(label, networks)]
    return header, [
        [name, *(cell(found) for found in networks.values())]
        for name, cell in rows.items()
    ]


def _share(found):
    return "-" if found is None else in_percent(*found)


def _score(found):
    return "-" if found is None else with_error(*found, digits=2)
