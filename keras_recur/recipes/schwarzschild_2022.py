"""Schwarzschild et al. 2022, "The Uncanny Similarity of Recurrence and Depth".

arXiv:2102.11011, appendix on training. The values follow the released code,
github.com/Arjung27/DeepThinking: SGD with momentum 0.9, weight decay 2e-4 and an
exponential warm-up of 5 epochs.
"""

import functools

from keras_recur.recipes._network import Network, Recipes, up_to
from keras_recur.training.recipe import Recipe

_recipe = functools.partial(
    Recipe,
    "sgd",
    weight_decay=2e-4,
    warmup=5,
    source="released code of Schwarzschild et al. 2022",
)

# Classification in batches of 128. Columns: learning rate of the feed-forward network,
# learning rates of the recurrent one by minimum iterations, milestones that divide both
# by 10, and epochs.
_CLASSIFICATION: dict[tuple[str, str], tuple[float, dict[int, float], tuple, int]] = {
    ("mlp", "cifar10"): (0.01, {1: 0.01}, (100, 150), 200),
    ("mlp", "emnist_balanced"): (0.01, {1: 0.01}, (100, 150), 150),
    ("mlp", "svhn"): (0.01, {1: 0.01}, (50, 125), 150),
    ("convnet", "cifar10"): (0.05, {1: 0.01}, (50, 100, 150), 200),
    ("convnet", "emnist_balanced"): (0.05, {1: 0.01}, (50, 100, 150), 200),
    ("convnet", "svhn"): (0.05, {1: 0.05, 3: 0.04, 4: 0.03}, (50, 100, 150), 200),
    ("resnet", "cifar10"): (0.1, {1: 0.1, 4: 0.01}, (100, 150, 175), 200),
    ("resnet", "svhn"): (0.1, {1: 0.1, 4: 0.01}, (100, 150, 175), 200),
    ("resnet", "emnist_balanced"): (0.1, {1: 0.1, 4: 0.01}, (50, 150, 175), 200),
    ("resnet_bn", "cifar10"): (0.1, {1: 0.1}, (100, 150, 175), 200),
    ("resnet_bn", "emnist_balanced"): (0.1, {1: 0.1}, (60, 120), 160),
    ("resnet_bn", "svhn"): (0.1, {1: 0.1}, (60, 120), 160),
}

# Mazes by size in batches of 50: learning rate of the recurrent network and its factor
# at the milestones, by minimum iterations.
_MAZES = {
    9: {1: (0.1, 0.1), 2: (0.05, 0.1), 3: (0.02, 0.1), 4: (0.01, 0.1)}
    | {5: (0.002, 0.5), 6: (0.002, 0.25), 8: (0.001, 0.25), 10: (0.001, 0.25)},
    11: {1: (0.1, 0.1), 2: (0.05, 0.1), 3: (0.05, 0.1), 4: (0.04, 0.1)}
    | {5: (0.008, 0.5), 6: (0.006, 0.25), 8: (0.006, 0.25), 10: (0.004, 0.25)},
    13: {1: (0.1, 0.1), 2: (0.05, 0.1), 3: (0.04, 0.1), 4: (0.02, 0.1)}
    | {5: (0.01, 0.1), 6: (0.006, 0.25), 8: (0.004, 0.25), 10: (0.006, 0.25)},
}


def _classification(family: str, data: str, network: Network) -> Recipe:
    rate, by_iterations, milestones, epochs = _CLASSIFICATION[family, data]
    if network.recurrent:
        rate = up_to(by_iterations, network.iterations)
    elif family == "resnet_bn" and data != "cifar10" and network.iterations == 4:
        milestones = (80, 140)
    return _recipe(rate, epochs=epochs, batch_size=128, milestones=milestones)


def _mazes(network: Network) -> Recipe:
    iterations = network.iterations
    # Other sizes take the recipe of the nearest one.
    size = min(_MAZES, key=lambda known: abs(known - (network.size or 9)))
    if network.recurrent:
        rate, decay = up_to(_MAZES[size], iterations)
        epochs = 200 if iterations == 1 else 150
        milestones = up_to({1: (175,), 2: (50, 100), 5: (60, 120)}, iterations)
    else:
        rate = up_to({1: 0.1, 2: 0.05, 3: 0.002 if size == 13 else 0.001}, iterations)
        decay = 0.1
        epochs = up_to({1: 150, 3: 200}, iterations)
        milestones = up_to({1: (60, 120), 2: (50, 100), 3: (175,)}, iterations)
    return _recipe(
        rate,
        epochs=epochs,
        batch_size=50,
        milestones=milestones,
        decay=decay,
        throttle=network.recurrent,
    )


RECIPES: Recipes = {
    key: functools.partial(_classification, *key) for key in _CLASSIFICATION
} | {("deep_thinking_2d", "mazes"): _mazes}
