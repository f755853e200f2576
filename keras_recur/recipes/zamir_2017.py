"""Zamir et al. 2017, "Feedback Networks".

arXiv:1612.09508. The values follow the released code,
github.com/StanfordVL/feedback-networks, whose loss is the sum over the iterations.
"""

from typing import Any

from keras_recur.recipes._network import Network, Recipes
from keras_recur.training.recipe import Recipe


def _cifar100(network: Network) -> Recipe:
    return Recipe(
        "sgd",
        0.1,
        epochs=164,
        batch_size=64,
        momentum=0.9,
        nesterov=True,
        weight_decay=1e-4,
        milestones=(81, 122),
        loss_weights=(1.0,) * network.iterations,
        source="released code of Zamir et al. 2017",
    )


RECIPES: Recipes = {("feedback", "cifar100"): _cifar100}

# Additional recurrent networks to compare with the twins, by family.
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "feedback": {"one average": {"normalization": "shared"}}
}
