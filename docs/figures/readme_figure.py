"""Draw docs/figures/readme.png, the README's figure, from a published entry's results.

python docs/figures/readme_figure.py
"""

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "zoo" / "deep_thinking_1d-prefix_sums" / "results.json"
PICTURE = Path(__file__).with_name("readme.png")
DRAWN = (16, 64, 128, 512)  # Bits of the strings of the left panel.
COLORS = {"recurrent": "#1f6fb2", "feedforward": "#d1662b"}
LABELS = {"recurrent": "recurrent", "feedforward": "feed-forward twin"}


def numbers(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the figure shows of each twin.

    Args:
        results: Content of an entry's `results.json`.

    Returns:
        For each twin the `sizes` of the strings, the `mean` and standard `error` of its
        accuracy on each of them, in percent, the mean `curves` over iterations by size,
        the number of `seeds`, and its `parameters`.
    """
    found = {}
    for twin in LABELS:
        tests = [run["tests"] for run in results["runs"] if run["twin"] == twin]
        scores = 100 * np.array([[test["accuracy"] for test in row] for row in tests])
        sizes = [test["size"] for test in tests[0]]
        found[twin] = {
            "sizes": sizes,
            "mean": scores.mean(axis=0),
            "error": scores.std(axis=0, ddof=1) / np.sqrt(len(scores)),
            "curves": {
                size: 100 * np.mean([row[i]["curve"] for row in tests], axis=0)
                for i, size in enumerate(sizes)
            },
            "seeds": len(scores),
            "parameters": results["costs"][twin]["parameters"],
        }
    return found


def draw(results: dict[str, Any]) -> Figure:
    """Return the figure: accuracy over iterations, and over the length of strings."""
    trained = results["entry"]["model"]["iterations"]
    figure = Figure(figsize=(9.2, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    shown = numbers(results)
    left.axvspan(1, trained, color="0.93", lw=0)
    left.text(np.sqrt(trained), 106, "trained", ha="center", va="center", color="0.4")
    curves = shown["recurrent"]["curves"]
    for i, size in enumerate(DRAWN):
        x, y = np.arange(1, len(curves[size]) + 1), curves[size]
        color = matplotlib.colormaps["Blues"](0.45 + 0.18 * i)
        left.plot(x, y, color=color, lw=2, label=f"{size} bits")
    left.set_title("Recurrent network, trained on 16 bits", loc="left", fontsize=11)
    left.set(xscale="log", xlabel="iterations", xlim=(1, len(curves[DRAWN[0]])))
    left.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.01, 0.92))
    for twin, found in shown.items():
        count = f"{found['parameters']:,} parameters"
        right.errorbar(
            found["sizes"],
            found["mean"],
            found["error"],
            color=COLORS[twin],
            marker="o",
            markersize=5,
            capsize=2,
            label=f"{LABELS[twin]}, {count}",
        )
    right.set_title("Both twins", loc="left", fontsize=11)
    right.set(xscale="log", xlabel="bits of a string")
    right.set_xticks(found["sizes"], [str(size) for size in found["sizes"]])
    right.minorticks_off()
    right.legend(frameon=False, loc="center right", bbox_to_anchor=(1, 0.55))
    for axes in (left, right):
        axes.set(ylabel="strings solved (%)", ylim=(-3, 112))
        axes.set_yticks(range(0, 101, 20))
        axes.spines[["top", "right"]].set_visible(False)
    left.set_xticks([1, 10, 100, trained, 512], ["1", "10", "100", str(trained), "512"])
    left.minorticks_off()
    return figure


def main(path: Path = PICTURE) -> None:
    """Write the figure."""
    figure = draw(json.loads(RESULTS.read_text("utf-8")))
    figure.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
