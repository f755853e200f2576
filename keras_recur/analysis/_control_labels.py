"""Labels of control tasks, which a probe can only memorize."""

from typing import Any

import numpy as np
from keras import tree

_CLUSTERS = 100


def control_labels(
    kind: str, inputs: dict[str, Any], labels: dict[str, Any], random: Any
) -> dict[str, Any]:
    """Return labels that do not depend on the classes."""
    if kind == "shuffled":
        return {name: random.permutation(y) for name, y in labels.items()}
    from sklearn.cluster import KMeans

    rows = {name: flat(x) for name, x in inputs.items()}
    count = min(_CLUSTERS, len(np.unique(rows["train"], axis=0)))
    start = int(random.integers(2**31))
    found = KMeans(count, n_init=1, random_state=start).fit(rows["train"])
    # Every class occurs, so that a probe can be fitted.
    classes = np.unique(labels["train"])
    chosen = random.permutation(np.resize(classes, count))
    return {name: chosen[found.predict(x)] for name, x in rows.items()}


def flat(x: Any) -> np.ndarray:
    """Return all numbers of each input in one row."""
    leaves = [np.asarray(leaf, "float32") for leaf in tree.flatten(x)]
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
