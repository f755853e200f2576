"""Schwarzschild et al. 2021, "Can You Learn an Algorithm?".

arXiv:2106.04537, section "Prefix sums". The values follow the released code,
github.com/aks2203/deep-thinking.
"""

from keras_recur.recipes._network import Recipes
from keras_recur.training.recipe import Recipe

RECIPES: Recipes = {
    ("deep_thinking_1d", "prefix_sums"): Recipe(
        "adam",
        1e-3,
        epochs=500,
        batch_size=150,
        milestones=(100, 200, 300),
        decay=0.5,
        clip_norm=1.0,
        weight_decay=2e-4,
        warmup=10,
        source="released code of Schwarzschild et al. 2021",
    )
}
