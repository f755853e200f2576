"""Draw docs/figures/readme.png, the README's figure, from a published entry's results.

python docs/figures/readme_figure.py
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "zoo" / "deep_thinking_1d-prefix_sums" / "results.json"
PICTURE = Path(__file__).with_name("readme.png")
SIZE = 32  # Bits of the test strings; the networks were trained on 16.
COLORS = {"recurrent": "#1f6fb2", "feedforward": "#d1662b"}
LABELS = {"recurrent": "recurrent", "feedforward": "feed-forward twin"}


def numbers(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the figure shows of each twin.

    Args:
        results: Content of an entry's `results.json`.

    Returns:
        For each twin the `mean` and standard `error` of its accuracy after each
        iteration, in percent, the number of `seeds`, and its `parameters`.
    """
    found = {}
    for twin in LABELS:
        curves = 100 * np.array(
            [
                test["curve"]
                for run in results["runs"]
                if run["twin"] == twin
                for test in run["tests"]
                if test["size"] == SIZE
            ]
        )
        found[twin] = {
            "mean": curves.mean(axis=0),
            "error": curves.std(axis=0, ddof=1) / np.sqrt(len(curves)),
            "seeds": len(curves),
            "parameters": results["costs"][twin]["parameters"],
        }
    return found


def draw(results: dict[str, Any]) -> Figure:
    """Return the figure: accuracy over iterations, and parameters of both twins."""
    trained = results["entry"]["model"]["iterations"]
    figure = Figure(figsize=(8.4, 3.3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2.6, 1))
    left.axvspan(0.5, trained, color="0.93", lw=0)
    left.text(trained / 2 + 0.25, 106, "trained", ha="center", va="center", color="0.4")
    shown = numbers(results)
    for twin, found in shown.items():
        x = np.arange(1, len(found["mean"]) + 1)
        color, mean, error = COLORS[twin], found["mean"], found["error"]
        left.plot(x, mean, color=color, label=LABELS[twin], marker=".", markersize=5)
        left.fill_between(x, mean - error, mean + error, color=color, alpha=0.2, lw=0)
        bar = right.bar(
            LABELS[twin].replace(" ", "\n"), found["parameters"], color=color, width=0.6
        )
        right.bar_label(bar, fmt="{:,.0f}", padding=2)
    left.set_title(f"Accuracy on strings of {SIZE} bits", loc="left", fontsize=11)
    left.set_xlim(0.5, len(shown["recurrent"]["mean"]) + 0.5)
    left.set(xlabel="iterations", ylabel="strings solved (%)", ylim=(-2, 112))
    left.set_yticks(range(0, 101, 20))
    left.legend(frameon=False, loc="center right", bbox_to_anchor=(1, 0.35))
    right.set_title("Parameters", loc="left", fontsize=11)
    right.set_yticks([])
    right.set_ylim(0, 1.12 * max(bar.get_height() for bar in right.patches))
    left.spines[["top", "right"]].set_visible(False)
    right.spines[["top", "right", "left"]].set_visible(False)
    return figure


def main(path: Path = PICTURE) -> None:
    """Write the figure."""
    figure = draw(json.loads(RESULTS.read_text("utf-8")))
    figure.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
