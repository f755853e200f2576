"""Made-up rows of a search, some of them failed."""

import json

import numpy as np

WIDTHS, ITERATIONS = (8, 16, 32, 64, 128), (1, 2, 4, 8)
SHARINGS = ("all", "groups of 2", "none")
GAINS = {"all": 1.0, "groups of 2": 1.1, "none": 1.2}


def made_row(width, iterations, sharing, seed, **changes):
    """Return a row of a search; accuracy grows with width and iterations."""
    copies = {"all": 1, "none": iterations}.get(sharing, -(-iterations // 2))
    draw = np.random.default_rng([width, iterations, seed, len(sharing)])
    macs = 64 * 9 * width**2 * iterations + 64 * 27 * width + 10 * width
    effect = GAINS.get(sharing, 1) * np.log2(width / 4) + 1.2 * np.log2(1 + iterations)
    accuracy = float(0.95 - 0.6 * np.exp(-effect / 3) + draw.normal(0, 0.006))
    row = {
        "configuration": f"w{width}-t{iterations}-{sharing.replace(' ', '')}",
        "width": width,
        "iterations": iterations,
        "sharing": sharing,
        "learning_rate": 0.001,
        "seed": seed,
        "status": "finished",
        "message": "",
        "accuracy": accuracy,
        "loss": 1 - accuracy,
        "seconds": 10 + macs / 1e6,
        "peak_memory": None,
        "parameters": 9 * width**2 * copies + 27 * width + 10 * width,
        "macs": macs,
        "activation_bytes": 4 * 64 * width * (iterations + 2),
        "effective_depth": iterations + 2,
        "curve": [
            accuracy * (0.5 + 0.5 * (i + 1) / iterations) for i in range(iterations)
        ],
    }
    return row | changes


def failed(row, status, message):
    return row | {
        "status": status,
        "message": message,
        "accuracy": None,
        "loss": None,
        "curve": [],
    }


CONTENT = {
    "name": "digits-search",
    "family": "convnet",
    "data": "digits",
    "metric": "accuracy",
    "settings": {"max_macs": 5e8, "equal": None, "epochs": 10, "seeds": [0, 1, 2]},
    "provenance": {"keras_recur": "0.1.0", "backend": "tensorflow", "command": "x"},
    "winner": {
        "configuration": "w64-t8-none",
        "seeds": [3, 4, 5],
        "test_accuracy": [0.91, 0.93, 0.92],
    },
}


def made_rows():
    rows = []
    for sharing in SHARINGS:
        for iterations in ITERATIONS:
            for width in WIDTHS:
                if sharing == "groups of 2" and iterations == 1:
                    continue
                for seed in range(3):
                    row = made_row(width, iterations, sharing, seed)
                    if width == 128 and iterations == 8:
                        row = failed(row, "out of memory", "needs 3.1 GB")
                    elif (width, iterations, sharing) == (128, 4, "all") and seed:
                        row = failed(row, "diverged", "loss is NaN in epoch 3")
                    elif (width, iterations, sharing) == (8, 8, "groups of 2"):
                        row = failed(row, "failed", "ValueError: the kernel is larger")
                    rows.append(row)
    return rows


def write_folder(folder, content, rows):
    (folder / "rows").mkdir(parents=True)
    (folder / "search.json").write_text(json.dumps(content))
    for row in rows:
        name = f"{row['configuration']}-s{row['seed']}.json"
        (folder / "rows" / name).write_text(json.dumps(row))
    return folder
