"""Page of the experiment `sharing`."""

from pathlib import Path
from typing import Any

from keras_recur._plot_style import COLORS, band, integer_ticks, new_figure
from keras_recur.reports.page import Page
from keras_recur.runs.summary import guess, in_percent, is_clear, is_finished

_PANELS = {
    "resnet": "Two-state ResNet, first state loops",
    "frnn": "Two-state fully recurrent network",
}
_NAMES = {
    "resnet": "two-state ResNet",
    "frnn": "fully recurrent network",
}
_SHARED = {"all": "shared", "none": "not shared"}


def write_sharing_page(page: Page, results: dict[str, Any], plots: Path) -> None:
    """Write the findings to a page, and the figures to the folder `plots`."""
    summary = results["summary"]
    page.headline(headline(summary))
    page.paragraph(
        "This repeats Figure 4 of Liao and Poggio 2016 (arXiv:1604.03640) on "
        f"{results['settings']['data']}. Every network is trained twice: with weights "
        "that are shared over time, and with separate weights for every step, as the "
        "feed-forward twin. The readout time t is the number of steps + 1."
    )
    for panel, title in _PANELS.items():
        page.heading(title)
        page.figure(
            _over_time(summary, panel),
            plots / f"{panel}.png",
            "Each point is a network that was trained and tested at that readout time.",
        )
        page.figure(
            _over_epochs(results, panel),
            plots / f"{panel}-epochs.png",
            "Solid lines share their weights over time, dashed lines do not.",
        )
    page.heading("Three-state ResNet, sharing in chosen states")
    page.figure(
        _stages(summary),
        plots / "stages.png",
        "Test error and parameters when only one state shares its weights, or all do.",
    )
    page.heading("All networks")
    page.table(*sharing_table(summary))
    page.paragraph(
        "Mean ± standard error over seeds; a network whose training diverged counts as "
        "guessing. Parameters are those of pre-net, post-net and the transitions that "
        "reach the readout.",
        small=True,
    )


def headline(summary: dict[str, Any]) -> str:
    """Return whether sharing costs accuracy at the last readout times."""
    parts = []
    for panel in _PANELS:
        last = max(s["readout_time"] for s in summary.values() if s["panel"] == panel)
        pair = [
            s
            for kind in ("all", "none")
            for s in summary.values()
            if (s["panel"], s["readout_time"], s["shared"]) == (panel, last, kind)
        ]
        if len(pair) == 2:
            shared, own = pair
            parts.append(
                f"{_verdict(shared, own)} in the {_NAMES[panel]} at t = {last}. "
                f"The test error is {_error(shared)} % with {shared['parameters']:,} "
                f"shared parameters and {_error(own)} % with {own['parameters']:,} "
                "separate ones."
            )
    return " ".join(parts)


def _verdict(shared, own):
    """Compare two errors; a clear difference is at least two standard errors."""
    if shared["standard_error"] is None or own["standard_error"] is None:
        return "One seed cannot tell whether sharing costs accuracy"
    apart = shared["error"] - own["error"]
    if not is_clear(apart, shared["standard_error"], own["standard_error"]):
        return "Sharing costs no clear accuracy"
    return "Sharing costs accuracy" if apart > 0 else "Sharing improves accuracy"


