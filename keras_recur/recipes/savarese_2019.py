"""Hyperparameters of Savarese and Maire 2019 (arXiv:1902.09701).

The values for CIFAR are those of the released code, github.com/lolemacs/soft-sharing.
The shortest-path task is not in that code, so its values follow the paper.
"""

from typing import Any

from keras_recur.recipes._network import Recipes
from keras_recur.training.recipe import Recipe

_CIFAR = Recipe(
    "sgd",
    0.1,
    epochs=200,
    batch_size=128,
    nesterov=True,
    weight_decay=5e-4,
    milestones=(60, 120, 160),
    decay=0.2,
    cutout=16,
    source="released code of Savarese and Maire 2019",
)

RECIPES: Recipes = {
    ("swrn", "cifar10"): _CIFAR,
    ("swrn", "cifar100"): _CIFAR,
    ("scnn", "shortest_paths"): Recipe(
        "adam",
        1e-2,
        epochs=250,
        batch_size=32,
        source="description of Savarese and Maire 2019; batch size ours",
    ),
}

# Additional recurrent networks to compare with the twins, by family.
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "scnn": {"regularized": {"recurrence_penalty": 0.01}}
}
