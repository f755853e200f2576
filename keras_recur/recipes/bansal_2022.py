"""Bansal et al. 2022, "End-to-end Algorithm Synthesis with Recurrent Networks".

arXiv:2202.05826: networks with recall (`injection="concat"`). Recurrent ones use the
progressive loss of section 3.2. The values follow the released code,
github.com/aks2203/deep-thinking.
"""

from keras_recur.recipes._network import Network, Recipes
from keras_recur.training.recipe import Recipe

_SOURCE = "released code of Bansal et al. 2022"


def _mazes(network: Network) -> Recipe:
    return Recipe(
        "adam",
        1e-3,
        epochs=50,
        batch_size=50,
        weight_decay=2e-4,
        throttle=network.recurrent,
        progressive=0.01 if network.recurrent else 0.0,
        source=_SOURCE,
    )


def _prefix_sums(network: Network) -> Recipe:
    return Recipe(
        "adam",
        1e-3,
        epochs=150,
        batch_size=100,
        milestones=(60, 100),
        clip_norm=1.0,
        weight_decay=2e-4,
        warmup=10,
        progressive=1.0 if network.recurrent else 0.0,
        source=_SOURCE,
    )


RECIPES: Recipes = {
    ("deep_thinking_2d", "mazes"): _mazes,
    ("deep_thinking_1d", "prefix_sums"): _prefix_sums,
}