def sharing_table(summary: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows, with a row per network."""
    header = ["network", "shared", "test error (%)", "training error (%)"]
    rows = [
        [
            f"{s['panel']}, t = {s['readout_time']}",
            s["shared"],
            _error(s),
            "-" if s["training_error"] is None else f"{100 * s['training_error']:.1f}",
            f"{s['parameters']:,}",
            f"{s['failed_seeds']} of {s['seeds']}",
        ]
        for s in summary.values()
    ]
    return [*header, "parameters", "failed seeds"], rows


def _error(found):
    return in_percent(found["error"], found["standard_error"])


def _chosen(summary, panel, shared):
    found = [
        s for s in summary.values() if (s["panel"], s["shared"]) == (panel, shared)
    ]
    return sorted(found, key=lambda s: s["readout_time"])


def _over_time(summary, panel):
    figure, (errors, counts) = new_figure(2)
    errors.set_title("Test error over readout time", loc="left", fontsize=10)
    counts.set_title("Parameters over readout time", loc="left", fontsize=10)
    for shared, line, color in (("all", "-", COLORS[0]), ("none", "--", COLORS[1])):
        rows = _chosen(summary, panel, shared)
        times = [s["readout_time"] for s in rows]
        label = _SHARED[shared]
        errors.errorbar(
            times,
            [100 * s["error"] for s in rows],
            [100 * (s["standard_error"] or 0) for s in rows],
            label=label,
            color=color,
            linestyle=line,
            marker="o",
            markersize=4,
            capsize=3,
        )
        parameters = [s["parameters"] for s in rows]
        counts.plot(times, parameters, line, color=color, marker="o", markersize=4)
    errors.set_ylabel("test error (%)")
    counts.set_ylabel("parameters")
    counts.yaxis.set_major_formatter("{x:,.0f}")
    for axes in (errors, counts):
        axes.set_xlabel("readout time t")
        axes.set_xticks(times)
        axes.set_ylim(bottom=0)
    errors.legend(frameon=False)
    return figure


def _over_epochs(results, panel):
    figure, (training, held_out) = new_figure(2)
    summary = results["summary"]
    times = sorted({s["readout_time"] for s in summary.values() if s["panel"] == panel})
    for name, found in summary.items():
        if found["panel"] != panel:
            continue
        same = _same(summary, panel, found["readout_time"])
        if same and found["shared"] == "none":
            continue  # No state loops yet, so both networks are equal.
        runs = [r for r in results["runs"] if r["network"] == name]
        guesses = [guess(results["settings"]["data"])] * _epochs(results)
        color = COLORS[times.index(found["readout_time"]) % len(COLORS)]
        label = f"t = {found['readout_time']}"
        label += "" if same else f", {_SHARED[found['shared']]}"
        line = "-" if found["shared"] == "all" else "--"
        for axes, key in ((training, "accuracy"), (held_out, "val_accuracy")):
            scores = [r["history"][key] if is_finished(r) else guesses for r in runs]
            rows = [[100 * (1 - a) for a in score] for score in scores]
            if rows:
                epochs = range(1, len(rows[0]) + 1)
                band(axes, epochs, rows, color=color, linestyle=line, label=label)
    for axes, what in ((training, "training"), (held_out, "validation")):
        axes.set_title(
            f"{what.capitalize()} error over epochs", loc="left", fontsize=10
        )
        axes.set_xlabel("epoch")
        axes.set_ylabel(f"{what} error (%)")
        integer_ticks(axes.xaxis)
        if axes.dataLim.y0 < 10:
            # The first epochs would hide the differences in later ones.
            axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter("{x:g}")
    held_out.legend(frameon=False, fontsize=8)
    return figure


def _same(summary, panel, time):
    """Return whether the shared and the separate network of that time are equal."""
    counts = [
        s["parameters"]
        for s in summary.values()
        if (s["panel"], s["readout_time"]) == (panel, time)
    ]
    return len(counts) > 1 and len(set(counts)) == 1


def _epochs(results):
    return results["settings"]["recipe"]["epochs"]


def _stages(summary):
    rows = [s for s in summary.values() if s["panel"] == "stages"]
    figure, (errors, counts) = new_figure(2)
    errors.set_title("Test error by shared states", loc="left", fontsize=10)
    counts.set_title("Parameters by shared states", loc="left", fontsize=10)
    labels = [
        _SHARED.get(s["shared"], f"only {s['shared']}").replace("not ", "not\n")
        for s in rows
    ]
    labels[0] = "all\nshared"
    errors.bar(
        labels,
        [100 * s["error"] for s in rows],
        yerr=[100 * (s["standard_error"] or 0) for s in rows],
        color=COLORS[0],
        capsize=3,
    )
    counts.bar(labels, [s["parameters"] for s in rows], color=COLORS[1])
    errors.set_ylabel("test error (%)")
    counts.set_ylabel("parameters")
    counts.yaxis.set_major_formatter("{x:,.0f}")
    return figure
