"""Serves what export_cases.py has exported, with TensorFlow and nothing else.

Run by `make served` in an environment that has neither this library nor, in use, Keras.

    python tests/exporting/serve_cases.py FOLDER [FOLDER ...]
"""

import json
import sys
from pathlib import Path

for name in ("keras", "keras_recur", "jax", "torch"):
    sys.modules[name] = None  # An import of it fails.

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

TOLERANCE = 1e-5
MODELS = {"tensorflow": 5, "jax": 2, "torch": 2}  # What each backend has exported.


def difference(found, expected):
    """Relative to the largest answer, where that is above 1."""
    found = np.asarray(found)
    if found.shape != expected.shape:
        raise ValueError(f"shape {found.shape}, not {expected.shape}")
    return np.abs(found - expected).max() / max(1.0, np.abs(expected).max())


def check(folder, name):
    """The largest difference of all functions, and how many answers were compared."""
    served = tf.saved_model.load(str(folder / name))
    card = json.loads(Path(served.card.asset_path.numpy().decode()).read_text())
    if card["exported"]["backend"] != folder.name:
        raise ValueError(f"{name} says that {card['exported']['backend']} exported it")
    kept = dict(np.load(folder / f"{name}.npz"))
    x = kept["x"]
    found = [difference(served.serve(x), kept["serve"])]
    found.append(difference(served.serve(x[:1]), kept["serve"][:1]))
    iterations = card["iterations"]
    trained, allowed = iterations["trained"], iterations.get("allowed")
    limit = iterations.get("limit") or 2 * trained
    counts = {1, trained, 2 * trained}
    counts = counts & set(allowed) if allowed else {n for n in counts if n <= limit}
    if trained not in counts or (not allowed and limit > trained and len(counts) < 3):
        raise ValueError(f"{name} lacks numbers of iterations: {counts}")
    for n in sorted(counts):
        for batch in (slice(7), slice(1)):
            answers = served.serve_iterations(x[batch], n)
            found.append(difference(answers, kept[f"after {n}"][batch]))
    if "every" in kept:
        every = kept["every"]
        answers = served.serve_all(x)
        found.append(difference(answers["logits"], every))
        if "serve_until" in card["functions"]:
            levels = np.sort(answers["confidence"], axis=None)
            between = np.argmax(np.diff(levels))  # so that rounding decides nothing
            level = float(levels[between : between + 2].mean())
            until = served.serve_until(x, level)
            chosen = until["iterations"].numpy() - 1
            expected = every[np.arange(len(x)), chosen]
            found.append(difference(until["logits"], expected))
            sure = answers["confidence"].numpy() >= level
            first = np.where(sure.any(1), sure.argmax(1), sure.shape[1] - 1)
            found.append(float(np.abs(first - chosen).max()))
            until = served.serve_until_agreed(x, 1)
            classes = every.argmax(-1).reshape(*every.shape[:2], -1)
            agree = (classes[:, 1:] == classes[:, :-1]).all(-1)
            first = np.where(agree.any(1), agree.argmax(1) + 1, every.shape[1] - 1)
            found.append(float(np.abs(first + 1 - until["iterations"]).max()))
            found.append(difference(until["logits"], every[np.arange(len(x)), first]))
    return max(found), len(found)


def main(folders):
    failed = 0
    for folder in folders:
        names = sorted(file.stem for file in folder.glob("*.npz"))
        if len(names) < MODELS[folder.name]:
            raise SystemExit(
                f"{folder} holds {len(names)} exported models, not "
                f"{MODELS[folder.name]}."
            )
        for name in names:
            largest, count = check(folder, name)
            failed += not largest <= TOLERANCE
            print(f"{folder.name}: {name}: {count} answers, at most {largest:.1e} off")
    if failed:
        raise SystemExit(f"{failed} exported models differ by more than {TOLERANCE}.")


if __name__ == "__main__":
    main([Path(folder) for folder in sys.argv[1:]])
